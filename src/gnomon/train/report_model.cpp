// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/report_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gnomon/activations/next_token.h"
#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/kernels/cross_entropy.h"
#include "gnomon/train/trained_parameters.h"

namespace gnomon {
namespace {

template <class T>
std::shared_ptr<ParameterSet<T>> changed_parameters(const Model& base, const ReporterData& data,
                                                    const TrainOptions& options) {
  return std::make_shared<ParameterSet<T>>(copy_parameters<T>(
      base, trained_parameters(options.trained, base.config(), data.target_layer())));
}

std::vector<ParameterRow> rows_in(const auto& parameters) {
  std::vector<ParameterRow> rows;
  for (const auto& [key, entry] : parameters.entries()) rows.push_back(entry.row);
  return rows;
}

}  // namespace

double ReportPass::report_loss() const {
  return std::accumulate(row_loss.begin(), row_loss.end(), 0.0);
}

template <class T>
struct ReportModel<T>::Batch {
  std::vector<Index> texts;
  PackedBatch packed;
  std::vector<Index> rows;          // of the data
  std::vector<Index> target_token;  // of each row, token of the batch
  std::vector<Index> feature_token;
  Tensor<T> stream;  // where the pass starts inside the model
};

template <class T>
ReportModel<T>::ReportModel(const Model& base, std::shared_ptr<const ReporterData> data,
                            const TrainOptions& options, const RunOptions& run,
                            std::shared_ptr<UnchangedNumbers<T>> unchanged)
    : data_(std::move(data)),
      options_(options),
      run_(run),
      parameters_(changed_parameters<T>(base, *data_, options)),
      model_(base.with_parameters<T>(parameters_)),
      grad_(zeros_like(*parameters_)),
      unchanged_(std::move(unchanged)) {
  if (options.trained.part == TrainedPart::lora) {
    lora_.emplace(*parameters_, options.trained.lora_rank, options.trained.lora_alpha,
                  Random(options.seed, "train/lora"));
  }
  rows_of_text_.resize(data_->ids.size());
  for (Index r = 0; r < data_->n_row(); ++r) {
    rows_of_text_[static_cast<std::size_t>(data_->text[static_cast<std::size_t>(r)])].push_back(r);
  }
  first_changed_ = first_changed_block(rows_in(*parameters_), base.config());
  if (unchanged_) use_unchanged(base);
  make_reporter(base);
}

template <class T>
void ReportModel<T>::use_unchanged(const Model& base) {
  const Weights<T>* weights = &base.weights<T>();
  if (unchanged_->data == nullptr) {
    unchanged_->base = weights;
    unchanged_->data = data_.get();
  }
  if (unchanged_->base != weights || unchanged_->data != data_.get())
    throw InternalError("ReportModel: numbers of another base model or of other data");
  if (!trains_model()) {
    store_features();
  } else if (first_changed_ > 0) {
    store_streams();
  }
}

template <class T>
void ReportModel<T>::make_reporter(const Model& base) {
  const std::vector<Index> training = data_->rows_of(Part::train);
  const Tensor<double> labels = activation_rows(*data_, training);
  const ReporterKind kind = options_.reporter.kind;
  if (kind == ReporterKind::digit || kind == ReporterKind::on_off) {
    reporter_ = Reporter::with_tokens(options_.reporter, labels.matrix(), base.tokenizer());
    if (!trains_model()) {
      throw ArgumentError(
          "a token reporter has no parameters of its own and nothing of the model is "
          "trained",
          "choose a part of the model to train, for example after_target");
    }
    return;
  }
  const Tensor<double> training_features = features(training);
  reporter_ = Reporter::with_head(options_.reporter, labels.matrix(), training_features.matrix(),
                                  Random(options_.seed, "train/head"));
  if (options_.reporter.head != HeadMode::ridge) {
    if (options_.reporter.head == HeadMode::random && !trains_model()) {
      throw ArgumentError(
          "the head is frozen at its random start and nothing of the model is trained",
          "train the head, or choose a part of the model to train");
    }
    return;
  }
  std::vector<Index> groups;
  for (const Index row : training) groups.push_back(data_->group[static_cast<std::size_t>(row)]);
  reporter_->set_ridge(training_features.matrix(), labels.matrix(), groups, options_.seed);
}

template <class T>
bool ReportModel<T>::moves_target() const {
  return trains_model() && first_changed_ <= data_->target_layer();
}

template <class T>
void ReportModel<T>::refresh() {
  if (lora_) lora_->apply(*parameters_);
}

template <class T>
void ReportModel<T>::clear_gradients() {
  for (auto& [key, entry] : grad_.entries()) std::ranges::fill(entry.values.values(), T{0});
  if (reporter_->has_head()) reporter_->head().clear_gradients();
}

template <class T>
void ReportModel<T>::store_streams() {
  const ModelConfig& config = model_.config();
  Index n_token = 0;
  for (const auto& ids : data_->ids) {
    stream_row_.push_back(n_token);
    n_token += static_cast<Index>(ids.size());
  }
  // Where no block changes, the stream after the last one is what stays.
  const bool after_blocks = first_changed_ >= config.n_layers;
  if (after_blocks) return stream_row_.clear();
  const SiteAt site{{HookKind::resid_pre, first_changed_, std::nullopt}, {Position::Kind::all, -1}};
  auto stored = unchanged_->streams.find(first_changed_);
  if (stored == unchanged_->streams.end()) {
    std::vector<Activations<T>> read =
        std::move(capture<T>(model_, data_->ids, {&site, 1}, {}, run_).activations);
    stored = unchanged_->streams.emplace(first_changed_, std::move(read.front().values)).first;
  }
  streams_ = &stored->second;
}

template <class T>
void ReportModel<T>::store_features() {
  if (unchanged_->features.size() == 0) {
    std::vector<Index> all(static_cast<std::size_t>(data_->n_row()));
    std::iota(all.begin(), all.end(), Index{0});
    unchanged_->features = features(all);
  }
  features_ = &unchanged_->features;
}

template <class T>
typename ReportModel<T>::Batch ReportModel<T>::make_batch(std::span<const Index> texts) const {
  Batch batch;
  batch.texts.assign(texts.begin(), texts.end());
  std::vector<std::vector<TokenId>> ids;
  for (const Index t : texts) ids.push_back(data_->ids[static_cast<std::size_t>(t)]);
  batch.packed = pack(ids);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Index first = batch.packed.offset[i];
    for (const Index row : rows_of_text_[static_cast<std::size_t>(texts[i])]) {
      batch.rows.push_back(row);
      batch.target_token.push_back(first + data_->position[static_cast<std::size_t>(row)]);
      batch.feature_token.push_back(first + data_->feature_position[static_cast<std::size_t>(row)]);
    }
  }
  if (stream_row_.empty()) return batch;
  const Index width = model_.config().d_model;
  batch.stream = Tensor<T>({batch.packed.n_token(), width});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto text = static_cast<std::size_t>(texts[i]);
    std::copy_n(streams_->data() + stream_row_[text] * width,
                static_cast<Index>(ids[i].size()) * width,
                batch.stream.data() + batch.packed.offset[i] * width);
  }
  return batch;
}

