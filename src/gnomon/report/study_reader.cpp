// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "gnomon/report/detail/json_values.h"
#include "gnomon/report/study_files.h"

namespace gnomon {
namespace {

using detail::interval_between;
using detail::named_value;
using detail::optional_number;
using detail::text_or_empty;

// The level of projections and ladders, which is not stored.
constexpr double kLevel = 0.95;
constexpr std::array kStatuses = {CheckStatus::pass, CheckStatus::fail, CheckStatus::skip};

std::optional<NullRank> read_null_rank(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return NullRank{json.at("percentile").get<double>(), json.at("abs_r_upper").get<double>(),
                  json.at("n").get<Index>()};
}

DirectionResult read_direction(const Json& json) {
  DirectionResult direction;
  direction.name = json.at("name").get<std::string>();
  direction.definition = json.at("definition").get<std::string>();
  if (json.at("site").is_null()) {
    direction.why = text_or_empty(json, "why");
    return direction;
  }
  direction.site = json.at("site").get<std::string>();
  direction.r = optional_number(json, "r");
  direction.interval = interval_between(json, "ci_low", "ci_high", kLevel);
  direction.fisher_interval = interval_between(json, "fisher_low", "fisher_high", kLevel);
  direction.r2_fit = optional_number(json, "r2_fit");
  direction.r2_identity = optional_number(json, "r2_identity");
  direction.p = optional_number(json, "p");
  direction.log10_p = optional_number(json, "log10_p");
  direction.p_holm = optional_number(json, "p_holm");
  direction.log10_p_holm = optional_number(json, "log10_p_holm");
  direction.spearman = optional_number(json, "spearman");
  direction.random_directions = read_null_rank(json.at("random_directions"));
  direction.other_neurons = read_null_rank(json.at("other_neurons"));
  direction.length = json.at("length").get<double>();
  direction.bias = json.at("bias").get<double>();
  return direction;
}

CosineResult read_cosine(const Json& json) {
  CosineResult cosine;
  cosine.name = json.at("name").get<std::string>();
  cosine.definition = json.at("definition").get<std::string>();
  cosine.space = json.at("space").get<std::string>();
  cosine.value = json.at("value").get<double>();
  cosine.percentile = optional_number(json, "percentile");
  cosine.null_sd = optional_number(json, "null_sd");
  cosine.n_null = json.at("n_null").get<Index>();
  return cosine;
}

BaselineResult read_baseline(const Json& json) {
  return {json.at("name").get<std::string>(), json.at("definition").get<std::string>(),
          optional_number(json, "r"), optional_number(json, "r2_identity"),
          text_or_empty(json, "why")};
}

Rung read_rung(const Json& json) {
  Rung rung;
  rung.name = json.at("name").get<std::string>();
  rung.quantity = json.at("quantity").get<std::string>();
  rung.r = optional_number(json, "r");
  rung.interval = interval_between(json, "ci_low", "ci_high", kLevel);
  rung.r2_identity = optional_number(json, "r2_identity");
  rung.delta = optional_number(json, "delta");
  rung.exact_zero = json.at("exact_zero").get<bool>();
  rung.shapley = optional_number(json, "shapley");
  return rung;
}

Ladder read_ladder(const Json& json) {
  Ladder ladder;
  ladder.direction = json.at("direction").get<std::string>();
  ladder.starts_at = json.at("starts_at").get<std::string>();
  for (const Json& rung : json.at("rungs")) ladder.rungs.push_back(read_rung(rung));
  ladder.one_minus_r = optional_number(json, "one_minus_r");
  ladder.tolerance = json.at("tolerance").get<double>();
  ladder.tolerance_why = json.at("tolerance_why").get<std::string>();
  ladder.closes = json.at("closes").get<bool>();
  return ladder;
}

}  // namespace

ProjectionAnalysis projections_from_json(const Json& json, std::string_view origin) {
  return detail::read_results(origin, [&] {
    ProjectionAnalysis analysis;
    analysis.n_row = json.at("n_rows").get<Index>();
    analysis.n_distinct = json.at("n_distinct").get<Index>();
    for (const Json& direction : json.at("directions"))
      analysis.directions.push_back(read_direction(direction));
    for (const Json& cosine : json.at("cosines")) analysis.cosines.push_back(read_cosine(cosine));
    for (const Json& baseline : json.at("baselines"))
      analysis.baselines.push_back(read_baseline(baseline));
    return analysis;
  });
}

std::vector<Ladder> ladders_from_json(const Json& json, std::string_view origin) {
  return detail::read_results(origin, [&] {
    std::vector<Ladder> ladders;
    for (const Json& ladder : json.at("ladders")) ladders.push_back(read_ladder(ladder));
    return ladders;
  });
}

std::vector<CheckResult> checks_from_json(const Json& json, std::string_view origin) {
  return detail::read_results(origin, [&] {
    std::vector<CheckResult> checks;
    for (const Json& check : json) {
      checks.push_back(
          {check.at("id").get<std::string>(), check.at("title").get<std::string>(),
           named_value(check.at("status").get<std::string>(), kStatuses, check_status_name),
           optional_number(check, "value"), optional_number(check, "tolerance"),
           check.at("why").get<std::string>()});
    }
    return checks;
  });
}

}  // namespace gnomon
