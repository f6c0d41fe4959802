// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/patch_files.h"

#include <optional>
#include <string>

#include "gnomon/report/detail/interval_json.h"
#include "gnomon/report/detail/patch_json.h"

namespace gnomon {
namespace {

using detail::bootstrap_json;
using detail::interval_json;

Json gain_json(const CausalGain& gain) {
  Json json = bootstrap_json(gain.gain, "");
  json["r2_fit"] = number_or_null(gain.r2_fit);
  json["r2_identity"] = number_or_null(gain.r2_identity);
  json["row_gain_sd"] = number_or_null(gain.row_gain_sd);
  json["share_positive"] = number_or_null(gain.share_positive);
  json["n_in_range"] = gain.n_in_range;
  return json;
}

Json range_json(const NaturalRange& range) {
  return {{"low", range.low}, {"high", range.high}, {"mean", range.mean}, {"sd", range.sd}};
}

Json equivalence_json(const std::optional<EquivalenceTest>& test) {
  if (!test) return nullptr;
  return {{"reference", test->reference},
          {"margin", test->options.margin},
          {"alpha", test->options.alpha},
          {"interval", interval_json(test->interval)},
          {"level", test->interval.level},
          {"equivalent", test->equivalent},
          {"smallest_margin", test->smallest_margin},
          {"standard_error", test->standard_error},
          {"equivalence_power", test->equivalence_power},
          {"detectable", test->detectable},
          {"detectable_power", test->options.power}};
}

Json doses_json(const PatchStudy& study) {
  Json json = Json::array();
  for (const DosePoint& point : study.points) {
    json.push_back({{"dose", point.dose},
                    {"mean_value", point.mean_value},
                    {"share_in_range", point.share_in_range},
                    {"mean_report", point.mean_report},
                    {"sd_report", point.sd_report},
                    {"mean_change", point.mean_change},
                    {"mean_direct", number_or_null(point.mean_direct)},
                    {"mean_distance", number_or_null(point.mean_distance)},
                    {"mean_percentile", number_or_null(point.mean_percentile)},
                    {"share_typical", number_or_null(point.share_typical)}});
  }
  return json;
}

Json controls_json(const PatchStudy& study) {
  Json json;
  json["percentile"] = number_or_null(study.control_percentile);
  json["p"] = number_or_null(study.control_p_value);
  if (!study.control_percentile) {
    json["why"] = study.why_no_controls.empty() ? "the target or all controls have no gain"
                                                : study.why_no_controls;
  }
  json["units"] = Json::array();
  for (const UnitGain& control : study.controls) {
    json["units"].push_back({{"site", control.site},
                             {"mean", control.unit.mean},
                             {"sd", control.unit.sd},
                             {"write_norm", control.unit.write_norm},
                             {"distance", control.unit.distance},
                             {"range", range_json(control.range)},
                             {"gain", gain_json(control.gain)}});
  }
  return json;
}

Json necessity_json(AblationMode mode, const Necessity& necessity) {
  Json json = {{"mode", ablation_mode_name(mode)}};
  detail::add_necessity(json, necessity);
  return json;
}

Json typicality_json(const PatchStudy& study) {
  if (!study.typicality) return nullptr;
  return {{"site", study.typicality->site},
          {"n_natural", study.typicality->n_natural},
          {"intensity", study.typicality->intensity},
          {"clean_median", study.typicality->clean_median},
          {"clean_q99", study.typicality->clean_q99}};
}

Json non_vacuity_json(const NonVacuity& moved) {
  return {{"mean_site_change", moved.mean_site_change},
          {"largest_site_change", moved.largest_site_change},
          {"mean_feature_change", moved.mean_feature_change},
          {"mean_feature_relative", moved.mean_feature_relative},
          {"mean_report_change", moved.mean_report_change},
          {"largest_report_change", moved.largest_report_change}};
}

}  // namespace

Json patch_json(const PatchStudy& study) {
  Json json;
  json["target"] = study.target;
  json["site"] = study.site;
  json["read_out"] = study.read_out;
  json["definition"] = study.definition;
  json["part"] = part_name(study.part);
  json["n_rows"] = study.n_row;
  json["n_distinct"] = study.n_group;
  json["n_training_rows"] = study.n_training_row;
  json["most_tokens"] = study.most_tokens;
  json["mode"] = dose_mode_name(study.mode);
  json["natural_range"] = range_json(study.range);
  json["bootstrap"] = {{"n", study.bootstrap.n_bootstrap},
                       {"level", study.bootstrap.level},
                       {"seed", study.bootstrap.seed}};
  json["verdict"] = gain_verdict_name(study.verdict);
  json["gain"] = gain_json(study.total);
  json["no_effect"] = equivalence_json(study.none);
  json["full_effect"] = equivalence_json(study.ideal);
  if (study.direct) {
    json["direct"] = gain_json(*study.direct);
    json["indirect"] = bootstrap_json(study.indirect, "");
  } else {
    json["direct"] = nullptr;
    json["indirect"] = nullptr;
    json["why_no_direct"] = study.why_no_direct;
  }
  json["doses"] = doses_json(study);
  json["controls"] = controls_json(study);
  json["ablations"] = Json::array();
  for (const auto& [mode, necessity] : study.ablations)
    json["ablations"].push_back(necessity_json(mode, necessity));
  json["interchange"] =
      study.interchange ? detail::sufficiency_json(*study.interchange) : Json(nullptr);
  json["non_vacuity"] = non_vacuity_json(study.non_vacuity);
  json["in_distribution"] = typicality_json(study);
  if (!study.typicality) json["why_no_distribution"] = study.why_no_typicality;
  return json;
}

namespace {

CsvValue distance_of(const PatchStudy& study, Index row, Index dose) {
  if (!study.typicality) return {};
  return study.typicality->distance.matrix()(row, dose);
}

CsvValue typical_of(const PatchStudy& study, Index row, Index dose) {
  if (!study.typicality) return {};
  return study.typicality->distance.matrix()(row, dose) <= study.typicality->clean_q99;
}

}  // namespace

CsvTable patch_csv(const PatchStudy& study, const ReporterData& data) {
  CsvTable table({"text", "position", "group", "activation", "clean_report", "dose", "value",
                  "in_range", "report", "distance", "typical"});
  for (std::size_t i = 0; i < study.row.size(); ++i) {
    const auto row = static_cast<std::size_t>(study.row[i]);
    for (std::size_t d = 0; d < study.doses.size(); ++d) {
      const auto r = static_cast<Index>(i);
      const auto c = static_cast<Index>(d);
      const double value = study.response.value.matrix()(r, c);
      table.add_row({data.text[row], data.position[row], data.group[row], study.activation[i],
                     study.clean_report[i], study.doses[d], value, study.range.holds(value),
                     study.response.report.matrix()(r, c), distance_of(study, r, c),
                     typical_of(study, r, c)});
    }
  }
  return table;
}

}  // namespace gnomon