template <class T>
void ReportModel<T>::read_rows(const HookContext& context, MatrixView<const T> values,
                               const Batch& batch, bool at_feature, std::optional<Index> coordinate,
                               MatrixView<double> to) const {
  const std::vector<Index>& tokens = at_feature ? batch.feature_token : batch.target_token;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Index row = context.row_of(tokens[i]);
    const auto out = static_cast<Index>(i);
    if (coordinate) {
      to(out, 0) = static_cast<double>(values(row, *coordinate));
    } else {
      for (Index c = 0; c < values.cols; ++c) to(out, c) = static_cast<double>(values(row, c));
    }
  }
}

template <class T>
struct ReportModel<T>::TokenLabels {
  std::vector<Index> row;      // among the rows of the logits, of each row of the batch
  std::vector<Index> label;    // token, of each row of the logits
  std::vector<double> weight;  // 1 where it is a row of the batch
};

template <class T>
typename ReportModel<T>::TokenLabels ReportModel<T>::token_labels(const HookContext& context,
                                                                  const Batch& batch,
                                                                  const ReportPass& pass) const {
  TokenLabels labels;
  labels.label.resize(context.rows.size());
  labels.weight.resize(context.rows.size());
  const std::vector<Index> classes = reporter_->classes(labels_of(pass).values(), 0);
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const Index row = context.row_of(batch.feature_token[i]);
    labels.row.push_back(row);
    labels.label[static_cast<std::size_t>(row)] =
        reporter_->tokens()[static_cast<std::size_t>(classes[i])];
    labels.weight[static_cast<std::size_t>(row)] = 1;
  }
  return labels;
}

