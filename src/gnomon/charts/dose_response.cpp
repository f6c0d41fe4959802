// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/dose_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/detail/panel.h"
#include "gnomon/charts/detail/scale.h"
#include "gnomon/charts/detail/vega_lite.h"

namespace gnomon {
namespace {

using detail::Canvas;
using detail::Panel;
using detail::Point;

constexpr double kWidth = 720;
constexpr double kMargin = 12;
constexpr double kPlotHeight = 360;
constexpr double kPlotLeft = 76;
constexpr double kKeyRow = 16;

Panel axes_of(const DoseChart& chart, double top) {
  std::vector<double> values;
  std::vector<double> reports;
  for (const DoseLine& line : chart.lines) {
    values.insert(values.end(), line.value.begin(), line.value.end());
    reports.insert(reports.end(), line.report.begin(), line.report.end());
  }
  for (const DosePoint& point : chart.mean) {
    values.push_back(point.value);
    reports.push_back(point.report);
  }
  for (const std::optional<double>& end : {chart.natural_low, chart.natural_high}) {
    if (!end) continue;
    values.push_back(*end);
    reports.push_back(*end);
  }
  const detail::Range x = detail::padded_range(values);
  const detail::Range y = detail::padded_range(reports);
  Panel axes;
  axes.name = "dose";
  axes.x = {x.low, x.high, kPlotLeft, kWidth - 20};
  axes.y = {y.low, y.high, top + kPlotHeight, top};
  axes.x_label = chart.value_label;
  axes.y_label = chart.report_label;
  axes.zero_x = true;
  axes.zero_y = true;
  return axes;
}

// The part of a line through (x, y) with this slope that lies inside the axes.
void draw_slope(Canvas& canvas, const Panel& axes, Point through, double slope,
                std::string_view stroke, double width, std::string_view dash,
                std::string_view css_class) {
  double low = axes.x.low;
  double high = axes.x.high;
  if (slope != 0) {
    const double a = through.x + (axes.y.low - through.y) / slope;
    const double b = through.x + (axes.y.high - through.y) / slope;
    low = std::max(low, std::min(a, b));
    high = std::min(high, std::max(a, b));
  }
  if (!(low < high)) return;
  const auto at = [&](double x) {
    return Point{axes.x(x), axes.y.clamped(through.y + slope * (x - through.x))};
  };
  canvas.line(at(low), at(high), stroke, width, dash, css_class);
}

void draw_lines(Canvas& canvas, const Panel& axes, const DoseChart& chart) {
  const std::size_t n = chart.lines.size();
  const std::size_t n_drawn = std::min(n, kMostDoseLines);
  canvas.open("g", {{"class", "gn-marks"},
                    {"fill", "none"},
                    {"stroke", paint::kSeries[0]},
                    {"stroke-opacity", "0.22"}});
  for (std::size_t k = 0; k < n_drawn; ++k) {
    const DoseLine& line = chart.lines[k * n / n_drawn];
    std::string data;
    for (std::size_t i = 0; i < line.value.size(); ++i) {
      if (!std::isfinite(line.value[i]) || !std::isfinite(line.report[i])) continue;
      data += (data.empty() ? "M" : "L") + detail::pixel(axes.x.clamped(line.value[i])) + " " +
              detail::pixel(axes.y.clamped(line.report[i]));
    }
    canvas.leaf("path", {{"data-text", std::to_string(line.text)},
                         {"data-position", std::to_string(line.position)},
                         {"d", data}});
  }
  canvas.close();
}

void draw_mean(Canvas& canvas, const Panel& axes, const DoseChart& chart) {
  std::vector<Point> line;
  std::vector<Point> upper;
  std::vector<Point> lower;
  for (const DosePoint& point : chart.mean) {
    if (!std::isfinite(point.value) || !std::isfinite(point.report)) continue;
    const double x = axes.x.clamped(point.value);
    line.push_back({x, axes.y.clamped(point.report)});
    if (!point.ci_low || !point.ci_high) continue;
    upper.push_back({x, axes.y.clamped(*point.ci_high)});
    lower.push_back({x, axes.y.clamped(*point.ci_low)});
  }
  upper.insert(upper.end(), lower.rbegin(), lower.rend());
  canvas.polygon(upper, paint::kSeries[0], 0.3, "gn-band");
  canvas.polyline(line, paint::kSeries[0], 3, {}, "gn-line");
}

Point centre_of(const DoseChart& chart) {
  Point centre;
  for (const DosePoint& point : chart.mean) {
    centre.x += point.value / static_cast<double>(chart.mean.size());
    centre.y += point.report / static_cast<double>(chart.mean.size());
  }
  return centre;
}

struct Key {
  std::string text;
  std::string_view stroke;
  double width = 2;
  std::string_view dash;
};

void draw_keys(Canvas& canvas, const DoseChart& chart, double y) {
  std::vector<Key> keys = {{"mean over texts, 95 % band", paint::kSeries[0], 3, ""},
                           {"single texts", paint::kSeries[0], 1, ""},
                           {"identity", paint::kInk, 1.5, "6 4"}};
  if (!chart.control_gains.empty())
    keys.push_back(
        {fmt::format("{} other units", chart.control_gains.size()), paint::kAxis, 1, ""});
  double x = kPlotLeft;
  for (const Key& key : keys) {
    canvas.line({x, y - 4}, {x + 24, y - 4}, key.stroke, key.width, key.dash);
    canvas.text(x + 29, y, key.text, {.size = 11, .fill = paint::kMuted});
    x += 29 + detail::text_width(key.text, 11) + 16;
  }
  if (chart.natural_low && chart.natural_high) {
    canvas.rect({x, y - 10}, 16, 11, paint::kNull);
    canvas.text(x + 21, y, "natural range", {.size = 11, .fill = paint::kMuted});
  }
}

std::string specification_of(const Figure& figure, const DoseChart& chart) {
  Json specification = detail::vega_lite_of(figure);
  const Json x = detail::vega_lite_channel("value", "quantitative", chart.value_label);
  const Json y = detail::vega_lite_channel("report", "quantitative", chart.report_label);
  const auto layer = [&](const char* kind, double opacity, double width) {
    return Json{{"transform", Json::array({{{"filter", {{"field", "kind"}, {"equal", kind}}}}})},
                {"mark", {{"type", "line"}, {"opacity", opacity}, {"strokeWidth", width}}},
                {"encoding",
                 {{"x", x}, {"y", y}, {"detail", detail::vega_lite_channel("text", "nominal")}}}};
  };
  specification["layer"] = Json::array({layer("text", 0.2, 1), layer("mean", 1, 3)});
  return detail::vega_lite_text(specification, figure.table);
}

}  // namespace

Figure dose_response_figure(const DoseChart& chart) {
  for (const DoseLine& line : chart.lines)
    if (line.value.size() != line.report.size())
      throw ArgumentError(fmt::format("dose_response_figure: text {} has {} values and {} reports",
                                      line.text, line.value.size(), line.report.size()));
  const double keys = 40 + 17 * static_cast<double>(chart.numbers.size());
  const double top = keys + kKeyRow;
  Figure figure{chart.id, chart.title, chart.description, kWidth, top + kPlotHeight + 52, {},
                {},       {}};
  if (chart.lines.size() > kMostDoseLines)
    figure.description +=
        fmt::format(" Lines of {} of {} texts are drawn.", kMostDoseLines, chart.lines.size());
  const Panel axes = axes_of(chart, top);
  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  for (std::size_t i = 0; i < chart.numbers.size(); ++i)
    canvas.text(kMargin, 38 + 17 * static_cast<double>(i), chart.numbers[i],
                {.most_width = kWidth - 2 * kMargin});
  draw_keys(canvas, chart, keys + 4);
  if (chart.natural_low && chart.natural_high)
    canvas.leaf("rect", {{"class", "gn-band"},
                         {"x", axes.x.clamped(*chart.natural_low)},
                         {"y", axes.top()},
                         {"width",
                          axes.x.clamped(*chart.natural_high) - axes.x.clamped(*chart.natural_low)},
                         {"height", kPlotHeight},
                         {"fill", paint::kNull},
                         {"fill-opacity", "0.45"}});
  detail::open_panel(canvas, axes);
  if (!chart.mean.empty())
    for (const double gain : chart.control_gains)
      draw_slope(canvas, axes, centre_of(chart), gain, paint::kAxis, 1, {}, "gn-control");
  draw_lines(canvas, axes, chart);
  draw_mean(canvas, axes, chart);
  draw_slope(canvas, axes, {0, 0}, 1, paint::kInk, 1.5, "6 4", "gn-identity");
  canvas.close();
  figure.body = canvas.finish();
  figure.table.columns = {"kind", "text", "position", "value", "report", "ci_low", "ci_high"};
  for (const DosePoint& point : chart.mean)
    figure.table.rows.push_back({std::string("mean"),
                                 {},
                                 {},
                                 point.value,
                                 point.report,
                                 point.ci_low ? FigureCell(*point.ci_low) : FigureCell(),
                                 point.ci_high ? FigureCell(*point.ci_high) : FigureCell()});
  for (const DoseLine& line : chart.lines)
    for (std::size_t i = 0; i < line.value.size(); ++i)
      figure.table.rows.push_back(
          {std::string("text"), line.text, line.position, line.value[i], line.report[i], {}, {}});
  figure.vega_lite = specification_of(figure, chart);
  return figure;
}

}  // namespace gnomon
