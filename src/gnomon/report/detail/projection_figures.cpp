// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/charts/heat_map.h"
#include "gnomon/charts/ladder.h"
#include "gnomon/charts/scatter.h"
#include "gnomon/report/detail/csv_columns.h"
#include "gnomon/report/detail/json_values.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/study_files.h"

namespace gnomon::detail {
namespace {

constexpr const char* kProjections = "analysis/projections.json";
constexpr const char* kCorrelation = "analysis/correlation.json";
constexpr const char* kAudit = "analysis/audit.json";
constexpr const char* kProjectionRows = "analysis/projections.csv";

std::string direction_title(const std::string& name) {
  if (name == "head") return "Report head";
  if (name == "input") return "Input weights";
  if (name == "input_gate") return "Input weights, gate branch";
  if (name == "input_up") return "Input weights, up branch";
  if (name == "output") return "Output weights";
  if (name == "final") return "Output weights, last stream";
  return name;
}

void add_null(ScatterPanel& panel, const std::optional<NullRank>& null, const char* name) {
  if (null) panel.nulls.push_back({name, null->abs_r_upper, null->percentile, null->n});
}

ScatterPanel panel_of(const DirectionResult& direction, const ProjectionAnalysis& analysis,
                      const std::string& target) {
  ScatterPanel panel;
  panel.name = direction.name;
  panel.title = direction_title(direction.name);
  panel.note = direction.definition;
  panel.x_label = direction.name == "head" ? "report (activation units)"
                                           : "projection on " + direction.site + " (a.u.)";
  panel.y_label = target;
  panel.r = direction.r;
  if (direction.interval) {
    panel.ci_low = direction.interval->ci_low;
    panel.ci_high = direction.interval->ci_high;
  }
  panel.r2_fit = direction.r2_fit;
  panel.r2_identity = direction.r2_identity;
  panel.p = direction.p;
  panel.n_rows = analysis.n_row;
  panel.n_texts = analysis.n_distinct;
  add_null(panel, direction.random_directions, "random directions");
  add_null(panel, direction.other_neurons, "other neurons");
  return panel;
}

Figure correlation_figure(const StoredRun& run, const std::string& target) {
  const Json json = run.read_json(kCorrelation);
  return read_results(kCorrelation, [&] {
    HeatMapChart chart;
    chart.id = "correlation";
    chart.title = "Correlation of every pair";
    chart.columns = json.at("labels").get<std::vector<std::string>>();
    for (const std::string& label : chart.columns)
      chart.rows.push_back(label == "activation" ? target : direction_title(label));
    for (const Json& row : json.at("matrix"))
      for (const Json& value : row)
        chart.values.push_back(value.is_null() ? std::nullopt : std::optional(value.get<double>()));
    chart.value_title = "Pearson's r";
    chart.limit = 1;
    chart.grey_diagonal = true;
    chart.description = fmt::format(
        "Pearson's r of the activation of {} and each direction's projection, pair by pair, over "
        "{} "
        "rows of {} texts that were held out.",
        target, json.at("n_rows").get<Index>(), json.at("n_distinct").get<Index>());
    return heat_map_figure(chart);
  });
}

LadderChart ladder_chart(const Ladder& ladder, const std::string& target) {
  LadderChart chart;
  chart.id = "ladder-" + ladder.direction;
  std::ranges::replace(chart.id, '_', '-');
  chart.title = "Why r is not 1: " + direction_title(ladder.direction);
  chart.truth = target;
  chart.closes = ladder.closes;
  for (const Rung& rung : ladder.rungs) {
    LadderRung& step = chart.rungs.emplace_back();
    step.name = rung.name;
    step.quantity = rung.quantity;
    step.r = rung.r;
    if (rung.interval) {
      step.ci_low = rung.interval->ci_low;
      step.ci_high = rung.interval->ci_high;
    }
    step.delta = rung.delta;
    step.exact_zero = rung.exact_zero;
    step.shapley = rung.shapley;
  }
  chart.description = fmt::format(
      "The correlation with the activation of {}, from what is read at {} to the activation "
      "itself, "
      "one operation a line: r with its 95 % interval, 1 − r, the change Δr in this order of the "
      "operations, and its mean over all orders.",
      target, ladder.starts_at);
  return chart;
}

}  // namespace

ScatterChart projection_chart(const StoredRun& run) {
  ScatterChart chart;
  chart.title = "Projections against the true activation";
  const Json json = run.read_json(kProjections);
  const ProjectionAnalysis analysis = projections_from_json(json, kProjections);
  const std::string target = json.at("target").get<std::string>();
  const std::string scored = json.at("scored").get<std::string>();
  const CsvColumns rows(read_text_file(run.file(kProjectionRows)), kProjectionRows);
  const std::vector<double> activation = rows.numbers("activation");
  const std::vector<std::string> part = rows.texts("split");
  std::vector<std::int64_t> row(rows.n_row());
  std::vector<bool> is_scored(rows.n_row());
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<std::int64_t>(i);
    is_scored[i] = part[i] == scored;
  }
  for (const DirectionResult& direction : analysis.directions) {
    if (!direction.defined()) continue;
    ScatterPanel panel = panel_of(direction, analysis, target);
    panel.x = rows.numbers(direction.name);
    panel.y = activation;
    panel.part = part;
    panel.row = row;
    panel.scored = is_scored;
    chart.panels.push_back(std::move(panel));
  }
  chart.description = fmt::format(
      "Each direction's projection of the stream against the activation of {}. Filled dots are the "
      "{} rows, of which every number is; hollow ones the others. The line is fitted to the filled "
      "dots, with its 95 % band; the strip has r with its interval over the grey bands in which "
      "97.5 % of |r| of directions lie that have nothing to do with the target.",
      target, scored);
  return chart;
}

std::vector<Figure> projection_figures(const StoredRun& run) {
  std::vector<Figure> figures;
  if (!has_file(run, kProjections)) return figures;
  const std::string target = run.read_json(kProjections).value("target", "");
  figures.push_back(scatter_figure(projection_chart(run)));
  if (has_file(run, kCorrelation)) figures.push_back(correlation_figure(run, target));
  if (has_file(run, kAudit)) {
    for (const Ladder& ladder : ladders_from_json(run.read_json(kAudit), kAudit))
      figures.push_back(ladder_figure(ladder_chart(ladder, target)));
  }
  return figures;
}

}  // namespace gnomon::detail
