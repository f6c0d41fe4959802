// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <new>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/kernels/optimizer_step.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/distance.h"
#include "gnomon/stats/moments.h"
#include "gnomon/stats/quantile.h"
#include "gnomon/stats/regression.h"
#include "gnomon/train/option_names.h"
#include "gnomon/train/trained_parameters.h"

namespace gnomon {
namespace {

constexpr std::array kDriftQuantiles = {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0};

void check_options(const TrainOptions& options) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw ArgumentError(what);
  };
  require(options.epochs >= 1, fmt::format("epochs is {}, expected at least 1", options.epochs));
  require(options.batch_rows >= 1,
          fmt::format("batch_rows is {}, expected at least 1", options.batch_rows));
  require(options.accumulate >= 1,
          fmt::format("accumulate is {}, expected at least 1", options.accumulate));
  require(options.optimizer.learning_rate > 0 && std::isfinite(options.optimizer.learning_rate),
          fmt::format("learning_rate is {}, expected a positive number",
                      options.optimizer.learning_rate));
  const std::string& metric = options.early_stopping.metric;
  require(metric == "val_loss" || metric == "val_r2" || metric == "val_r",
          fmt::format("early stopping metric \"{}\", expected val_loss, val_r2 or val_r", metric));
}

// Names the first tensor whose gradient is not finite.
template <class T>
std::optional<std::string> first_bad(const Optimizer<T>& optimizer) {
  for (const OptimizedTensor<T>& tensor : optimizer.tensors()) {
    const Index at = first_not_finite<T>(tensor.grad);
    if (at >= 0) return fmt::format("the gradient of \"{}\" at index {}", tensor.name, at);
  }
  return std::nullopt;
}

}  // namespace

template <class T>
std::vector<OptimizedTensor<T>> model_tensors(ReportModel<T>& model) {
  std::vector<OptimizedTensor<T>> tensors;
  if (model.lora()) {
    for (LoraMatrix<T>& matrix : model.lora()->matrices()) {
      tensors.push_back(
          {matrix.row.name + ".lora_A", matrix.a.values(), matrix.grad_a.values(), true});
      tensors.push_back(
          {matrix.row.name + ".lora_B", matrix.b.values(), matrix.grad_b.values(), true});
    }
    return tensors;
  }
  for (auto& [key, entry] : model.parameters().entries()) {
    tensors.push_back({entry.row.name, entry.values.values(),
                       std::as_const(*model.gradients().find(key)).values(),
                       entry.row.is_matrix()});
  }
  return tensors;
}

std::vector<OptimizedTensor<double>> head_tensors(ReportHead& head) {
  std::vector<OptimizedTensor<double>> tensors;
  for (std::size_t l = 0; l < head.layers().size(); ++l) {
    ReportHead::Layer& layer = head.layers()[l];
    tensors.push_back({fmt::format("head.layers.{}.weight", l), layer.weight.values(),
                       std::as_const(layer.grad_weight).values(), true});
    tensors.push_back({fmt::format("head.layers.{}.bias", l), layer.bias.values(),
                       std::as_const(layer.grad_bias).values(), false});
  }
  return tensors;
}

template <class T>
Trainer<T>::Trainer(ReportModel<T>& model) : model_(model), options_(model.options()) {
  check_options(options_);
  training_texts_ = model.texts_of(Part::train);
  validation_texts_ = model.texts_of(Part::val);
  if (training_texts_.empty() || validation_texts_.empty()) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("{} training texts and {} validation texts, expected some of each",
                    training_texts_.size(), validation_texts_.size()));
  }
  if (model.trains_model()) model_optimizer_.emplace(options_.optimizer, model_tensors(model));
  if (model.reporter().has_head() && options_.reporter.head == HeadMode::trained)
    head_optimizer_.emplace(options_.optimizer, head_tensors(model.reporter().head()));
}

template <class T>
std::vector<std::vector<Index>> Trainer<T>::batches(Index epoch) const {
  std::vector<Index> order = training_texts_;
  Random random(options_.seed, fmt::format("train/order/{}", epoch));
  random.shuffle(order);
  std::vector<std::vector<Index>> result;
  Index n_row = options_.batch_rows;
  for (const Index text : order) {
    if (n_row >= options_.batch_rows) {
      result.emplace_back();
      n_row = 0;
    }
    result.back().push_back(text);
    n_row += model_.n_rows_of_text(text);
  }
  return result;
}

