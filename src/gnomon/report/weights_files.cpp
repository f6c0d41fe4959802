// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/weights_files.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

namespace gnomon {
namespace {

Json interval_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({interval->ci_low, interval->ci_high});
}

Json null_json(const std::optional<NullComparison>& null) {
  if (!null) return nullptr;
  return {{"percentile", null->percentile},
          {"abs_upper", null->abs_upper},
          {"p", null->p},
          {"q", number_or_null(null->q)},
          {"n", null->n}};
}

Json cosine_json(const ReadOutCosine& row) {
  Json json = {{"place", row.place},
               {"direction", row.direction},
               {"kind", direction_kind_name(row.kind)},
               {"statistic", read_out_statistic_name(row.statistic)},
               {"space", row.space},
               {"value", number_or_null(row.value)},
               {"start", number_or_null(row.start)},
               {"interval", interval_json(row.interval)},
               {"interval_over", row.interval_over},
               {"other_neurons", null_json(row.others)},
               {"random_directions", null_json(row.random)}};
  if (!row.value) {
    json["why"] = row.why;
  } else if (!row.others) {
    json["why"] = row.why_no_others;
  } else if (!row.interval) {
    json["why"] = row.interval_over;
  } else if (!row.start) {
    json["why"] = "the read-out or the direction was 0 before training";
  }
  return json;
}

Json bootstrap_json(const BootstrapInterval& bootstrap) {
  Json json = {{"value", number_or_null(bootstrap.estimate)},
               {"interval", interval_json(bootstrap.interval)}};
  if (!bootstrap.why_undefined.empty()) json["why"] = bootstrap.why_undefined;
  return json;
}

Json share_json(const WriteShare& share) {
  return {{"gain", number_or_null(share.gain)},
          {"share", bootstrap_json(share.share)},
          {"share_by_row", bootstrap_json(share.by_row)},
          {"rest", bootstrap_json(share.rest)}};
}

Json direction_json(const ComparedDirection& direction, std::string_view place) {
  return {{"name", direction.name},
          {"place", place.empty() ? Json(nullptr) : Json(place)},
          {"kind", direction_kind_name(direction.kind)},
          {"definition", direction.definition},
          {"length", number_or_null(direction.length())},
          {"n_others", direction.others.size() > 0 ? direction.others.matrix().rows : Index{0}}};
}

Json place_json(const ReadOutPlace& place, const ModelConfig& config) {
  Json json;
  json["place"] = place.name;
  if (!place.read_out) {
    json["site"] = nullptr;
    json["why"] = place.why;
    return json;
  }
  const ReadOut& read_out = *place.read_out;
  json["site"] = site_name(read_out.site, config);
  json["token"] = read_out.token == ReadOutToken::feature ? "feature" : "target";
  json["origin"] = read_out.origin;
  json["constant"] = read_out.constant;
  json["length"] = number_or_null(read_out.length());
  json["start_length"] = number_or_null(place.start_length);
  json["start_cosine"] = number_or_null(place.start_cosine);
  json["resultant"] = number_or_null(read_out.resultant);
  json["mean_cosine"] = number_or_null(read_out.mean_cosine);
  json["spread"] = number_or_null(read_out.spread);
  json["n_zero"] = read_out.n_zero;
  json["shrinkage"] = place.intensity;
  json["read_out"] = read_out.mean;
  json["write_share"] = place.share ? share_json(*place.share) : Json(nullptr);
  if (!place.share) json["why"] = place.why_no_share;
  if (!read_out.resultant) json["why"] = "every gradient is 0";
  return json;
}

Json change_json(const WeightChange& change) {
  Json json = {{"name", change.name},
               {"norm_before", change.norm_before},
               {"norm_after", change.norm_after},
               {"cosine", number_or_null(change.cosine)},
               {"relative_change", number_or_null(change.relative_change)}};
  if (!change.cosine) json["why"] = "the weights are 0";
  return json;
}

CsvValue csv_value(const std::optional<double>& value) {
  if (!value) return std::monostate{};
  return *value;
}

}  // namespace

Json weights_json(const WeightsSubject& subject, const WeightsAnalysis& analysis,
                  const WeightsOptions& options, const ModelConfig& config) {
  Json json;
  json["target"] = subject.target;
  json["reporter"] = subject.reporter;
  json["training_seed"] = subject.training_seed;
  json["scored"] = "test";
  json["n_rows"] = analysis.rows.size();
  json["n_distinct"] = analysis.n_distinct;
  json["n_training_rows"] = analysis.training_rows.size();
  json["level"] = options.level;
  json["n_bootstrap"] = options.n_bootstrap;
  json["n_random"] = options.n_random;
  json["seed"] = options.seed;
  json["read_outs"] = Json::array();
  for (const ReadOutPlace& place : analysis.places)
    json["read_outs"].push_back(place_json(place, config));
  json["directions"] = Json::array();
  for (const ComparedDirection& direction : analysis.directions)
    json["directions"].push_back(direction_json(direction, ""));
  for (const ReadOutPlace& place : analysis.places) {
    for (const ComparedDirection& component : place.components)
      json["directions"].push_back(direction_json(component, place.name));
  }
  json["cosines"] = Json::array();
  for (const ReadOutCosine& row : analysis.cosines) json["cosines"].push_back(cosine_json(row));
  json["weight_changes"] = Json::array();
  for (const WeightChange& change : analysis.changes)
    json["weight_changes"].push_back(change_json(change));
  return json;
}

CsvTable weights_csv(const WeightsAnalysis& analysis) {
  CsvTable table({"place", "direction", "kind", "statistic", "space", "value", "start", "ci_low",
                  "ci_high", "neurons_percentile", "neurons_p", "neurons_q", "neurons_n",
                  "random_percentile", "random_p", "random_q", "random_n"});
  const auto add_null = [](std::vector<CsvValue>& values,
                           const std::optional<NullComparison>& null) {
    if (!null) {
      for (int k = 0; k < 4; ++k) values.emplace_back();
      return;
    }
    values.emplace_back(null->percentile);
    values.emplace_back(null->p);
    values.push_back(csv_value(null->q));
    values.emplace_back(null->n);
  };
  for (const ReadOutCosine& row : analysis.cosines) {
    std::vector<CsvValue> values = {row.place,
                                    row.direction,
                                    std::string(direction_kind_name(row.kind)),
                                    std::string(read_out_statistic_name(row.statistic)),
                                    row.space,
                                    csv_value(row.value),
                                    csv_value(row.start),
                                    row.interval ? CsvValue(row.interval->ci_low) : CsvValue(),
                                    row.interval ? CsvValue(row.interval->ci_high) : CsvValue()};
    add_null(values, row.others);
    add_null(values, row.random);
    table.add_row(values);
  }
  return table;
}

}  // namespace gnomon