// Outputs of the reporter's tokens, how often the right one leads the vocabulary, and the loss over
// the vocabulary where that is what is trained.
template <class T>
void ReportModel<T>::read_tokens(const HookContext& context, MatrixView<const T> logits,
                                 const Batch& batch, ReportPass& pass) const {
  const TokenLabels labels = token_labels(context, batch, pass);
  for (std::size_t i = 0; i < labels.row.size(); ++i) {
    const std::span<const T> row = logits.row(labels.row[i]);
    for (Index k = 0; k < reporter_->n_output(); ++k) {
      pass.outputs.matrix()(static_cast<Index>(i), k) = static_cast<double>(
          row[static_cast<std::size_t>(reporter_->tokens()[static_cast<std::size_t>(k)])]);
    }
    const Index top = std::ranges::max_element(row) - row.begin();
    pass.n_top += top == labels.label[static_cast<std::size_t>(labels.row[i])] ? 1 : 0;
  }
  if (!uses_vocabulary_loss()) return;
  std::vector<double> loss(labels.label.size());
  cross_entropy_forward<T>(loss, logits, labels.label);
  for (const Index row : labels.row) pass.row_loss.push_back(loss[static_cast<std::size_t>(row)]);
}

// Adds the gradient of the token reporter's mean loss.
template <class T>
void ReportModel<T>::add_token_gradient(const HookContext& context, const Batch& batch,
                                        const ReportPass& pass,
                                        MatrixView<const double> grad_outputs, Index n_row,
                                        MatrixView<T> grad) const {
  const TokenLabels labels = token_labels(context, batch, pass);
  if (!uses_vocabulary_loss()) {
    for (std::size_t i = 0; i < labels.row.size(); ++i) {
      for (Index k = 0; k < reporter_->n_output(); ++k) {
        grad(labels.row[i], reporter_->tokens()[static_cast<std::size_t>(k)]) +=
            static_cast<T>(grad_outputs(static_cast<Index>(i), k));
      }
    }
    return;
  }
  std::vector<double> weight = labels.weight;
  for (double& w : weight) w /= static_cast<double>(n_row);
  Tensor<T> own({grad.rows, grad.cols});
  cross_entropy_backward<T>(own.matrix(), trace_.logits.view(), labels.label, weight);
  for (Index i = 0; i < grad.rows; ++i) {
    for (Index c = 0; c < grad.cols; ++c) grad(i, c) += own.matrix()(i, c);
  }
}

template <class T>
bool ReportModel<T>::uses_vocabulary_loss() const {
  return !reporter_->has_head() && options_.reporter.token_loss == TokenLoss::full_vocabulary;
}

