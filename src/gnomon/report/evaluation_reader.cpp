// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "gnomon/report/detail/json_values.h"
#include "gnomon/report/evaluation_files.h"

namespace gnomon {
namespace {

using detail::named_value;
using detail::optional_interval;
using detail::optional_number;
using detail::text_or_empty;

constexpr std::array kKinds = {EvaluationKind::reporter, EvaluationKind::floor,
                               EvaluationKind::ceiling, EvaluationKind::control};
constexpr std::array kSpreads = {SpreadVerdict::collapsed, SpreadVerdict::kept,
                                 SpreadVerdict::expanded, SpreadVerdict::changed,
                                 SpreadVerdict::unclear};

BootstrapInterval read_bootstrap(const Json& json, double level) {
  BootstrapInterval bootstrap;
  bootstrap.estimate = optional_number(json, "value");
  bootstrap.interval = optional_interval(json, "interval", level);
  bootstrap.n_undefined = json.at("n_undefined").get<Index>();
  bootstrap.why_undefined = text_or_empty(json, "why");
  return bootstrap;
}

// Absent where neither a number nor a resample was made.
std::optional<BootstrapInterval> read_optional_bootstrap(const Json& json, double level) {
  BootstrapInterval bootstrap = read_bootstrap(json, level);
  if (!bootstrap.estimate && !bootstrap.interval && bootstrap.n_undefined == 0) return std::nullopt;
  return bootstrap;
}

std::optional<ReportScore> read_score(const Json& json, double level) {
  ReportScore score;
  score.n = json.at("n_rows").get<Index>();
  if (score.n == 0) return std::nullopt;
  score.n_group = json.at("n_distinct").get<Index>();
  score.r = optional_number(json, "r");
  score.r_interval = optional_interval(json, "r_interval", level);
  score.r_fisher = optional_interval(json, "r_fisher", level);
  score.p = optional_number(json, "p");
  score.log10_p = optional_number(json, "log10_p");
  score.r2_fit = optional_number(json, "r2_fit");
  score.r2_identity = optional_number(json, "r2_identity");
  score.r2_identity_interval = optional_interval(json, "r2_identity_interval", level);
  score.mean_absolute_error = json.at("mean_absolute_error").get<double>();
  score.root_mean_square_error = json.at("root_mean_square_error").get<double>();
  score.mean_error = json.at("mean_error").get<double>();
  score.slope = optional_number(json, "slope");
  score.slope_interval = optional_interval(json, "slope_interval", level);
  score.intercept = optional_number(json, "intercept");
  score.intercept_interval = optional_interval(json, "intercept_interval", level);
  score.spearman = optional_number(json, "spearman");
  score.why = text_or_empty(json, "why");
  return score;
}

EvaluationRow read_row(const Json& json, double level) {
  EvaluationRow row;
  row.name = json.at("name").get<std::string>();
  row.kind = named_value(json.at("kind").get<std::string>(), kKinds, evaluation_kind_name);
  row.definition = json.at("definition").get<std::string>();
  row.score = read_score(json, level);
  if (json.contains("reporter_minus"))
    row.reporter_minus = read_bootstrap(json.at("reporter_minus"), level);
  if (json.contains("reporter_fraction"))
    row.reporter_fraction = read_bootstrap(json.at("reporter_fraction"), level);
  row.why = text_or_empty(json, "why");
  return row;
}

OnlineCode read_code(const Json& json) {
  OnlineCode code;
  code.why = text_or_empty(json, "why");
  code.n = json.at("n_rows").get<Index>();
  code.bits_per_row = optional_number(json, "bits_per_row").value_or(0);
  code.prior_bits_per_row = optional_number(json, "prior_bits_per_row").value_or(0);
  for (const Json& block : json.at("blocks")) {
    code.blocks.push_back({block.at("n_training_rows").get<Index>(),
                           block.at("n_rows").get<Index>(), block.at("sd").get<double>(),
                           block.at("bits").get<double>()});
  }
  return code;
}

Selectivity read_selectivity(const Json& json, double level) {
  Selectivity selectivity;
  selectivity.n_type = json.at("n_token_types").get<Index>();
  selectivity.unseen_share = json.at("unseen_share").get<double>();
  selectivity.real = read_score(json.at("real"), level).value_or(ReportScore{});
  selectivity.control = read_score(json.at("control"), level).value_or(ReportScore{});
  selectivity.real_code = read_code(json.at("real").at("online_code"));
  selectivity.control_code = read_code(json.at("control").at("online_code"));
  selectivity.difference = read_bootstrap(json.at("difference"), level);
  return selectivity;
}

ActivationSummary read_summary(const Json& json) {
  ActivationSummary summary;
  summary.mean = json.at("mean").get<double>();
  summary.sd = json.at("sd").get<double>();
  summary.min = json.at("min").get<double>();
  summary.q05 = json.at("q05").get<double>();
  summary.q25 = json.at("q25").get<double>();
  summary.median = json.at("median").get<double>();
  summary.q75 = json.at("q75").get<double>();
  summary.q95 = json.at("q95").get<double>();
  summary.max = json.at("max").get<double>();
  return summary;
}

}  // namespace

ReporterEvaluation evaluation_from_json(const Json& json, std::string_view origin) {
  return detail::read_results(origin, [&] {
    ReporterEvaluation evaluation;
    evaluation.target = json.at("target").get<std::string>();
    evaluation.truth = json.at("truth").get<std::string>();
    evaluation.feature_site = json.at("feature_site").get<std::string>();
    evaluation.scored = named_value(json.at("scored").get<std::string>(), kAllParts, part_name);
    evaluation.n_row = json.at("n_rows").get<Index>();
    evaluation.n_group = json.at("n_distinct").get<Index>();
    evaluation.n_training_row = json.at("n_training_rows").get<Index>();
    evaluation.r2_training = optional_number(json, "r2_training");
    evaluation.bootstrap.level = json.at("level").get<double>();
    evaluation.bootstrap.n_bootstrap = json.at("n_bootstrap").get<Index>();
    evaluation.bootstrap.seed = json.at("seed").get<std::uint64_t>();
    const double level = evaluation.bootstrap.level;
    for (const Json& row : json.at("rows")) evaluation.rows.push_back(read_row(row, level));
    if (evaluation.rows.empty() || !evaluation.rows.front().score) {
      throw FileError(fmt::format("\"{}\" holds no score of a reporter", origin));
    }
    const Json& gain = json.at("gain");
    evaluation.gain = read_optional_bootstrap(gain, level);
    if (!gain.at("over").is_null()) evaluation.best_floor = gain.at("over").get<std::string>();
    evaluation.beats_floors = gain.at("beats_floors").get<bool>();
    evaluation.fraction_of_ceiling = read_optional_bootstrap(json.at("fraction_of_ceiling"), level);
    evaluation.selectivity = read_selectivity(json.at("selectivity"), level);
    evaluation.permuted_r2 = json.at("permuted_r2").get<std::vector<double>>();
    return evaluation;
  });
}

ActivationDrift drift_from_json(const Json& json, double level, std::string_view origin) {
  return detail::read_results(origin, [&] {
    ActivationDrift drift;
    drift.n = json.at("n_rows").get<Index>();
    drift.n_group = json.at("n_distinct").get<Index>();
    drift.initial = read_summary(json.at("initial"));
    drift.current = read_summary(json.at("current"));
    drift.wasserstein1 = json.at("wasserstein1").get<double>();
    drift.kolmogorov_smirnov = json.at("kolmogorov_smirnov").get<double>();
    drift.r = optional_number(json, "r");
    drift.r_interval = optional_interval(json, "r_interval", level);
    drift.mean_shift = optional_number(json, "mean_shift");
    drift.sd_ratio = optional_number(json, "sd_ratio");
    drift.sd_ratio_interval = optional_interval(json, "sd_ratio_interval", level);
    drift.variance_ratio = optional_number(json, "variance_ratio");
    drift.spread = named_value(json.at("spread").get<std::string>(), kSpreads, spread_verdict_name);
    drift.why = text_or_empty(json, "why");
    return drift;
  });
}

}  // namespace gnomon
