// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "gnomon/charts/heat_map.h"
#include "gnomon/charts/layer_lines.h"
#include "gnomon/report/detail/json_values.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/detail/sweep_measure.h"

namespace gnomon::detail {
namespace {

constexpr const char* kSweep = "analysis/sweep.json";
constexpr double kAlpha = 0.05;
constexpr std::size_t kMostSeries = 4;

struct Cell {
  std::string site;
  std::int64_t layer = 0;
  std::optional<std::int64_t> head;
  std::string position;
  std::optional<double> value;
  std::optional<double> ci_low;
  std::optional<double> ci_high;
  bool significant = false;
};

struct Sweep {
  std::vector<Cell> cells;  // without those of single coordinates
  std::string measure;      // what their values are
  std::string told;         // direction, metric and counts in a sentence
  bool family = false;      // cells have a p of the family
};

Sweep read_sweep(const Json& json) {
  Sweep sweep;
  const bool normalised = is_normalised(json);
  const char* key = sweep_measure(json);
  const std::string metric = json.at("metric").get<std::string>();
  sweep.measure = normalised ? "share of the difference that is restored (" + metric + ")"
                             : "change of the " + metric;
  sweep.told = fmt::format("{} of {} pairs of texts; {}.", json.at("direction").get<std::string>(),
                           json.at("n_pairs").get<std::int64_t>(), sweep.measure);
  for (const Json& stored : json.at("cells")) {
    if (!stored.at("coordinate").is_null()) continue;
    Cell& cell = sweep.cells.emplace_back();
    cell.site = stored.at("site").get<std::string>();
    cell.layer = stored.at("layer").get<std::int64_t>();
    if (!stored.at("head").is_null()) cell.head = stored.at("head").get<std::int64_t>();
    cell.position = stored.at("position").get<std::string>();
    if (stored.at("patched").get<bool>()) {
      cell.value = optional_number(stored.at(key), "value");
      if (const auto interval = optional_interval(stored.at(key), "interval", 0.95)) {
        cell.ci_low = interval->ci_low;
        cell.ci_high = interval->ci_high;
      }
    } else {
      cell.value = optional_number(stored, normalised ? "approximate_normalised" : "approximate");
    }
    const std::optional<double> p = optional_number(stored, "p_family");
    sweep.family = sweep.family || p.has_value();
    cell.significant = p && *p < kAlpha;
  }
  return sweep;
}

template <class Key>
std::vector<Key> distinct(const std::vector<Cell>& cells, Key (*of)(const Cell&)) {
  std::vector<Key> found;
  for (const Cell& cell : cells)
    if (std::ranges::find(found, of(cell)) == found.end()) found.push_back(of(cell));
  return found;
}

std::string site_of(const Cell& cell) { return cell.site; }
std::string layer_of(const Cell& cell) { return fmt::format("{}", cell.layer); }
std::string position_of(const Cell& cell) { return cell.position; }
std::string head_of(const Cell& cell) {
  return cell.head ? fmt::format("{}", *cell.head) : std::string();
}

Figure grid(const Sweep& sweep, const std::vector<Cell>& cells, const std::string& id,
            const std::string& title, std::string (*row)(const Cell&), const char* row_title,
            std::string (*column)(const Cell&), const char* column_title) {
  HeatMapChart chart;
  chart.id = id;
  chart.title = title;
  chart.rows = distinct(cells, row);
  chart.columns = distinct(cells, column);
  chart.row_title = row_title;
  chart.column_title = column_title;
  chart.value_title = sweep.measure;
  chart.values.resize(chart.rows.size() * chart.columns.size());
  if (sweep.family) {
    chart.marked.resize(chart.values.size());
    chart.mark_meaning = "p < 0.05 over the family of all cells";
  }
  const auto place = [](const std::vector<std::string>& names, const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  };
  for (const Cell& cell : cells) {
    const std::size_t k =
        place(chart.rows, row(cell)) * chart.columns.size() + place(chart.columns, column(cell));
    chart.values[k] = cell.value;
    if (sweep.family) chart.marked[k] = cell.significant;
  }
  chart.description = "Every cell is a site whose values were patched: " + sweep.told;
  return heat_map_figure(chart);
}

std::string id_of(std::string name) {
  for (char& c : name)
    if (c == '.' || c == '_' || c == '@') c = '-';
  return name;
}

Figure layers(const Sweep& sweep, const std::vector<Cell>& cells) {
  LayerChart chart;
  chart.id = "sweep-layers";
  chart.title = "Effect of patching, layer by layer";
  chart.value_label = sweep.measure;
  for (const std::string& site : distinct(cells, site_of)) {
    if (chart.series.size() == kMostSeries) break;
    LayerSeries& series = chart.series.emplace_back();
    series.name = site;
    for (const Cell& cell : cells)
      if (cell.site == site && cell.value)
        series.points.push_back(
            {static_cast<double>(cell.layer), *cell.value, cell.ci_low, cell.ci_high});
  }
  chart.description = "The effect of patching a site of each layer, with 95 % bands: " + sweep.told;
  return layer_figure(chart);
}

}  // namespace

std::vector<Figure> sweep_figures(const StoredRun& run) {
  if (!has_file(run, kSweep)) return {};
  const Json json = run.read_json(kSweep);
  return read_results(kSweep, [&] {
    const Sweep sweep = read_sweep(json);
    std::vector<Cell> whole;
    std::vector<Cell> heads;
    for (const Cell& cell : sweep.cells) (cell.head ? heads : whole).push_back(cell);
    std::vector<Figure> figures;
    if (distinct(whole, position_of).size() == 1) {
      figures.push_back(grid(sweep, whole, "sweep-sites", "Effect of patching, by site and layer",
                             site_of, "", layer_of, "layer"));
      if (distinct(whole, layer_of).size() > 1) figures.push_back(layers(sweep, whole));
    } else {
      for (const std::string& site : distinct(whole, site_of)) {
        std::vector<Cell> cells;
        std::ranges::copy_if(whole, std::back_inserter(cells),
                             [&](const Cell& cell) { return cell.site == site; });
        figures.push_back(grid(sweep, cells, "sweep-" + id_of(site), "Effect of patching " + site,
                               layer_of, "layer", position_of, "position"));
      }
    }
    for (const std::string& position : distinct(heads, position_of)) {
      std::vector<Cell> cells;
      std::ranges::copy_if(heads, std::back_inserter(cells),
                           [&](const Cell& cell) { return cell.position == position; });
      figures.push_back(grid(sweep, cells, "sweep-heads" + id_of(position),
                             "Effect of patching a head at " + position, layer_of, "layer", head_of,
                             "head"));
    }
    return figures;
  });
}

}  // namespace gnomon::detail