// Runs the pass with the hooks that fill `pass`, or the features alone where those are asked for.
template <class T>
void ReportModel<T>::forward(const Batch& batch, ReportPass& pass, bool with_live,
                             ForwardTrace<T>* trace, Tensor<double>* features) const {
  const ModelConfig& config = model_.config();
  const auto n = static_cast<Index>(batch.rows.size());
  const Site& site = data_->feature_site.site;
  const bool head = features != nullptr;
  Hooks<T> hooks;
  if (head) {
    const Index width = site.coordinate ? 1 : site_width(site.kind, config);
    *features = Tensor<double>({n, width});
    hooks.add(site.kind, site.layer, [&, this](const HookContext& context, MatrixView<T> values) {
      read_rows(context, values, batch, true, site.coordinate, features->matrix());
    });
  }
  // Without rows to fill, the features alone are wanted.
  const bool scored = !pass.rows.empty();
  const bool token_reporter = scored && reporter_ && !reporter_->has_head();
  if (token_reporter) pass.outputs = Tensor<double>({n, reporter_->n_output()});
  if (scored && reporter_ && uses_logits()) {
    hooks.add(HookKind::logits, -1, [&, this](const HookContext& context, MatrixView<T> logits) {
      if (options_.lm_weight > 0) pass.lm_loss += next_token_loss<T>(context, logits);
      if (token_reporter) read_tokens(context, logits, batch, pass);
    });
  }
  const bool start_inside = !stream_row_.empty();
  // Below the first changed block the activation is the snapshot.
  const bool read_live = with_live && (!start_inside || first_changed_ <= data_->target_layer());
  if (with_live) pass.live = activation_rows(*data_, batch.rows);
  if (read_live) {
    for (std::size_t t = 0; t < data_->targets.size(); ++t) {
      const Site& target = data_->targets[t].at.site;
      if (start_inside && target.layer < first_changed_) continue;
      const MatrixView<double> column = pass.live.matrix().columns(static_cast<Index>(t), 1);
      hooks.add(target.kind, target.layer,
                [&batch, column, target, this](const HookContext& context, MatrixView<T> values) {
                  read_rows(context, values, batch, false, target.coordinate, column);
                });
    }
  }
  if (hooks.empty()) return;
  std::vector<Index> kept;
  if (!scored || options_.lm_weight == 0) {
    kept = batch.feature_token;
    if (read_live) kept.insert(kept.end(), batch.target_token.begin(), batch.target_token.end());
    std::ranges::sort(kept);
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  }
  const StreamStart<T> start{first_changed_, batch.stream.matrix()};
  run_forward<T>(config, model_.weights<T>(), batch.packed, hooks, kept, run_.backend,
                 start_inside ? &start : nullptr, trace);
}

template <class T>
Tensor<double> ReportModel<T>::labels_of(const ReportPass& pass) const {
  return options_.target_mode == TargetMode::live ? pass.live : activation_rows(*data_, pass.rows);
}

template <class T>
void ReportModel<T>::add_losses(ReportPass& pass) const {
  if (pass.live.size() == 0) return;
  const Tensor<double> snapshot = activation_rows(*data_, pass.rows);
  const auto n_target = static_cast<double>(data_->targets.size());
  for (Index i = 0; i < pass.live.matrix().rows; ++i) {
    for (Index t = 0; t < pass.live.matrix().cols; ++t) {
      const double sd = reporter_->labels().sd[static_cast<std::size_t>(t)];
      const double moved = (pass.live.matrix()(i, t) - snapshot.matrix()(i, t)) / sd;
      pass.live_loss += moved * moved / n_target;
    }
  }
}

// As batch_end of tokens/packed_batch.h, for some of the texts.
template <class T>
std::size_t ReportModel<T>::batch_end(std::span<const Index> texts, std::size_t first) const {
  std::size_t last = first;
  Index n_token = 0;
  do {
    n_token += n_tokens_of_text(texts[last++]);
  } while (last < texts.size() && n_token + n_tokens_of_text(texts[last]) <= run_.batch_tokens);
  return last;
}