template <class T>
void Trainer<T>::require_finite(double loss, double sum_of_squares) const {
  if (std::isfinite(loss) && std::isfinite(sum_of_squares)) return;
  std::string where = "the loss itself";
  if (model_optimizer_) {
    if (const auto bad = first_bad(*model_optimizer_)) where = *bad;
  }
  if (head_optimizer_ && where == "the loss itself") {
    if (const auto bad = first_bad(*head_optimizer_)) where = *bad;
  }
  throw NumericError(
      fmt::format("train: update {} has a loss of {}; not finite first: {}", state_.step + 1, loss,
                  where),
      "the last stored epoch is kept; a smaller learning rate or a smaller clip_norm may help");
}

// Norms by block and kind of parameter, before clipping.
template <class T>
std::vector<std::pair<std::string, double>> Trainer<T>::gradient_norms() const {
  std::map<std::string, double> sums;
  if (!model_.lora()) {
    for (const auto& [key, entry] : std::as_const(model_).parameters().entries()) {
      const std::string block =
          entry.row.per_block ? fmt::format("block {}", key.layer) : "outside";
      sums[fmt::format("grad_norm/{}/{}", block, option_name(component_of(key.kind)))] +=
          sum_of_squares<T>(std::as_const(*model_.gradients().find(key)).values());
    }
  } else {
    for (const LoraMatrix<T>& matrix : model_.lora()->matrices()) {
      sums[fmt::format("grad_norm/block {}/lora", matrix.row.key.layer)] +=
          sum_of_squares<T>(matrix.grad_a.values()) + sum_of_squares<T>(matrix.grad_b.values());
    }
  }
  std::vector<std::pair<std::string, double>> norms;
  for (const auto& [name, sum] : sums) norms.emplace_back(name, std::sqrt(sum));
  if (head_optimizer_)
    norms.emplace_back("grad_norm/head", std::sqrt(head_optimizer_->grad_sum_of_squares()));
  return norms;
}

template <class T>
ReportPass Trainer<T>::run_part(std::span<const Index> texts, Index n_row, Index n_lm_token) {
  try {
    return model_.run_with_gradients(texts, n_row, n_lm_token);
  } catch (const std::bad_alloc&) {
    Index n_token = 0;
    for (const Index text : texts) n_token += model_.n_tokens_of_text(text);
    throw Error(ErrorCode::out_of_resources,
                fmt::format("not enough memory for {} texts of {} tokens at once in step {}",
                            texts.size(), n_token, state_.step + 1),
                "set train.accumulate to cut a batch into parts, train.recompute to store less of "
                "each, or a smaller train.batch_rows; the checkpoints stay");
  }
}

