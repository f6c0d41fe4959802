// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/activations/next_token.h"
#include "gnomon/analyses/feature_rows.h"
#include "gnomon/base/file.h"
#include "gnomon/model/model_folder.h"
#include "gnomon/stats/moments.h"
#include "gnomon/train/option_names.h"

namespace gnomon::cli {
namespace {

template <class T>
std::vector<T> chosen(const std::vector<T>& all, const std::vector<Index>& rows) {
  return all.empty() ? all : take(all, rows);
}

// The study's rows that the data set has: balancing drops some.
StudyData rows_of_data(StudyData study, const DataSet& data) {
  if (study.n_row() == data.n_row()) return study;
  const std::vector<Index> rows = measured_rows(data, study.text, study.position);
  for (auto* indices : {&study.text, &study.position, &study.n_token, &study.group})
    *indices = chosen(*indices, rows);
  study.token = chosen(study.token, rows);
  study.part = chosen(study.part, rows);
  for (auto* values : {&study.activation, &study.pre, &study.pre_linear, &study.post})
    *values = chosen(*values, rows);
  for (auto* stream : {&study.resid_pre, &study.resid_mid, &study.resid_post, &study.resid_final})
    *stream = take_rows(stream->matrix(), rows);
  return study;
}

// Another neuron of the same layer that varies on the training rows, for the control.
std::vector<OtherLabels> other_labels(const ExperimentInputs& inputs, const DataSet& data,
                                      const Target& target, std::uint64_t seed) {
  if (target.kind != TargetKind::neuron_post) return {};
  Random random(seed, "evaluate/other_neuron");
  const Index d_mlp = inputs.model.config().d_mlp;
  for (int attempt = 0; attempt < 8; ++attempt) {
    SiteAt at = target.at;
    at.site.coordinate = static_cast<Index>(random.below(static_cast<std::uint64_t>(d_mlp)));
    const bool is_target =
        std::ranges::any_of(data.targets, [&](const Target& t) { return t.at == at; });
    if (is_target) continue;
    const auto measured = capture<float>(inputs.model, data.texts.ids, {&at, 1}, {}, RunOptions{})
                              .activations.front();
    std::vector<double> activation;
    for (const Index row : measured_rows(data, measured.text, measured.position))
      activation.push_back(static_cast<double>(measured.values.matrix()(row, 0)));
    const auto varies = [&](Part part) {
      const std::vector<double> values = take(activation, data.rows_of(part));
      const auto [low, high] = std::ranges::minmax(values);
      return low < high;
    };
    if (varies(Part::train) && varies(Part::test))
      return {{site_name(at.site, inputs.model.config()), std::move(activation)}};
  }
  return {};
}

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

// Features of the reporter's site in a model of the same shape with random weights.
Tensor<double> random_model_features(const ExperimentInputs& inputs, const DataSet& data,
                                     const StudyData& study, std::uint64_t seed) {
  const auto parameters =
      std::make_shared<ParameterSet<float>>(random_parameters(inputs.model.config(), seed));
  const Model random = inputs.model.with_parameters<float>(parameters);
  return feature_rows(random, data.texts, study, inputs.feature_site, RunOptions{});
}

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
                         const DataSet& data, const ReporterData& reporter_data,
                         const ReportModel<float>& model, std::uint64_t seed) {
  SeedResult result;
  result.seed = seed;
  ReportPass pass;
  const Tensor<double> reports = experiment_reports(model, &pass);
  const std::vector<Index> test = data.rows_of(Part::test);
  std::vector<Index> all(static_cast<std::size_t>(data.n_row()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<Index>(i);
  const Tensor<double> features = model.features(all);
  const RunOptions run;
  BootstrapOptions bootstrap;
  bootstrap.seed = config.seed;
  bootstrap.n_bootstrap = config.evaluate.bootstrap;
  bootstrap.level = config.evaluate.level;

  for (std::size_t t = 0; t < inputs.targets.size(); ++t) {
    const Target& target = inputs.targets[t];
    const StudyData study = rows_of_data(
        measure_study(inputs.model, target, data.texts, Precision::float32, run), data);
    SiteAt embedding{{HookKind::resid_pre, 0, std::nullopt}, target.at.position};
    const Tensor<double> embedded = feature_rows(inputs.model, data.texts, study, embedding, run);
    EvaluationFeatures sites;
    sites.reporter = {site_at_name(inputs.feature_site, inputs.model.config()), features.matrix()};
    sites.embedding = {site_at_name(embedding, inputs.model.config()), embedded.matrix()};
    const std::string block = fmt::format("blocks.{}.", target.layer());
    sites.resid_mid = {block + "hook_resid_mid", study.resid_mid.matrix()};
    sites.resid_post = {block + "hook_resid_post", study.resid_post.matrix()};
    ReferenceOptions options;
    options.seed = config.seed;
    options.bootstrap = bootstrap;
    const EvaluationReferences references = measure_references(
        study, data.texts.ids, sites, other_labels(inputs, data, target, config.seed), options);
    EvaluatedReports evaluated;
    evaluated.name = std::string(option_name(config.train.reporter.kind));
    evaluated.definition = reporter_definition(config, inputs);
    evaluated.truth = "snapshot";
    evaluated.report = column(reports.matrix(), static_cast<Index>(t));
    if (model.reporter().uses_bins()) evaluated.code = model.reporter().codes()[t];
    std::vector<ReferenceReport> more;
    const Tensor<double> random = random_model_features(inputs, data, study, config.seed);
    more.push_back(random_model_control(study, {"the same site of a random model", random.matrix()},
                                        references, options));
    result.evaluations.push_back(evaluate_reporter(study, evaluated, references, std::move(more)));

    const std::vector<double> then = take(study.activation, test);
    const std::vector<double> now = take(column(pass.live.matrix(), static_cast<Index>(t)), test);
    const std::vector<Index> groups = take(reporter_data.group, test);
    result.drifts.push_back(measure_drift(then, now, groups, bootstrap));
  }

  if (model.trains_model()) {
    std::vector<std::vector<TokenId>> texts;
    for (const Index text : model.texts_of(Part::test))
      texts.push_back(data.texts.ids[static_cast<std::size_t>(text)]);
    result.lm_before = language_model_loss<float>(inputs.model, texts, run).mean();
    result.lm_after = language_model_loss<float>(model.model(), texts, run).mean();
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

std::optional<LinearHead> linear_head(const ReportModel<float>& model, const ReporterData& data,
                                      const ModelConfig& sizes) {
  const Reporter& reporter = model.reporter();
  const Site last{HookKind::resid_post, sizes.n_layers - 1, std::nullopt};
  if (!reporter.has_head() || reporter.uses_bins() || !reporter.head().is_linear() ||
      !(data.feature_site.site == last) || data.feature_position != data.position) {
    return std::nullopt;
  }
  LinearHead head;
  head.weight = reporter.head().linear_weight(0);
  for (double& weight : head.weight) weight *= reporter.labels().sd[0];
  head.bias = reporter.labels().mean[0] + reporter.labels().sd[0] * reporter.head().linear_bias(0);
  return head;
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
