// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/distributions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/detail/marks.h"
#include "gnomon/charts/detail/panel.h"
#include "gnomon/charts/detail/scale.h"
#include "gnomon/charts/detail/vega_lite.h"

namespace gnomon {
namespace {

using detail::Canvas;
using detail::Panel;
using detail::Point;

constexpr double kWidth = 880;
constexpr double kMargin = 12;
constexpr double kPlotHeight = 260;
constexpr int kBins = 41;  // odd, so that one is centred on 0
// More steps than pixels would not be seen.
constexpr std::size_t kMostSteps = 700;

void draw_steps(Canvas& canvas, const Panel& axes, std::vector<double> values,
                std::string_view stroke, std::string_view dash) {
  if (values.empty()) return;
  std::ranges::sort(values);
  const std::size_t n = values.size();
  const std::size_t n_steps = std::min(n, kMostSteps);
  std::vector<Point> points = {{axes.left(), axes.bottom()}};
  double y = axes.bottom();
  for (std::size_t k = 1; k <= n_steps; ++k) {
    const std::size_t i = k * n / n_steps;
    const double x = axes.x.clamped(values[i - 1]);
    points.push_back({x, y});
    y = axes.y(static_cast<double>(i) / static_cast<double>(n));
    points.push_back({x, y});
  }
  points.push_back({axes.right(), y});
  canvas.polyline(points, stroke, 2, dash, "gn-line");
}

void draw_changes(Canvas& canvas, const std::vector<double>& change, double top) {
  double largest = 0;
  for (const double value : change) largest = std::max(largest, std::fabs(value));
  if (largest == 0) largest = 1;
  Panel axes;
  axes.name = "change";
  axes.x = {-largest, largest, 540, 860};
  axes.y = {0, 1, top + kPlotHeight, top};
  const std::vector<std::int64_t> counts = detail::bin_counts(axes.x, change, kBins);
  axes.y.high = static_cast<double>(std::max<std::int64_t>(1, std::ranges::max(counts))) * 1.05;
  axes.x_label = "change (after − before)";
  axes.y_label = "rows";
  detail::open_panel(canvas, axes);
  const double width = (axes.right() - axes.left()) / kBins;
  for (int i = 0; i < kBins; ++i) {
    const double y = axes.y(static_cast<double>(counts[static_cast<std::size_t>(i)]));
    if (counts[static_cast<std::size_t>(i)] > 0)
      canvas.leaf("rect", {{"class", "gn-bar"},
                           {"data-count", std::to_string(counts[static_cast<std::size_t>(i)])},
                           {"x", axes.left() + i * width},
                           {"y", y},
                           {"width", std::max(1.0, width - 1)},
                           {"height", axes.bottom() - y},
                           {"fill", paint::kSeries[0]},
                           {"fill-opacity", "0.7"}});
  }
  canvas.line({axes.x(0), axes.top()}, {axes.x(0), axes.bottom()}, paint::kInk, 1.5, "6 4");
  canvas.close();
}

std::string specification_of(const Figure& figure, const DistributionChart& chart) {
  Json specification = detail::vega_lite_of(figure);
  const Json fold = {{"fold", {"before", "after"}}, {"as", {"when", "value"}}};
  const Json share = {{"sort", Json::array({{{"field", "value"}}})},
                      {"window", Json::array({{{"op", "cume_dist"}, {"as", "share"}}})},
                      {"groupby", {"when"}}};
  const Json steps = {
      {"transform", Json::array({fold, share})},
      {"mark", {{"type", "line"}, {"interpolate", "step-after"}}},
      {"encoding",
       {{"x", detail::vega_lite_channel("value", "quantitative", chart.value_label)},
        {"y", detail::vega_lite_channel("share", "quantitative", "share of rows at or below")},
        {"strokeDash", detail::vega_lite_channel("when", "nominal")}}}};
  Json change = detail::vega_lite_channel("change", "quantitative", "after − before");
  change["bin"] = {{"maxbins", kBins}};
  const Json bars = {
      {"transform", Json::array({{{"calculate", "datum.after - datum.before"}, {"as", "change"}}})},
      {"mark", "bar"},
      {"encoding", {{"x", change}, {"y", {{"aggregate", "count"}, {"title", "rows"}}}}}};
  specification["hconcat"] = Json::array({steps, bars});
  return detail::vega_lite_text(specification, figure.table);
}

}  // namespace

Figure distribution_figure(const DistributionChart& chart) {
  if (chart.before.size() != chart.after.size() || chart.row.size() != chart.before.size())
    throw ArgumentError(fmt::format("distribution_figure: {} before, {} after and {} rows",
                                    chart.before.size(), chart.after.size(), chart.row.size()));
  const double top = 60 + 17 * static_cast<double>(chart.numbers.size());
  Figure figure{chart.id, chart.title, chart.description, kWidth, top + kPlotHeight + 52, {},
                {},       {}};
  figure.table.columns = {"row", "before", "after"};
  std::vector<double> before;
  std::vector<double> after;
  std::vector<double> change;
  for (std::size_t i = 0; i < chart.before.size(); ++i) {
    figure.table.rows.push_back({chart.row[i], chart.before[i], chart.after[i]});
    if (!std::isfinite(chart.before[i]) || !std::isfinite(chart.after[i])) continue;
    before.push_back(chart.before[i]);
    after.push_back(chart.after[i]);
    change.push_back(chart.after[i] - chart.before[i]);
  }
  std::vector<double> both = before;
  both.insert(both.end(), after.begin(), after.end());
  const detail::Range range = detail::padded_range(both);
  Panel axes;
  axes.name = "distribution";
  axes.x = {range.low, range.high, 70, 450};
  axes.y = {0, 1, top + kPlotHeight, top};
  axes.x_label = chart.value_label;
  axes.y_label = "share of rows at or below";

  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  for (std::size_t i = 0; i < chart.numbers.size(); ++i)
    canvas.text(kMargin, 38 + 17 * static_cast<double>(i), chart.numbers[i],
                {.most_width = kWidth - 2 * kMargin});
  canvas.line({70, top - 16}, {96, top - 16}, paint::kSeries[1], 2, "6 4");
  canvas.text(102, top - 12, chart.before_name,
              {.size = 11, .fill = paint::kMuted, .most_width = 150});
  canvas.line({270, top - 16}, {296, top - 16}, paint::kSeries[0], 2);
  canvas.text(302, top - 12, chart.after_name,
              {.size = 11, .fill = paint::kMuted, .most_width = 150});
  detail::open_panel(canvas, axes);
  draw_steps(canvas, axes, after, paint::kSeries[0], {});
  draw_steps(canvas, axes, before, paint::kSeries[1], "6 4");
  canvas.close();
  draw_changes(canvas, change, top);
  figure.body = canvas.finish();
  figure.vega_lite = specification_of(figure, chart);
  return figure;
}

}  // namespace gnomon