template <class T>
ReportPass ReportModel<T>::run(std::span<const Index> texts, bool with_live) const {
  ReportPass whole;
  const bool live = with_live || options_.target_mode == TargetMode::live;
  std::vector<double> outputs, lives;
  for (std::size_t first = 0; first < texts.size();) {
    check_interrupted();
    const std::size_t last = batch_end(texts, first);
    const Batch batch = make_batch(texts.subspan(first, last - first));
    first = last;
    ReportPass pass;
    pass.rows = batch.rows;
    if (features_ != nullptr) {
      const Tensor<double> read = features(batch.rows);
      pass.outputs = reporter_->head().forward(read.matrix());
      if (live) pass.live = activation_rows(*data_, batch.rows);
    } else if (reporter_->has_head()) {
      Tensor<double> read;
      forward(batch, pass, live, nullptr, &read);
      pass.outputs = reporter_->head().forward(read.matrix());
    } else {
      forward(batch, pass, live, nullptr, nullptr);
    }
    if (options_.lm_weight > 0)
      whole.n_lm_token += static_cast<Index>(predicted_rows(batch.packed).size());
    const Tensor<double> labels = labels_of(pass);
    if (!uses_vocabulary_loss())
      pass.row_loss =
          reporter_->loss(pass.outputs.matrix(), labels.matrix(), labels.matrix().rows).row;
    add_losses(pass);
    whole.rows.insert(whole.rows.end(), pass.rows.begin(), pass.rows.end());
    outputs.insert(outputs.end(), pass.outputs.values().begin(), pass.outputs.values().end());
    lives.insert(lives.end(), pass.live.values().begin(), pass.live.values().end());
    whole.row_loss.insert(whole.row_loss.end(), pass.row_loss.begin(), pass.row_loss.end());
    whole.live_loss += pass.live_loss;
    whole.lm_loss += pass.lm_loss;
    whole.n_top += pass.n_top;
  }
  const auto n = static_cast<Index>(whole.rows.size());
  whole.outputs = Tensor<double>({n, reporter_->n_output()}, std::move(outputs));
  if (live)
    whole.live = Tensor<double>({n, static_cast<Index>(data_->targets.size())}, std::move(lives));
  return whole;
}

template <class T>
ReportPass ReportModel<T>::run_with_gradients(std::span<const Index> texts, Index n_row,
                                              Index n_lm_token) {
  const Batch batch = make_batch(texts);
  const auto n = static_cast<Index>(batch.rows.size());
  ReportPass pass;
  pass.rows = batch.rows;
  const bool live = options_.target_mode == TargetMode::live || options_.live_weight > 0;
  Tensor<double> read;
  const bool head = reporter_->has_head();
  if (features_ != nullptr) {
    read = features(batch.rows);
    if (live) pass.live = activation_rows(*data_, batch.rows);
  } else {
    trace_.inputs_only = options_.recompute;
    forward(batch, pass, live, trains_model() ? &trace_ : nullptr, head ? &read : nullptr);
  }
  if (head) pass.outputs = reporter_->head().forward_for_training(read.matrix());
  const Tensor<double> labels = labels_of(pass);
  const Reporter::Loss loss = reporter_->loss(pass.outputs.matrix(), labels.matrix(), n_row);
  if (!uses_vocabulary_loss()) pass.row_loss = loss.row;
  add_losses(pass);
  if (options_.lm_weight > 0)
    pass.n_lm_token = static_cast<Index>(predicted_rows(batch.packed).size());
  Tensor<double> grad_features;
  if (head) grad_features = reporter_->head().backward(loss.grad_output.matrix());
  if (!trains_model()) return pass;

  Hooks<T> hooks;
  const Site site = data_->feature_site.site;
  if (head) {
    hooks.add(site.kind, site.layer, [&](const HookContext& context, MatrixView<T> grad) {
      for (Index i = 0; i < n; ++i) {
        const Index row = context.row_of(batch.feature_token[static_cast<std::size_t>(i)]);
        if (site.coordinate) {
          grad(row, *site.coordinate) += static_cast<T>(grad_features.matrix()(i, 0));
          continue;
        }
        for (Index c = 0; c < grad.cols; ++c)
          grad(row, c) += static_cast<T>(grad_features.matrix()(i, c));
      }
    });
  }
  if (uses_logits()) {
    hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<T> grad) {
      if (options_.lm_weight > 0) {
        next_token_gradient<T>(context, trace_.logits.view(),
                               options_.lm_weight / static_cast<double>(n_lm_token), grad);
      }
      if (!head) add_token_gradient(context, batch, pass, loss.grad_output.matrix(), n_row, grad);
    });
  }
  if (options_.live_weight > 0 && moves_target()) {
    const auto n_target = static_cast<double>(data_->targets.size());
    for (std::size_t t = 0; t < data_->targets.size(); ++t) {
      const Site target = data_->targets[t].at.site;
      if (target.layer < first_changed_) continue;
      const double variance = reporter_->labels().sd[t] * reporter_->labels().sd[t];
      hooks.add(target.kind, target.layer,
                [&, t, target, variance](const HookContext& context, MatrixView<T> grad) {
                  for (Index i = 0; i < n; ++i) {
                    const auto c = static_cast<Index>(t);
                    const double moved =
                        pass.live.matrix()(i, c) -
                        data_->activation.matrix()(batch.rows[static_cast<std::size_t>(i)], c);
                    const Index row =
                        context.row_of(batch.target_token[static_cast<std::size_t>(i)]);
                    grad(row, *target.coordinate) +=
                        static_cast<T>(2 * options_.live_weight * moved /
                                       (variance * n_target * static_cast<double>(n_row)));
                  }
                });
    }
  }
  run_backward<T>(model_.config(), model_.weights<T>(), batch.packed, trace_, hooks, &grad_,
                  run_.backend);
  return pass;
}

