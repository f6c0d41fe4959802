// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/evaluation_files.h"

#include <optional>
#include <string>

#include "gnomon/report/detail/interval_json.h"

namespace gnomon {
namespace {

using detail::bootstrap_json;
using detail::interval_json;

void add_score(Json& json, const std::optional<ReportScore>& maybe) {
  const ReportScore none;
  const ReportScore& score = maybe ? *maybe : none;
  const auto number = [&](double value) { return maybe ? number_or_null(value) : Json(nullptr); };
  json["n_rows"] = score.n;
  json["n_distinct"] = score.n_group;
  json["r"] = number_or_null(score.r);
  json["r_interval"] = interval_json(score.r_interval);
  json["r_fisher"] = interval_json(score.r_fisher);
  json["p"] = number_or_null(score.p);
  json["log10_p"] = number_or_null(score.log10_p);
  json["r2_fit"] = number_or_null(score.r2_fit);
  json["r2_identity"] = number_or_null(score.r2_identity);
  json["r2_identity_interval"] = interval_json(score.r2_identity_interval);
  json["mean_absolute_error"] = number(score.mean_absolute_error);
  json["root_mean_square_error"] = number(score.root_mean_square_error);
  json["mean_error"] = number(score.mean_error);
  json["slope"] = number_or_null(score.slope);
  json["slope_interval"] = interval_json(score.slope_interval);
  json["intercept"] = number_or_null(score.intercept);
  json["intercept_interval"] = interval_json(score.intercept_interval);
  json["spearman"] = number_or_null(score.spearman);
}

Json row_json(const EvaluationRow& row) {
  Json json;
  json["name"] = row.name;
  json["kind"] = evaluation_kind_name(row.kind);
  json["definition"] = row.definition;
  add_score(json, row.score);
  if (row.reporter_minus) json["reporter_minus"] = bootstrap_json(row.reporter_minus, "");
  if (row.reporter_fraction) json["reporter_fraction"] = bootstrap_json(row.reporter_fraction, "");
  if (!row.why.empty()) json["why"] = row.why;
  return json;
}

Json code_json(const OnlineCode& code) {
  Json json;
  json["bits_per_row"] = code.defined() ? Json(code.bits_per_row) : Json(nullptr);
  json["prior_bits_per_row"] = code.defined() ? Json(code.prior_bits_per_row) : Json(nullptr);
  json["n_rows"] = code.n;
  json["blocks"] = Json::array();
  for (const OnlineBlock& block : code.blocks) {
    json["blocks"].push_back({{"n_training_rows", block.n_training},
                              {"n_rows", block.n},
                              {"sd", block.sd},
                              {"bits", block.bits}});
  }
  if (!code.defined()) json["why"] = code.why;
  return json;
}

Json task_json(const ReportScore& score, const OnlineCode& code) {
  Json json;
  add_score(json, score);
  json["online_code"] = code_json(code);
  if (!score.why.empty()) json["why"] = score.why;
  return json;
}

Json selectivity_json(const Selectivity& selectivity) {
  return {{"n_token_types", selectivity.n_type},
          {"unseen_share", selectivity.unseen_share},
          {"real", task_json(selectivity.real, selectivity.real_code)},
          {"control", task_json(selectivity.control, selectivity.control_code)},
          {"difference", bootstrap_json(selectivity.difference, "")}};
}

CsvValue csv_value(const std::optional<double>& value) {
  if (!value) return std::monostate{};
  return *value;
}

CsvValue csv_end(const std::optional<Interval>& interval, double Interval::*end) {
  if (!interval) return std::monostate{};
  return (*interval).*end;
}

Json summary_json(const ActivationSummary& summary) {
  return {{"mean", summary.mean}, {"sd", summary.sd},   {"min", summary.min},
          {"q05", summary.q05},   {"q25", summary.q25}, {"median", summary.median},
          {"q75", summary.q75},   {"q95", summary.q95}, {"max", summary.max}};
}

}  // namespace

Json evaluation_json(const ReporterEvaluation& evaluation) {
  Json json;
  json["$schema"] = "urn:gnomon:schema:evaluation:1";
  json["target"] = evaluation.target;
  json["truth"] = evaluation.truth;
  json["feature_site"] = evaluation.feature_site;
  json["scored"] = part_name(evaluation.scored);
  json["n_rows"] = evaluation.n_row;
  json["n_distinct"] = evaluation.n_group;
  json["n_training_rows"] = evaluation.n_training_row;
  json["r2_training"] = number_or_null(evaluation.r2_training);
  json["level"] = evaluation.bootstrap.level;
  json["n_bootstrap"] = evaluation.bootstrap.n_bootstrap;
  json["seed"] = evaluation.bootstrap.seed;
  json["rows"] = Json::array();
  for (const EvaluationRow& row : evaluation.rows) json["rows"].push_back(row_json(row));
  json["gain"] = bootstrap_json(evaluation.gain, "no floor has a score");
  json["gain"]["over"] = evaluation.gain ? Json(evaluation.best_floor) : Json(nullptr);
  json["gain"]["beats_floors"] = evaluation.beats_floors;
  json["fraction_of_ceiling"] =
      bootstrap_json(evaluation.fraction_of_ceiling, "no ridge head at the reporter's site");
  json["fraction_of_ceiling"]["of"] = "ridge";
  json["selectivity"] = selectivity_json(evaluation.selectivity);
  json["permuted_r2"] = evaluation.permuted_r2;
  return json;
}

CsvTable evaluation_csv(const ReporterEvaluation& evaluation) {
  CsvTable table({"name",
                  "kind",
                  "definition",
                  "n_rows",
                  "n_distinct",
                  "r",
                  "r_ci_low",
                  "r_ci_high",
                  "log10_p",
                  "r2_fit",
                  "r2_identity",
                  "r2_identity_ci_low",
                  "r2_identity_ci_high",
                  "mean_absolute_error",
                  "root_mean_square_error",
                  "mean_error",
                  "slope",
                  "slope_ci_low",
                  "slope_ci_high",
                  "intercept",
                  "intercept_ci_low",
                  "intercept_ci_high",
                  "spearman",
                  "reporter_minus",
                  "reporter_minus_ci_low",
                  "reporter_minus_ci_high",
                  "why"});
  for (const EvaluationRow& row : evaluation.rows) {
    const ReportScore score = row.score.value_or(ReportScore{});
    const BootstrapInterval minus = row.reporter_minus.value_or(BootstrapInterval{});
    const auto number = [&](double value) { return row.score ? CsvValue(value) : CsvValue(); };
    table.add_row({row.name,
                   std::string(evaluation_kind_name(row.kind)),
                   row.definition,
                   score.n,
                   score.n_group,
                   csv_value(score.r),
                   csv_end(score.r_interval, &Interval::ci_low),
                   csv_end(score.r_interval, &Interval::ci_high),
                   csv_value(score.log10_p),
                   csv_value(score.r2_fit),
                   csv_value(score.r2_identity),
                   csv_end(score.r2_identity_interval, &Interval::ci_low),
                   csv_end(score.r2_identity_interval, &Interval::ci_high),
                   number(score.mean_absolute_error),
                   number(score.root_mean_square_error),
                   number(score.mean_error),
                   csv_value(score.slope),
                   csv_end(score.slope_interval, &Interval::ci_low),
                   csv_end(score.slope_interval, &Interval::ci_high),
                   csv_value(score.intercept),
                   csv_end(score.intercept_interval, &Interval::ci_low),
                   csv_end(score.intercept_interval, &Interval::ci_high),
                   csv_value(score.spearman),
                   csv_value(minus.estimate),
                   csv_end(minus.interval, &Interval::ci_low),
                   csv_end(minus.interval, &Interval::ci_high),
                   row.why.empty() ? CsvValue() : CsvValue(row.why)});
  }
  return table;
}

Json drift_json(const ActivationDrift& drift) {
  Json json = {{"n_rows", drift.n},
               {"n_distinct", drift.n_group},
               {"initial", summary_json(drift.initial)},
               {"current", summary_json(drift.current)},
               {"wasserstein1", drift.wasserstein1},
               {"kolmogorov_smirnov", drift.kolmogorov_smirnov},
               {"r", number_or_null(drift.r)},
               {"r_interval", interval_json(drift.r_interval)},
               {"mean_shift", number_or_null(drift.mean_shift)},
               {"sd_ratio", number_or_null(drift.sd_ratio)},
               {"sd_ratio_interval", interval_json(drift.sd_ratio_interval)},
               {"variance_ratio", number_or_null(drift.variance_ratio)},
               {"spread", spread_verdict_name(drift.spread)}};
  if (!drift.why.empty()) json["why"] = drift.why;
  return json;
}

}  // namespace gnomon