template <class T>
double Trainer<T>::update(const std::vector<Index>& texts, double learning_rate,
                          const Events& events, bool detailed) {
  Index n_row = 0, n_lm_token = 0;
  for (const Index text : texts) {
    n_row += model_.n_rows_of_text(text);
    n_lm_token += model_.n_tokens_of_text(text) - 1;
  }
  model_.clear_gradients();

  const auto n_text = static_cast<Index>(texts.size());
  const Index n_part = std::min(options_.accumulate, n_text);
  double report = 0, live = 0, lm = 0;
  for (Index part = 0; part < n_part; ++part) {
    const Index first = n_text * part / n_part;
    const Index last = n_text * (part + 1) / n_part;
    const ReportPass pass =
        run_part(std::span<const Index>(texts).subspan(static_cast<std::size_t>(first),
                                                       static_cast<std::size_t>(last - first)),
                 n_row, std::max<Index>(1, n_lm_token));
    for (const double loss : pass.row_loss) report += loss;
    live += pass.live_loss;
    lm += pass.lm_loss;
  }
  if (model_.lora()) model_.lora()->gradients(model_.gradients());
  const auto rows = static_cast<double>(n_row);
  const double lm_mean = lm / static_cast<double>(std::max<Index>(1, n_lm_token));
  const double loss =
      report / rows + options_.live_weight * live / rows + options_.lm_weight * lm_mean;
  double sum_of_squares = model_optimizer_ ? model_optimizer_->grad_sum_of_squares() : 0;
  if (head_optimizer_) sum_of_squares += head_optimizer_->grad_sum_of_squares();
  require_finite(loss, sum_of_squares);
  const double norm = std::sqrt(sum_of_squares);
  const double factor = clip_factor(norm, options_.clip_norm);
  if (model_optimizer_) model_optimizer_->step(learning_rate, factor);
  if (head_optimizer_) head_optimizer_->step(learning_rate, factor);
  model_.refresh();
  ++state_.step;
  if (events.metric) {
    MetricRecord record{"step",
                        state_.step,
                        state_.epoch,
                        {{"loss", loss},
                         {"report_loss", report / rows},
                         {"learning_rate", learning_rate},
                         {"grad_norm", norm},
                         {"grad_norm_clipped", norm * factor}}};
    if (options_.lm_weight > 0) record.values.emplace_back("lm_loss", lm_mean);
    if (options_.live_weight > 0) record.values.emplace_back("live_loss", live / rows);
    if (detailed) {
      for (auto& entry : gradient_norms()) record.values.push_back(std::move(entry));
    }
    events.metric(record);
  }
  return report;
}

template <class T>
void Trainer<T>::validate(const Events& events, double train_loss) {
  const ReportPass pass = model_.run(validation_texts_, false);
  const Tensor<double> reports = model_.reporter().reports(pass.outputs.matrix());
  const Tensor<double> labels = options_.target_mode == TargetMode::live
                                    ? pass.live
                                    : activation_rows(model_.data(), pass.rows);
  EpochRecord record;
  record.epoch = state_.epoch;
  record.step = state_.step;
  record.train_loss = train_loss;
  record.val_loss = pass.report_loss() / static_cast<double>(pass.rows.size());
  double r2_sum = 0, r_sum = 0;
  Index n_r2 = 0, n_r = 0;
  for (Index t = 0; t < labels.matrix().cols; ++t) {
    const std::vector<double> report = column(reports.matrix(), t);
    const std::vector<double> truth = column(labels.matrix(), t);
    if (const auto r2 = r2_identity(report, truth)) {
      r2_sum += *r2;
      ++n_r2;
    }
    if (const auto r = pearson(report, truth).r) {
      r_sum += *r;
      ++n_r;
    }
  }
  if (n_r2 > 0) record.val_r2 = r2_sum / static_cast<double>(n_r2);
  if (n_r > 0) record.val_r = r_sum / static_cast<double>(n_r);
  const std::string& metric = options_.early_stopping.metric;
  const bool lower = metric == "val_loss";
  const double worst = lower ? INFINITY : -INFINITY;
  record.metric = lower               ? record.val_loss
                  : metric == "val_r" ? record.val_r.value_or(worst)
                                      : record.val_r2.value_or(worst);
  record.best = state_.history.empty() ||
                (lower ? record.metric < state_.best_metric : record.metric > state_.best_metric);
  if (record.best) {
    state_.best_metric = record.metric;
    state_.best_epoch = state_.epoch;
    state_.epochs_without_better = 0;
  } else {
    ++state_.epochs_without_better;
  }
  state_.history.push_back(record);
  if (!events.metric) return;
  MetricRecord line{"epoch", state_.step, state_.epoch, {{"val_loss", record.val_loss}}};
  if (state_.epoch > 0) line.values.emplace_back("train_loss", train_loss);
  if (record.val_r) line.values.emplace_back("val_r", *record.val_r);
  if (record.val_r2) line.values.emplace_back("val_r2", *record.val_r2);
  if (!model_.reporter().has_head()) {
    line.values.emplace_back(
        "val_top1", static_cast<double>(pass.n_top) / static_cast<double>(pass.rows.size()));
  }
  events.metric(line);
}

