// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/scan_files.h"

#include <fmt/format.h>

namespace gnomon {
namespace {

CsvValue csv_value(const std::optional<double>& value) {
  if (!value) return std::monostate{};
  return *value;
}

std::string quantile_name(double probability) {
  return fmt::format("q{:02.0f}", 100 * probability);
}

Json explained_json(const std::optional<VarianceExplained>& explained) {
  if (!explained) return nullptr;
  return {{"adjusted", explained->adjusted}, {"eta_squared", explained->eta_squared}};
}

// Why numbers of this neuron are null.
Json why_json(const NeuronScan& scan, const NeuronStatistics& neuron) {
  Json why = Json::object();
  const bool constant = neuron.min == neuron.max;
  const std::string one_value = constant ? "all values are equal" : "the variance is rounding";
  if (!neuron.sd) why["sd"] = "there is one row";
  if (!neuron.skewness) why["skewness"] = one_value;
  if (!neuron.by_token)
    why["explained_by_token"] = constant ? one_value : "no two rows have the same token";
  if (!neuron.by_position)
    why["explained_by_position"] = constant ? one_value : "no two rows have the same position";
  if (!neuron.score) why["score"] = "there is one row";
  if (!neuron.standardised) {
    why["standardised"] = neuron.score && *neuron.score == 0
                              ? "a score of 0 has no logarithm"
                              : "the layer has no two neurons with different scores above 0";
  }
  if (!neuron.layer_quantile) why["layer_quantile"] = "there is one row";
  if (scan.n_row < 2) why["explained_by_token"] = why["explained_by_position"] = "there is one row";
  return why;
}

Json neuron_json(const NeuronScan& scan, const NeuronStatistics& neuron, std::size_t rank,
                 const EncodedTexts& texts) {
  Json json;
  json["rank"] = rank;
  json["name"] = neuron_name(neuron);
  json["layer"] = neuron.layer;
  json["neuron"] = neuron.neuron;
  json["score"] = number_or_null(neuron.score);
  json["standardised"] = number_or_null(neuron.standardised);
  json["layer_quantile"] = number_or_null(neuron.layer_quantile);
  json["n"] = scan.n_row;
  json["mean"] = neuron.mean;
  json["sd"] = number_or_null(neuron.sd);
  json["min"] = neuron.min;
  json["max"] = neuron.max;
  json["quantiles"] = Json::object();
  for (std::size_t q = 0; q < kScanQuantiles.size(); ++q)
    json["quantiles"][quantile_name(kScanQuantiles[q])] = neuron.quantiles[q];
  json["skewness"] = number_or_null(neuron.skewness);
  json["share_positive"] = neuron.share_positive;
  json["explained_by_token"] = explained_json(neuron.by_token);
  json["explained_by_position"] = explained_json(neuron.by_position);
  json["top_texts"] = Json::array();
  for (const ColumnTop& top : neuron.top) {
    json["top_texts"].push_back(
        {{"value", top.value},
         {"text", top.item},
         {"position", top.place},
         {"source", texts.records[static_cast<std::size_t>(top.item)].source}});
  }
  if (Json why = why_json(scan, neuron); !why.empty()) json["why"] = std::move(why);
  return json;
}

Json definitions_json(const NeuronScan& scan) {
  return {
      {"score", "variance ln(1 + max - min)"},
      {"standardised",
       "(ln score - mean) / sd, mean and sd over the layer's neurons whose score is not 0"},
      {"layer_quantile", "rank of the score in the layer, 0 for the smallest to 1 for the largest"},
      {"sd", "divides by n - 1"},
      {"quantiles",
       scan.n_sampled_row == scan.n_row
           ? "of all rows, type 7"
           : fmt::format("of {} rows drawn without replacement, type 7; the share of rows below "
                         "the estimate of quantile p has standard error "
                         "sqrt(p (1 - p) / {} (1 - {} / {}))",
                         scan.n_sampled_row, scan.n_sampled_row, scan.n_sampled_row, scan.n_row)},
      {"skewness", "m3 / m2^(3/2), moments divide by n"},
      {"explained_by_token",
       "one-way analysis of variance; groups are the most frequent tokens, all others are one "
       "group: a lower bound on what token identity explains. adjusted = 1 - (1 - eta_squared) "
       "(n - 1) / (n - n_groups)"},
      {"explained_by_position",
       fmt::format("the same; groups are the positions below {}, then halves of powers of two",
                   kScanOwnPositions)},
      {"top_texts",
       "texts by their largest value; text counts the texts that were scanned from 0, "
       "position their tokens from 0"}};
}

}  // namespace

std::string neuron_name(const NeuronStatistics& neuron) {
  return fmt::format("blocks.{}.mlp.hook_post[{}]", neuron.layer, neuron.neuron);
}

Json scan_json(const NeuronScan& scan, const NeuronRanking& ranking, std::span<const Index> shown,
               const EncodedTexts& texts) {
  const auto grouping = [](const ScanGrouping& groups) {
    return Json{{"n_groups", groups.n_group}, {"share_in_own_group", groups.share_own}};
  };
  Json json;
  json["site"] = fmt::format("mlp.hook_post{}", position_name(scan.position));
  json["layers"] = {scan.first_layer, scan.last_layer};
  json["rank_by"] = ranking_name(ranking);
  json["precision"] = precision_name(scan.precision);
  json["seed"] = scan.seed;
  json["n_texts"] = scan.n_text;
  json["n_rows"] = scan.n_row;
  json["n_sampled_rows"] = scan.n_sampled_row;
  json["n_neurons"] = scan.neurons.size();
  json["token_groups"] = grouping(scan.token);
  json["position_groups"] = grouping(scan.position_groups);
  json["definitions"] = definitions_json(scan);
  json["excluded"] = Json::array();
  for (const ExcludedText& excluded : texts.excluded)
    json["excluded"].push_back({{"source", excluded.source}, {"why", excluded.why}});
  json["neurons"] = Json::array();
  for (std::size_t i = 0; i < shown.size(); ++i) {
    json["neurons"].push_back(
        neuron_json(scan, scan.neurons[static_cast<std::size_t>(shown[i])], i + 1, texts));
  }
  return json;
}

CsvTable scan_csv(const NeuronScan& scan, std::span<const Index> shown, const EncodedTexts& texts) {
  std::vector<std::string> header = {
      "rank",           "name", "layer", "neuron", "score", "standardised",
      "layer_quantile", "n",    "mean",  "sd",     "min",   "max"};
  for (const double q : kScanQuantiles) header.push_back(quantile_name(q));
  for (const char* name :
       {"skewness", "share_positive", "explained_by_token", "explained_by_token_eta_squared",
        "explained_by_position", "explained_by_position_eta_squared"}) {
    header.emplace_back(name);
  }
  for (Index k = 1; k <= kScanTopTexts; ++k) {
    for (const char* name : {"value", "text", "position", "source"})
      header.push_back(fmt::format("top{}_{}", k, name));
  }
  CsvTable table(header);
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const NeuronStatistics& neuron = scan.neurons[static_cast<std::size_t>(shown[i])];
    std::vector<CsvValue> row = {static_cast<std::int64_t>(i + 1),
                                 neuron_name(neuron),
                                 neuron.layer,
                                 neuron.neuron,
                                 csv_value(neuron.score),
                                 csv_value(neuron.standardised),
                                 csv_value(neuron.layer_quantile),
                                 scan.n_row,
                                 neuron.mean,
                                 csv_value(neuron.sd),
                                 neuron.min,
                                 neuron.max};
    row.insert(row.end(), neuron.quantiles.begin(), neuron.quantiles.end());
    row.push_back(csv_value(neuron.skewness));
    row.emplace_back(neuron.share_positive);
    for (const auto& explained : {neuron.by_token, neuron.by_position}) {
      row.push_back(explained ? CsvValue(explained->adjusted) : CsvValue());
      row.push_back(explained ? CsvValue(explained->eta_squared) : CsvValue());
    }
    for (std::size_t k = 0; k < static_cast<std::size_t>(kScanTopTexts); ++k) {
      if (k >= neuron.top.size()) {
        row.resize(row.size() + 4);
        continue;
      }
      const ColumnTop& top = neuron.top[k];
      row.emplace_back(top.value);
      row.emplace_back(top.item);
      row.emplace_back(top.place);
      row.emplace_back(texts.records[static_cast<std::size_t>(top.item)].source);
    }
    table.add_row(row);
  }
  return table;
}

}  // namespace gnomon
