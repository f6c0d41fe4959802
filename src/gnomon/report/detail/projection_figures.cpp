// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/charts/scatter.h"
#include "gnomon/report/detail/csv_columns.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/study_files.h"

namespace gnomon::detail {
namespace {

constexpr const char* kProjections = "analysis/projections.json";
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
  figures.push_back(scatter_figure(projection_chart(run)));
  return figures;
}

}  // namespace gnomon::detail