template <class T>
Tensor<double> ReportModel<T>::features(std::span<const Index> rows) const {
  const Site& site = data_->feature_site.site;
  const Index width = site.coordinate ? 1 : site_width(site.kind, model_.config());
  Tensor<double> result({static_cast<Index>(rows.size()), width});
  if (features_ != nullptr) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::ranges::copy(features_->matrix().row(rows[i]),
                        result.matrix().row(static_cast<Index>(i)).begin());
    }
    return result;
  }
  // Row by row of the texts that are needed, each once.
  std::vector<Index> place(static_cast<std::size_t>(data_->n_row()), -1);
  std::vector<Index> texts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    place[static_cast<std::size_t>(rows[i])] = static_cast<Index>(i);
    texts.push_back(data_->text[static_cast<std::size_t>(rows[i])]);
  }
  std::ranges::sort(texts);
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  for (std::size_t first = 0; first < texts.size();) {
    check_interrupted();
    const std::size_t last = batch_end(texts, first);
    const Batch batch = make_batch(std::span<const Index>(texts).subspan(first, last - first));
    first = last;
    ReportPass pass;
    Tensor<double> read;
    forward(batch, pass, false, nullptr, &read);
    for (std::size_t i = 0; i < batch.rows.size(); ++i) {
      const Index to = place[static_cast<std::size_t>(batch.rows[i])];
      if (to < 0) continue;
      std::ranges::copy(read.matrix().row(static_cast<Index>(i)), result.matrix().row(to).begin());
    }
  }
  return result;
}

template <class T>
std::vector<Index> ReportModel<T>::texts_of(Part part) const {
  std::vector<Index> texts;
  for (std::size_t t = 0; t < rows_of_text_.size(); ++t) {
    if (!rows_of_text_[t].empty() &&
        data_->part[static_cast<std::size_t>(rows_of_text_[t].front())] == part) {
      texts.push_back(static_cast<Index>(t));
    }
  }
  return texts;
}

template <class T>
Index ReportModel<T>::n_tokens_of_text(Index text) const {
  return static_cast<Index>(data_->ids[static_cast<std::size_t>(text)].size());
}

template <class T>
Index ReportModel<T>::n_rows_of_text(Index text) const {
  return static_cast<Index>(rows_of_text_[static_cast<std::size_t>(text)].size());
}

template class ReportModel<float>;
template class ReportModel<double>;

}  // namespace gnomon
