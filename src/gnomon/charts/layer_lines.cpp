// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/layer_lines.h"

#include <algorithm>
#include <cmath>

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
constexpr double kHeight = 400;
constexpr double kMargin = 12;
constexpr double kTop = 62;
constexpr double kBottom = 348;
constexpr std::string_view kDashes[] = {"", "7 4", "2 3", "9 3 2 3"};

void draw_series(Canvas& canvas, const Panel& axes, const LayerSeries& series, std::size_t look) {
  std::vector<Point> line;
  std::vector<Point> upper;
  std::vector<Point> lower;
  for (const LayerPoint& point : series.points) {
    if (!std::isfinite(point.value)) continue;
    const double x = axes.x(point.layer);
    line.push_back({x, axes.y.clamped(point.value)});
    if (!point.ci_low || !point.ci_high) continue;
    upper.push_back({x, axes.y.clamped(*point.ci_high)});
    lower.push_back({x, axes.y.clamped(*point.ci_low)});
  }
  upper.insert(upper.end(), lower.rbegin(), lower.rend());
  canvas.polygon(upper, paint::kSeries[look], 0.2, "gn-band");
  canvas.polyline(line, paint::kSeries[look], 2, kDashes[look], "gn-line");
  for (const Point& point : line)
    canvas.leaf("circle", {{"class", "gn-mark"},
                           {"cx", point.x},
                           {"cy", point.y},
                           {"r", "3.5"},
                           {"fill", paint::kSeries[look]}});
}

}  // namespace

Figure layer_figure(const LayerChart& chart) {
  Figure figure{chart.id, chart.title, chart.description, kWidth, kHeight, {}, {}, {}};
  figure.table.columns = {"series", "layer", "value", "ci_low", "ci_high"};
  std::vector<double> layers;
  std::vector<double> values = {0};
  for (const LayerSeries& series : chart.series)
    for (const LayerPoint& point : series.points) {
      layers.push_back(point.layer);
      values.push_back(point.value);
      if (point.ci_low) values.push_back(*point.ci_low);
      if (point.ci_high) values.push_back(*point.ci_high);
      figure.table.rows.push_back({series.name, point.layer, point.value,
                                   point.ci_low ? FigureCell(*point.ci_low) : FigureCell(),
                                   point.ci_high ? FigureCell(*point.ci_high) : FigureCell()});
    }
  const detail::Range y = detail::padded_range(values);
  Panel axes;
  axes.name = "layers";
  const detail::Range x = detail::padded_range(layers, 0);
  axes.x = {x.low - 0.3, x.high + 0.3, 76, kWidth - 20};
  axes.y = {y.low, y.high, kBottom, kTop};
  axes.x_label = "layer";
  axes.y_label = chart.value_label;
  axes.zero_y = true;
  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  double key = 76;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const std::size_t look = i % std::size(kDashes);
    const double room = kWidth - kMargin - key - 32;
    if (room < 30) break;
    canvas.line({key, 42}, {key + 26, 42}, paint::kSeries[look], 2, kDashes[look]);
    const std::string name = detail::elided(chart.series[i].name, 11, room);
    canvas.text(key + 32, 46, name, {.size = 11, .fill = paint::kMuted});
    key += 32 + detail::text_width(name, 11) + 18;
  }
  if (chart.target_layer) {
    const double at = axes.x.clamped(*chart.target_layer);
    canvas.leaf("rect", {{"class", "gn-band"},
                         {"x", axes.left()},
                         {"y", axes.top()},
                         {"width", at - axes.left()},
                         {"height", axes.bottom() - axes.top()},
                         {"fill", paint::kNull},
                         {"fill-opacity", "0.35"}});
  }
  detail::open_panel(canvas, axes);
  if (chart.target_layer) {
    const double at = axes.x.clamped(*chart.target_layer);
    canvas.line({at, axes.top()}, {at, axes.bottom()}, paint::kInk, 1.5, "6 4");
    const bool right = at > (axes.left() + axes.right()) / 2;
    canvas.text(right ? at - 6 : at + 6, axes.top() + 12, "layer of the target",
                {.size = 11,
                 .anchor = right ? detail::Anchor::end : detail::Anchor::start,
                 .fill = paint::kMuted});
  }
  for (std::size_t i = 0; i < chart.series.size(); ++i)
    draw_series(canvas, axes, chart.series[i], i % std::size(kDashes));
  canvas.close();
  figure.body = canvas.finish();
  Json specification = detail::vega_lite_of(figure);
  specification["mark"] = {{"type", "line"}, {"point", true}, {"tooltip", true}};
  specification["encoding"] = {
      {"x", detail::vega_lite_channel("layer", "quantitative")},
      {"y", detail::vega_lite_channel("value", "quantitative", chart.value_label)},
      {"color", detail::vega_lite_channel("series", "nominal")},
      {"strokeDash", detail::vega_lite_channel("series", "nominal")}};
  figure.vega_lite = detail::vega_lite_text(specification, figure.table);
  return figure;
}

}  // namespace gnomon
