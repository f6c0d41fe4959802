// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "gnomon/charts/lollipops.h"
#include "gnomon/report/detail/json_values.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/study_files.h"

namespace gnomon::detail {
namespace {

constexpr const char* kProjections = "analysis/projections.json";
constexpr const char* kWeights = "analysis/weights.json";

// Of a normal null distribution 95 % lie within this many standard deviations.
constexpr double kZ95 = 1.959963984540054;

void add_null(Lollipop& row, const Json& null, const char* name) {
  if (null.is_null()) return;
  row.nulls.push_back({name, null.at("abs_upper").get<double>(),
                       null.at("percentile").get<double>(), null.at("n").get<std::int64_t>()});
}

Lollipop weights_row(const Json& cosine) {
  Lollipop row;
  const std::string place = text_or_empty(cosine, "place");
  row.label =
      cosine.at("direction").get<std::string>() + ", " + cosine.at("statistic").get<std::string>();
  row.note = cosine.at("kind").get<std::string>() + " direction, " +
             cosine.at("space").get<std::string>() + " space";
  row.value = cosine.at("value").get<double>();
  if (const auto interval = optional_interval(cosine, "interval", 0.95)) {
    row.ci_low = interval->ci_low;
    row.ci_high = interval->ci_high;
  }
  row.start = optional_number(cosine, "start");
  add_null(row, cosine.at("other_neurons"), "other neurons");
  add_null(row, cosine.at("random_directions"), "random directions");
  return row;
}

}  // namespace

std::vector<Figure> cosine_figures(const StoredRun& run) {
  if (!has_file(run, kProjections)) return {};
  LollipopChart chart;
  chart.id = "cosines";
  chart.title = "Cosines of the report head and the neuron's weights";
  chart.value_title = "cosine";
  for (const CosineResult& cosine :
       projections_from_json(run.read_json(kProjections), kProjections).cosines) {
    Lollipop row;
    row.label = cosine.name;
    row.note = cosine.definition;
    row.value = cosine.value;
    if (cosine.percentile && cosine.null_sd)
      row.nulls.push_back(
          {"other neurons", kZ95 * *cosine.null_sd, *cosine.percentile, cosine.n_null});
    chart.rows.push_back(std::move(row));
  }
  if (chart.rows.empty()) return {};
  chart.description =
      "Cosines between the weight of the report's head, what the neuron reads of the stream and "
      "what "
      "it writes into it. The grey band has 1.96 standard deviations of the same cosine of the "
      "layer's "
      "other neurons.";
  return {lollipop_figure(chart)};
}

// One figure for each place at which the report's read-out was taken.
std::vector<Figure> weights_figures(const StoredRun& run) {
  if (!has_file(run, kWeights)) return {};
  const Json json = run.read_json(kWeights);
  return read_results(kWeights, [&] {
    std::vector<LollipopChart> charts;
    for (const Json& cosine : json.at("cosines")) {
      if (!cosine.at("value").is_number()) continue;
      const std::string place = cosine.at("place").get<std::string>();
      const std::string id = "weights-" + place;
      auto chart = std::ranges::find(charts, id, &LollipopChart::id);
      if (chart == charts.end()) {
        charts.emplace_back();
        chart = charts.end() - 1;
        chart->id = id;
        chart->title = place == "feature" ? "What the report reads, where it is read"
                                          : "What the report reads, where the neuron is written";
        chart->value_title = "cosine with what the report reads";
        chart->description = fmt::format(
            "Cosines of what the report reads of the stream with the neuron's directions and the "
            "stream's principal components, at the place \"{}\". Grey bands: 97.5 % of |cosine| of "
            "the "
            "layer's other neurons and of random directions lie inside.",
            place);
      }
      chart->rows.push_back(weights_row(cosine));
    }
    std::vector<Figure> figures;
    for (const LollipopChart& chart : charts) figures.push_back(lollipop_figure(chart));
    return figures;
  });
}

}  // namespace gnomon::detail
