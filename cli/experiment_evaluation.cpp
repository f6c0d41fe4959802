// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "gnomon/activations/next_token.h"
#include "gnomon/analyses/feature_rows.h"
#include "gnomon/analyses/read_out.h"
#include "gnomon/base/file.h"
#include "gnomon/stats/moments.h"
#include "gnomon/train/option_names.h"

namespace gnomon::cli {
namespace {

std::string reporter_definition(const ExperimentConfig& config, const ExperimentInputs& inputs) {
  const std::string site = site_at_name(inputs.feature_site, inputs.model.config());
  const std::string trained =
      fmt::format("trained: {}, head {}", option_name(config.train.trained.part),
                  option_name(config.train.reporter.head));
  switch (config.train.reporter.kind) {
    case ReporterKind::regression:
      return fmt::format("w · {} + b; {}", site, trained);
    case ReporterKind::classification:
      return fmt::format("mean of {} bins under the head's softmax at {}; {}",
                         config.train.reporter.n_bin, site, trained);
    case ReporterKind::digit:
      return fmt::format("mean of 10 bins under the softmax of the tokens 0 to 9; trained: {}",
                         option_name(config.train.trained.part));
    case ReporterKind::on_off:
      return fmt::format("mean of 2 bins under the softmax of the tokens off and on; trained: {}",
                         option_name(config.train.trained.part));
  }
  return {};
}

// What the target does on every row in the trained model, and in the base model.
struct TargetValues {
  std::vector<double> before;
  std::vector<double> after;
};

BootstrapOptions bootstrap_options(const ExperimentConfig& config) {
  BootstrapOptions bootstrap;
  bootstrap.seed = config.seed;
  bootstrap.n_bootstrap = config.evaluate.bootstrap;
  bootstrap.level = config.evaluate.level;
  return bootstrap;
}

// The evaluation of one target's reports.
class TargetEvaluation {
 public:
  TargetEvaluation(const ExperimentInputs& inputs, const ExperimentConfig& config,
                   const DataSet& data, BaseMeasurements& base, const ReportModel<float>& model,
                   std::size_t target)
      : inputs_(inputs), config_(config), data_(data), base_(base), model_(model), target_(target) {
    options_.seed = config.seed;
    options_.bootstrap = bootstrap_options(config);
  }

  ReporterEvaluation run(std::vector<double> reports, const TargetValues& values,
                         const Tensor<double>& features) {
    // A live target that no longer varies cannot be scored against; the drift shows that it
    // collapsed.
    live_ = model_.options().target_mode == TargetMode::live && model_.moves_target() &&
            can_be_labels(values.after, data_);
    if (live_) {
      measured_ = rows_of_data(measure_study(model_.model(), inputs_.targets[target_], data_.texts,
                                             Precision::float32, RunOptions{}),
                               data_);
    }
    const StudyData& study = live_ ? measured_ : base_.study(target_);
    const std::optional<EvaluationReferences> own =
        model_.trains_model() ? std::optional(references(study, values, features)) : std::nullopt;
    if (!own && !base_.untrained_references(target_))
      base_.untrained_references(target_) = references(study, values, features);
    const EvaluationReferences& references = own ? *own : *base_.untrained_references(target_);

    EvaluatedReports evaluated;
    evaluated.name = std::string(option_name(config_.train.reporter.kind));
    evaluated.definition = reporter_definition(config_, inputs_);
    evaluated.truth = live_ ? "live" : "snapshot";
    evaluated.report = std::move(reports);
    if (model_.reporter().uses_bins()) evaluated.code = model_.reporter().codes()[target_];
    std::vector<ReferenceReport> more;
    more.push_back(random_model_control(
        study, {"the same site of a random model", base_.random_model_features().matrix()},
        references, options_));
    return evaluate_reporter(study, evaluated, references, std::move(more));
  }

 private:
  EvaluationReferences references(const StudyData& study, const TargetValues& values,
                                  const Tensor<double>& features) {
    const Model& measured_on = live_ ? model_.model() : inputs_.model;
    const Target& target = inputs_.targets[target_];
    const SiteAt embedding{{HookKind::resid_pre, 0, std::nullopt}, target.at.position};
    const Tensor<double> embedded =
        feature_rows(measured_on, data_.texts, study, embedding, RunOptions{});
    EvaluationFeatures sites;
    sites.reporter = {site_at_name(inputs_.feature_site, study.config), features.matrix()};
    sites.embedding = {site_at_name(embedding, study.config), embedded.matrix()};
    const std::string block = fmt::format("blocks.{}.", target.layer());
    if (!study.config.parallel_block)
      sites.resid_mid = {block + "hook_resid_mid", study.resid_mid.matrix()};
    sites.resid_post = {block + "hook_resid_post", study.resid_post.matrix()};
    std::vector<OtherLabels> others = base_.other_neuron(target_);
    const std::vector<double>& other_side = live_ ? values.before : values.after;
    if (model_.moves_target() && can_be_labels(other_side, data_))
      others.push_back({live_ ? "before training" : "after training", other_side});
    return measure_references(study, data_.texts.ids, sites, std::move(others), options_);
  }

