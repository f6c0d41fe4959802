// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <string>

#include "gnomon/report/data_set_files.h"
#include "gnomon/report/detail/activation_summary.h"

namespace gnomon {
namespace {

using detail::ActivationSummary;

Json split_json(const DataSet& data) {
  Json json;
  json["fractions"] = {data.fractions.train, data.fractions.val, data.fractions.test};
  for (const Part part : kAllParts) {
    std::map<Index, Index> groups;
    for (std::size_t t = 0; t < data.texts.part.size(); ++t) {
      if (data.texts.part[t] == part) ++groups[data.texts.groups.group_of_row[t]];
    }
    Index n_text = 0;
    for (const auto& [group, n] : groups) n_text += n;
    json[std::string(part_name(part))] = {
        {"n_rows", data.rows_of(part).size()}, {"n_texts", n_text}, {"n_groups", groups.size()}};
  }
  return json;
}

Json groups_json(const DataSet& data) {
  Json rules = Json::array();
  for (const GroupRuleCount& rule : data.texts.groups.rules) {
    rules.push_back({{"rule", group_rule_name(rule.rule)},
                     {"n_texts", rule.n_rows},
                     {"n_joins", rule.n_joins}});
  }
  Json json = {{"n_groups", data.texts.groups.n_groups},
               {"largest_group", data.texts.groups.largest_group},
               {"rules", rules},
               {"near_duplicates", nullptr}};
  if (!data.near) return json;
  const Banding banding = choose_banding(data.near->threshold, data.near->n_hash);
  json["near_duplicates"] = {{"threshold", data.near->threshold},
                             {"unit", shingle_unit_name(data.near->unit)},
                             {"shingle_length", data.near->shingle_length},
                             {"n_hash", data.near->n_hash},
                             {"n_band", banding.n_band},
                             {"missed_at_threshold", banding.missed}};
  return json;
}

Json balance_json(const std::optional<Balance>& balance) {
  if (!balance) return nullptr;
  Json bins = Json::array();
  for (const BalanceBin& bin : balance->bins) {
    bins.push_back({{"low", bin.low},
                    {"high", bin.high},
                    {"n_before", bin.n_before},
                    {"n_after", bin.n_after}});
  }
  return {{"cap", balance->cap}, {"bins", bins}};
}

Json summary_json(const DataSet& data, Index target) {
  const ActivationSummary summary = detail::summarise_activation(data.activation_of(target));
  Json quantiles = Json::array();
  for (std::size_t i = 0; i < summary.quantiles.size(); ++i)
    quantiles.push_back({ActivationSummary::kProbabilities[i], summary.quantiles[i]});
  return {{"target", data.target_name(target)},
          {"n", summary.n},
          {"mean", summary.mean},
          {"sd", summary.sd},
          {"skewness", number_or_null(summary.skewness)},
          {"positive", summary.positive},
          {"quantiles", quantiles},
          {"histogram",
           {{"low", summary.low()}, {"high", summary.high()}, {"counts", summary.counts}}}};
}

Json score_json(const BaselineResult& result) {
  Json json = {{"r", number_or_null(result.r)},
               {"r2_identity", number_or_null(result.r2_identity)}};
  if (!result.r) json["why"] = result.why;
  return json;
}

Json leakage_json(const DataSetLeakage& leakage) {
  Json targets = Json::array();
  for (const LeakageTable& table : leakage.targets) {
    Json rows = Json::array();
    for (const LeakageRow& row : table.rows) {
      rows.push_back({{"name", row.name},
                      {"definition", row.definition},
                      {"val", score_json(row.val)},
                      {"test", score_json(row.test)}});
    }
    targets.push_back({{"target", table.target}, {"baselines", rows}});
  }
  return {{"n_val_in_train", leakage.n_val_in_train},
          {"n_test_in_train", leakage.n_test_in_train},
          {"targets", targets},
          {"rows_split_singly",
           {{"n_test", leakage.row_split.n_test},
            {"n_test_in_train", leakage.row_split.n_in_train},
            {"lookup_r2_identity", number_or_null(leakage.row_split.lookup_r2)}}}};
}

}  // namespace

Json data_set_json(const DataSet& data, const DataSetLeakage& leakage) {
  Json json;
  json["$schema"] = "urn:gnomon:schema:data_set:1";
  json["format"] = 1;
  json["targets"] = Json::array();
  for (Index k = 0; k < data.n_target(); ++k) json["targets"].push_back(data.target_name(k));
  json["model"] = {{"name", data.model_name}, {"sha256", data.model_sha256}};
  json["precision"] = precision_name(data.precision);
  json["seed"] = data.seed;
  json["sources"] = Json::array();
  for (const TextSourceRecord& source : data.sources) {
    json["sources"].push_back(
        {{"name", source.name}, {"sha256", source.sha256}, {"n_records", source.n_records}});
  }
  json["counts"] = {{"n_read", data.counts.n_read},
                    {"n_duplicates", data.counts.n_duplicates},
                    {"n_excluded", data.counts.n_excluded},
                    {"n_unused", data.counts.n_unused},
                    {"n_measured", data.counts.n_measured},
                    {"n_texts", data.texts.n_text()},
                    {"n_rows", data.n_row()}};
  json["split"] = split_json(data);
  json["groups"] = groups_json(data);
  json["balance"] = balance_json(data.balance);
  json["activation"] = Json::array();
  for (Index k = 0; k < data.n_target(); ++k) json["activation"].push_back(summary_json(data, k));
  json["leakage"] = leakage_json(leakage);
  json["excluded"] = Json::array();
  for (const ExcludedText& text : data.texts.excluded) {
    json["excluded"].push_back(
        {{"record", text.record}, {"source", text.source}, {"why", text.why}});
  }
  return json;
}

}  // namespace gnomon
