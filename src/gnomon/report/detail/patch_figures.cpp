// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/file.h"
#include "gnomon/charts/dose_response.h"
#include "gnomon/charts/strips.h"
#include "gnomon/report/detail/csv_columns.h"
#include "gnomon/report/detail/json_values.h"
#include "gnomon/report/detail/run_figures.h"

namespace gnomon::detail {
namespace {

constexpr const char* kPatch = "analysis/patch.json";
constexpr const char* kPatchRows = "analysis/patch.csv";
constexpr const char* kVerdict = "analysis/verdict.json";
constexpr double kZ95 = 1.959963984540054;

struct Gain {
  std::optional<double> value;
  std::optional<Interval> interval;
};

Gain gain_of(const Json& json, double level) {
  return {optional_number(json, "value"), optional_interval(json, "interval", level)};
}

std::string gain_text(const Gain& gain) {
  if (!gain.value) return "not defined";
  std::string text = fmt::format("{:+.3g}", *gain.value);
  if (gain.interval)
    text += fmt::format(" [{:.3g}, {:.3g}]", gain.interval->ci_low, gain.interval->ci_high);
  return text;
}

std::vector<DoseLine> lines_of(const StoredRun& run) {
  const CsvColumns rows(read_text_file(run.file(kPatchRows)), kPatchRows);
  const std::vector<double> text = rows.numbers("text");
  const std::vector<double> position = rows.numbers("position");
  const std::vector<double> value = rows.numbers("value");
  const std::vector<double> report = rows.numbers("report");
  std::vector<DoseLine> lines;
  for (std::size_t i = 0; i < rows.n_row(); ++i) {
    const auto t = static_cast<std::int64_t>(text[i]);
    const auto p = static_cast<std::int64_t>(position[i]);
    if (lines.empty() || lines.back().text != t || lines.back().position != p)
      lines.push_back({t, p, {}, {}});
    lines.back().value.push_back(value[i]);
    lines.back().report.push_back(report[i]);
  }
  return lines;
}

std::vector<double> control_gains(const Json& json) {
  std::vector<double> gains;
  if (json.at("controls").is_null()) return gains;
  for (const Json& unit : json.at("controls").at("units"))
    if (const std::optional<double> gain = optional_number(unit.at("gain"), "value"))
      gains.push_back(*gain);
  return gains;
}

Figure dose_figure(const StoredRun& run, const Json& json) {
  const double level = json.at("bootstrap").at("level").get<double>();
  const Gain gain = gain_of(json.at("gain"), level);
  const auto n_distinct = json.at("n_distinct").get<double>();
  DoseChart chart;
  chart.title = "Report against what is written into the unit";
  chart.value_label = "value written into " + json.at("site").get<std::string>();
  chart.report_label = "report";
  chart.lines = lines_of(run);
  for (const Json& dose : json.at("doses")) {
    DosePoint point;
    point.value = dose.at("mean_value").get<double>();
    point.report = dose.at("mean_report").get<double>();
    if (const std::optional<double> sd = optional_number(dose, "sd_report")) {
      point.ci_low = point.report - kZ95 * *sd / std::sqrt(n_distinct);
      point.ci_high = point.report + kZ95 * *sd / std::sqrt(n_distinct);
    }
    chart.mean.push_back(point);
  }
  chart.natural_low = json.at("natural_range").at("low").get<double>();
  chart.natural_high = json.at("natural_range").at("high").get<double>();
  chart.control_gains = control_gains(json);
  std::string verdict = json.at("verdict").get<std::string>();
  std::ranges::replace(verdict, '_', ' ');
  chart.numbers = {fmt::format("causal gain {} · {} · n = {} texts", gain_text(gain), verdict,
                               json.at("n_distinct").get<std::int64_t>())};
  chart.description = fmt::format(
      "The report after each of {} values was written into {}, for {} rows of the {} texts; the "
      "gain, "
      "the slope within the shaded natural range (1 % to 99 % of the training rows), is {}. The "
      "dashed "
      "line is a report that follows what is written. The band is the mean ± 1.96 standard errors "
      "over "
      "texts. Grey: the slopes of {} matched units, through the same mean.",
      chart.mean.size(), json.at("site").get<std::string>(), json.at("n_rows").get<std::int64_t>(),
      json.at("part").get<std::string>(), gain_text(gain), chart.control_gains.size());
  return dose_response_figure(chart);
}

Figure gains_figure(const Json& json) {
  const double level = json.at("bootstrap").at("level").get<double>();
  const Gain gain = gain_of(json.at("gain"), level);
  StripChart chart;
  chart.id = "causal-gains";
  chart.title = "Causal gain of the neuron among matched neurons";
  chart.value_label = "causal gain (change of the report per unit written)";
  chart.references = {{0, "no effect"}, {1, "the report follows"}};
  StripGroup& neuron = chart.groups.emplace_back();
  neuron.label = "the neuron";
  neuron.note = json.at("site").get<std::string>();
  if (gain.value) neuron.values = {*gain.value};
  if (gain.interval) {
    neuron.ci_low = gain.interval->ci_low;
    neuron.ci_high = gain.interval->ci_high;
  }
  std::string rank;
  if (!json.at("controls").is_null()) {
    StripGroup& controls = chart.groups.emplace_back();
    controls.label = "matched neurons";
    controls.is_control = true;
    for (const Json& unit : json.at("controls").at("units")) {
      const std::optional<double> value = optional_number(unit.at("gain"), "value");
      if (!value) continue;
      controls.values.push_back(*value);
      controls.names.push_back(unit.at("site").get<std::string>());
    }
    controls.note = fmt::format("{} of the same layer", controls.values.size());
    if (const auto percentile = optional_number(json.at("controls"), "percentile"))
      rank = fmt::format(" · above {:.3g} % of the matched neurons", *percentile);
  }
  chart.numbers = {"causal gain " + gain_text(gain) + rank};
  chart.description = fmt::format(
      "The causal gain of {} and of neurons matched to it in mean, spread and length of what they "
      "write: {}.",
      neuron.note, chart.numbers.front());
  return strip_figure(chart);
}

std::optional<Figure> direction_figure(const StoredRun& run) {
  if (!has_file(run, kVerdict)) return std::nullopt;
  const Json json = run.read_json(kVerdict);
  return read_results(kVerdict, [&]() -> std::optional<Figure> {
    const Json& direction = json.at("direction");
    if (direction.is_null()) return std::nullopt;
    const Gain gain = gain_of(direction.at("gain"), 0.95);
    StripChart chart;
    chart.id = "direction-gains";
    chart.title = "Gain along what the neuron reads, the neuron itself held";
    chart.value_label = "change of the report per unit of the projection";
    chart.references = {{0, "no effect"}};
    StripGroup& read = chart.groups.emplace_back();
    read.label = "the neuron's input";
    read.note = direction.at("site").get<std::string>();
    if (gain.value) read.values = {*gain.value};
    if (gain.interval) {
      read.ci_low = gain.interval->ci_low;
      read.ci_high = gain.interval->ci_high;
    }
    StripGroup& random = chart.groups.emplace_back();
    random.label = "random directions";
    random.is_control = true;
    for (const Json& value : direction.at("random_gains"))
      if (value.is_number()) random.values.push_back(value.get<double>());
    random.note = fmt::format("{} of the same length", random.values.size());
    chart.numbers = {"gain along it " + gain_text(gain)};
    chart.description = fmt::format(
        "How much the report changes when the stream at {} is moved along the direction that the "
        "neuron reads, while the neuron keeps its value, and along {} random directions of the "
        "same "
        "length: {}.",
        read.note, random.values.size(), chart.numbers.front());
    return strip_figure(chart);
  });
}

}  // namespace

std::vector<Figure> patch_figures(const StoredRun& run) {
  std::vector<Figure> figures;
  if (has_file(run, kPatch)) {
    const Json json = run.read_json(kPatch);
    read_results(kPatch, [&] {
      if (has_file(run, kPatchRows) && !json.at("doses").empty())
        figures.push_back(dose_figure(run, json));
      if (optional_number(json.at("gain"), "value")) figures.push_back(gains_figure(json));
      return true;
    });
  }
  if (std::optional<Figure> figure = direction_figure(run)) figures.push_back(std::move(*figure));
  return figures;
}

}  // namespace gnomon::detail