template <class T>
void Trainer<T>::watch_drift(const Events& events) {
  const ReportPass pass = model_.run(validation_texts_, true);
  const Tensor<double> snapshot = activation_rows(model_.data(), pass.rows);
  MetricRecord line{"monitor", state_.step, state_.epoch, {}};
  for (Index t = 0; t < snapshot.matrix().cols; ++t) {
    const std::vector<double> now = column(pass.live.matrix(), t);
    const std::vector<double> then = column(snapshot.matrix(), t);
    DriftRecord record;
    record.epoch = state_.epoch;
    record.target = t;
    Moments moments;
    moments.add(now);
    record.mean = moments.mean().value_or(0);
    record.sd = moments.sd().value_or(0);
    record.quantiles = quantiles(now, kDriftQuantiles);
    record.wasserstein = wasserstein1(then, now);
    record.kolmogorov_smirnov = kolmogorov_smirnov(then, now);
    record.correlation = pearson(then, now).r;
    const std::string name = snapshot.matrix().cols == 1 ? "live" : fmt::format("live/{}", t);
    line.values.emplace_back(name + "/mean", record.mean);
    line.values.emplace_back(name + "/sd", record.sd);
    line.values.emplace_back(name + "/wasserstein", record.wasserstein);
    line.values.emplace_back(name + "/kolmogorov_smirnov", record.kolmogorov_smirnov);
    if (record.correlation) line.values.emplace_back(name + "/correlation", *record.correlation);
    state_.drift.push_back(std::move(record));
  }
  if (events.metric) events.metric(line);
}

template <class T>
void Trainer<T>::run(const Events& events) {
  const Index n_step = options_.epochs * steps_per_epoch();
  if (state_.history.empty()) {
    validate(events, 0);
    watch_drift(events);
    if (events.epoch_end) events.epoch_end(*this, true);
  }
  // A ridge head in front of an untouched model is a report as it stands.
  const bool trains = model_optimizer_ || head_optimizer_;
  while (trains && state_.epoch < options_.epochs && !state_.stopped_early) {
    const std::vector<std::vector<Index>> order = batches(state_.epoch);
    // Rule R1: the rows of an update, evaluated before it, have the loss that training sees.
    const double evaluated = model_.run(order.front(), false).report_loss();
    double report = 0;
    Index n_row = 0;
    for (std::size_t b = 0; b < order.size(); ++b) {
      check_interrupted();
      const double rate =
          scheduled_rate(options_.schedule, options_.optimizer.learning_rate, state_.step, n_step);
      const double seen = update(order[b], rate, events, b + 1 == order.size());
      if (b == 0) {
        const double gap = std::abs(evaluated - seen) / std::max(1e-300, std::abs(seen));
        state_.train_eval_gap = std::max(state_.train_eval_gap, gap);
      }
      report += seen;
      for (const Index text : order[b]) n_row += model_.n_rows_of_text(text);
      if (events.progress) events.progress(state_.step, n_step);
    }
    ++state_.epoch;
    validate(events, report / static_cast<double>(n_row));
    const Index patience = options_.early_stopping.patience;
    state_.stopped_early = patience > 0 && state_.epochs_without_better >= patience;
    const bool last = state_.epoch == options_.epochs || state_.stopped_early;
    const bool due = options_.monitor_every > 0 && state_.epoch % options_.monitor_every == 0;
    if (last || (due && model_.moves_target())) watch_drift(events);
    if (events.epoch_end) events.epoch_end(*this, state_.history.back().best);
  }
}

template <class T>
void Trainer<T>::restore(TrainState state,
                         std::optional<typename Optimizer<T>::State> model_optimizer,
                         std::optional<Optimizer<double>::State> head_optimizer) {
  if (model_optimizer.has_value() != model_optimizer_.has_value() ||
      head_optimizer.has_value() != head_optimizer_.has_value()) {
    throw ArgumentError(ErrorCode::incompatible,
                        "Trainer: the stored state is of another choice of what is trained");
  }
  if (model_optimizer) model_optimizer_->restore(std::move(*model_optimizer));
  if (head_optimizer) head_optimizer_->restore(std::move(*head_optimizer));
  state_ = std::move(state);
}

template std::vector<OptimizedTensor<float>> model_tensors(ReportModel<float>&);
template std::vector<OptimizedTensor<double>> model_tensors(ReportModel<double>&);
template class Trainer<float>;
template class Trainer<double>;

}  // namespace gnomon