  const ExperimentInputs& inputs_;
  const ExperimentConfig& config_;
  const DataSet& data_;
  BaseMeasurements& base_;
  const ReportModel<float>& model_;
  std::size_t target_;
  ReferenceOptions options_;
  bool live_ = false;
  StudyData measured_;  // on the trained model, where the truth is live
};

void add_interval(RunSummary& summary, const std::string& name, const std::optional<double>& value,
                  const std::optional<Interval>& interval) {
  summary[name] = value;
  if (!interval) return;
  summary[name + ".ci_low"] = interval->ci_low;
  summary[name + ".ci_high"] = interval->ci_high;
}

std::string signed_number(const std::optional<double>& value) {
  return value ? fmt::format("{:+.3f}", *value) : "–";
}

}  // namespace

Tensor<double> experiment_reports(const ReportModel<float>& model, ReportPass* pass) {
  std::vector<Index> texts;
  for (Index t = 0; t < static_cast<Index>(model.data().ids.size()); ++t) {
    if (model.n_rows_of_text(t) > 0) texts.push_back(t);
  }
  ReportPass all = model.run(texts, true);
  const Tensor<double> reports = model.reporter().reports(all.outputs.matrix());
  Tensor<double> ordered(reports.shape());
  Tensor<double> live(all.live.shape());
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    const auto from = static_cast<Index>(i);
    std::ranges::copy(reports.matrix().row(from), ordered.matrix().row(all.rows[i]).begin());
    std::ranges::copy(std::as_const(all.live).matrix().row(from),
                      live.matrix().row(all.rows[i]).begin());
  }
  all.live = std::move(live);
  if (pass != nullptr) *pass = std::move(all);
  return ordered;
}

CsvTable experiment_reports_csv(const DataSet& data, const Tensor<double>& reports) {
  std::vector<std::string> header = {"row", "text", "position", "part"};
  for (Index t = 0; t < data.n_target(); ++t) {
    header.push_back("activation " + data.target_name(t));
    header.push_back("report " + data.target_name(t));
  }
  CsvTable table(header);
  for (Index row = 0; row < data.n_row(); ++row) {
    const auto r = static_cast<std::size_t>(row);
    std::vector<CsvValue> values = {row, data.text[r], data.position[r],
                                    std::string(part_name(data.part(row)))};
    for (Index t = 0; t < data.n_target(); ++t) {
      values.emplace_back(data.activation.matrix()(row, t));
      values.emplace_back(reports.matrix()(row, t));
    }
    table.add_row(values);
  }
  return table;
}

SeedResult evaluate_seed(const ExperimentInputs& inputs, const ExperimentConfig& config,
                         const DataSet& data, BaseMeasurements& base,
                         const ReportModel<float>& model, std::uint64_t seed) {
  SeedResult result;
  result.seed = seed;
  ReportPass pass;
  const Tensor<double> reports = experiment_reports(model, &pass);
  std::vector<Index> all(static_cast<std::size_t>(data.n_row()));
  std::iota(all.begin(), all.end(), Index{0});
  const Tensor<double> features = model.features(all);
  const BootstrapOptions bootstrap = bootstrap_options(config);
  const std::vector<Index> test = data.rows_of(Part::test);
  const std::vector<Index> groups = take(model.data().group, test);

  for (std::size_t t = 0; t < inputs.targets.size(); ++t) {
    const auto column_of = static_cast<Index>(t);
    const TargetValues values{data.activation_of(column_of),
                              column(std::as_const(pass.live).matrix(), column_of)};
    TargetEvaluation evaluation(inputs, config, data, base, model, t);
    result.evaluations.push_back(
        evaluation.run(column(reports.matrix(), column_of), values, features));
    result.drifts.push_back(
        measure_drift(take(values.before, test), take(values.after, test), groups, bootstrap));
  }

  if (model.trains_model()) {
    std::vector<std::vector<TokenId>> texts;
    for (const Index text : model.texts_of(Part::test))
      texts.push_back(data.texts.ids[static_cast<std::size_t>(text)]);
    result.lm_before = language_model_loss<float>(inputs.model, texts, RunOptions{}).mean();
    result.lm_after = language_model_loss<float>(model.model(), texts, RunOptions{}).mean();
  }
  if (!model.reporter().has_head()) {
    const ReportPass held_out = model.run(model.texts_of(Part::test), false);
    result.top1 = static_cast<double>(held_out.n_top) / static_cast<double>(held_out.rows.size());
  }
  return result;
}

CheckResult stored_reports_check(const std::filesystem::path& stored, const CsvTable& again,
                                 std::uint64_t seed) {
  const bool same = read_text_file(stored) == again.text();
  return make_check("R7",
                    fmt::format("the reloaded weights of seed {} give the stored reports", seed),
                    same ? 0 : 1, 0, "0: every report is the same in every bit");
}

std::optional<LinearHead> final_stream_head(const ReportModel<float>& model,
                                            const ReporterData& data, const ModelConfig& sizes) {
  const Site last{HookKind::resid_post, sizes.n_layers - 1, std::nullopt};
  if (!(data.feature_site.site == last) || data.feature_position != data.position)
    return std::nullopt;
  return linear_head(model.reporter(), 0);
}

RunSummary experiment_summary(const std::vector<SeedResult>& seeds) {
  RunSummary summary;
  const SeedResult& first = seeds.front();
  for (std::size_t t = 0; t < first.evaluations.size(); ++t) {
    const std::string prefix = t == 0 ? "evaluation" : fmt::format("evaluation-{}", t);
    const ReporterEvaluation& evaluation = first.evaluations[t];
    if (const auto& score = evaluation.reporter().score) {
      add_interval(summary, prefix + ".r", score->r, score->r_interval);
      add_interval(summary, prefix + ".r2_identity", score->r2_identity,
                   score->r2_identity_interval);
      add_interval(summary, prefix + ".slope", score->slope, score->slope_interval);
      summary[prefix + ".r2_fit"] = score->r2_fit;
      summary[prefix + ".mean_absolute_error"] = score->mean_absolute_error;
      summary[prefix + ".spearman"] = score->spearman;
    }
    summary[prefix + ".r2_training"] = evaluation.r2_training;
    for (const EvaluationRow& row : evaluation.rows) {
      if (row.name == "ridge" && row.score) summary[prefix + ".ridge_r2"] = row.score->r2_identity;
      if (row.name == evaluation.best_floor && row.score)
        summary[prefix + ".best_floor_r2"] = row.score->r2_identity;
    }
    const ActivationDrift& drift = first.drifts[t];
    const std::string name = t == 0 ? "drift" : fmt::format("drift-{}", t);
    add_interval(summary, name + ".sd_ratio", drift.sd_ratio, drift.sd_ratio_interval);
    summary[name + ".wasserstein1"] = drift.wasserstein1;
    summary[name + ".kolmogorov_smirnov"] = drift.kolmogorov_smirnov;
    summary[name + ".r"] = drift.r;
  }
  summary["lm_loss.before"] = first.lm_before;
  summary["lm_loss.after"] = first.lm_after;
  if (first.top1) summary["evaluation.top1"] = first.top1;
  summary["train.epochs"] = static_cast<double>(first.epochs);
  summary["train.best_epoch"] = static_cast<double>(first.best_epoch);
  if (seeds.size() < 2) return summary;
  Moments r2, r;
  for (const SeedResult& seed : seeds) {
    const auto& score = seed.evaluations.front().reporter().score;
    if (score && score->r2_identity) r2.add(*score->r2_identity);
    if (score && score->r) r.add(*score->r);
  }
  summary["seeds.n"] = static_cast<double>(seeds.size());
  for (const auto& [name, moments] : {std::pair{"r2_identity", &r2}, {"r", &r}}) {
    const std::string prefix = fmt::format("seeds.{}", name);
    summary[prefix + ".mean"] = moments->mean();
    summary[prefix + ".sd"] = moments->sd();
    summary[prefix + ".min"] = moments->min();
    summary[prefix + ".max"] = moments->max();
  }
  return summary;
}

std::string training_text(const std::vector<SeedResult>& seeds, const TextStyle& style) {
  std::string text;
  if (seeds.size() > 1) {
    TextTable table({{"seed", Align::right},
                     {"epochs", Align::right},
                     {"best", Align::right},
                     {"r", Align::right},
                     {"R²ident", Align::right},
                     {"sd ratio", Align::right},
                     {"LM loss", Align::right}});
    for (const SeedResult& seed : seeds) {
      const auto& score = seed.evaluations.front().reporter().score;
      const auto& drift = seed.drifts.front();
      table.add_row(
          {std::to_string(seed.seed), std::to_string(seed.epochs), std::to_string(seed.best_epoch),
           signed_number(score ? score->r : std::nullopt),
           signed_number(score ? score->r2_identity : std::nullopt),
           drift.sd_ratio ? fmt::format("{:.3f}", *drift.sd_ratio) : "–",
           seed.lm_before ? fmt::format("{:+.3f}", *seed.lm_after - *seed.lm_before) : "0"});
    }
    text +=
        "Seeds: held-out score of the first target, sd of the live activation over that of\n"
        "the snapshot, change of the next-token loss in nats\n\n" +
        table.render(style);
  }
  const SeedResult& first = seeds.front();
  if (first.lm_before) {
    text += fmt::format(
        "Next-token loss on held-out texts: {:.3f} before, {:.3f} after, in nats a token\n",
        *first.lm_before, *first.lm_after);
  }
  if (first.top1) {
    text += fmt::format("The right token led the whole vocabulary in {} of held-out rows\n",
                        format_percent(*first.top1, 1));
  }
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon::cli
