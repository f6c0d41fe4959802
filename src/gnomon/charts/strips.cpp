// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/strips.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/detail/panel.h"
#include "gnomon/charts/detail/scale.h"
#include "gnomon/charts/detail/vega_lite.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {
namespace {

using detail::Anchor;
using detail::Canvas;
using detail::Panel;

constexpr double kWidth = 760;
constexpr double kMargin = 12;
constexpr double kLabelWidth = 190;
constexpr double kPlotLeft = 216;
constexpr double kPlotRight = 730;
constexpr double kRow = 62;
constexpr double kDot = 7;       // pixels that a dot takes
constexpr double kHighest = 24;  // stacks stay within this distance of the middle
constexpr std::size_t kBoxOf = 5;

std::vector<double> finite(const std::vector<double>& values) {
  std::vector<double> kept;
  std::ranges::copy_if(values, std::back_inserter(kept), [](double v) { return std::isfinite(v); });
  return kept;
}

// Where a stack's k-th dot lies from the middle: 0, 1, -1, 2, -2, ... steps, closer where there are
// more than fit.
double offset_of(int k, int n_in_stack) {
  const double step = std::min(kDot, 2 * kHighest / std::max(1, n_in_stack));
  return ((k % 2 == 1) ? 1 : -1) * step * ((k + 1) / 2);
}

void draw_box(Canvas& canvas, const Panel& axes, const std::vector<double>& values, double y) {
  if (values.size() < kBoxOf) return;
  const std::vector<double> at = {0.25, 0.5, 0.75};
  const std::vector<double> q = quantiles(values, at);
  const auto [low, high] = std::ranges::minmax(values);
  canvas.line({axes.x(low), y}, {axes.x(high), y}, paint::kAxis);
  canvas.leaf("rect", {{"class", "gn-box"},
                       {"x", axes.x(q[0])},
                       {"y", y - 14},
                       {"width", std::max(1.0, axes.x(q[2]) - axes.x(q[0]))},
                       {"height", 28.0},
                       {"fill", paint::kNull},
                       {"fill-opacity", "0.6"},
                       {"stroke", paint::kAxis}});
  canvas.line({axes.x(q[1]), y - 14}, {axes.x(q[1]), y + 14}, paint::kInk, 2);
}

void draw_dots(Canvas& canvas, const Panel& axes, const StripGroup& group, double y) {
  std::map<int, int> stack_size;
  const auto stack_of = [&](double value) {
    return static_cast<int>(std::floor(axes.x.clamped(value) / kDot));
  };
  for (const double value : group.values)
    if (std::isfinite(value)) ++stack_size[stack_of(value)];
  std::map<int, int> used;
  canvas.open("g", {{"class", "gn-marks"},
                    {"fill", group.is_control ? paint::kSeries[1] : paint::kSeries[0]},
                    {"fill-opacity", "0.75"}});
  for (std::size_t i = 0; i < group.values.size(); ++i) {
    const double value = group.values[i];
    if (!std::isfinite(value)) continue;
    const int stack = stack_of(value);
    const double cy = y + offset_of(used[stack]++, stack_size[stack]);
    const std::string name = group.names.empty() ? std::string() : group.names[i];
    if (group.is_control)
      canvas.leaf("rect", {{"data-name", name},
                           {"x", axes.x.clamped(value) - 2.5},
                           {"y", cy - 2.5},
                           {"width", "5"},
                           {"height", "5"}});
    else
      canvas.leaf("circle", {{"data-name", name},
                             {"cx", axes.x.clamped(value)},
                             {"cy", cy},
                             {"r", group.values.size() == 1 ? "5" : "3"}});
  }
  canvas.close();
}

std::string specification_of(const Figure& figure, const StripChart& chart) {
  Json specification = detail::vega_lite_of(figure);
  Json y = detail::vega_lite_channel("group", "ordinal", "");
  y["sort"] = nullptr;
  Json x = detail::vega_lite_channel("value", "quantitative", chart.value_label);
  x["scale"] = {{"zero", false}};
  const Json encoding = {{"x", x}, {"y", y}};
  const Json box = {{"mark", {{"type", "boxplot"}, {"extent", "min-max"}, {"opacity", 0.4}}},
                    {"encoding", encoding}};
  const Json ticks = {{"mark", {{"type", "tick"}, {"tooltip", true}}}, {"encoding", encoding}};
  specification["layer"] = Json::array({box, ticks});
  return detail::vega_lite_text(specification, figure.table);
}

}  // namespace

Figure strip_figure(const StripChart& chart) {
  const double top = 58 + 17 * static_cast<double>(chart.numbers.size());
  const double bottom =
      top + kRow * static_cast<double>(std::max<std::size_t>(1, chart.groups.size()));
  Figure figure{chart.id, chart.title, chart.description, kWidth, bottom + 50, {}, {}, {}};
  std::vector<double> all;
  for (const StripGroup& group : chart.groups) {
    all.insert(all.end(), group.values.begin(), group.values.end());
    if (group.ci_low && group.ci_high) all.insert(all.end(), {*group.ci_low, *group.ci_high});
  }
  for (const StripReference& reference : chart.references) all.push_back(reference.value);
  const detail::Range range = detail::padded_range(all);
  Panel axes;
  axes.name = "strips";
  axes.x = {range.low, range.high, kPlotLeft, kPlotRight};
  axes.y = {0, 1, bottom, top};
  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  for (std::size_t i = 0; i < chart.numbers.size(); ++i)
    canvas.text(kMargin, 38 + 17 * static_cast<double>(i), chart.numbers[i],
                {.most_width = kWidth - 2 * kMargin});
  for (const detail::Tick& tick : detail::x_ticks(axes.x))
    canvas.line({axes.x(tick.value), top}, {axes.x(tick.value), bottom}, paint::kGrid);
  double free_from = -1e9;
  for (const StripReference& reference : chart.references) {
    const double x = axes.x(reference.value);
    canvas.line({x, top}, {x, bottom}, paint::kInk, 1.5, "6 4");
    const double half = detail::text_width(reference.label, 11) / 2;
    const double middle = std::clamp(x, kPlotLeft + half - 20, kPlotRight - half + 20);
    if (middle - half < free_from) continue;
    free_from = middle + half + 8;
    canvas.text(middle, top - 6, reference.label,
                {.size = 11, .anchor = Anchor::middle, .fill = paint::kMuted});
  }
  figure.table.columns = {"group", "name", "value", "ci_low", "ci_high", "control"};
  for (std::size_t i = 0; i < chart.groups.size(); ++i) {
    const StripGroup& group = chart.groups[i];
    const double y = top + kRow * (static_cast<double>(i) + 0.5);
    canvas.text(kMargin, y - 2, group.label, {.bold = true, .most_width = kLabelWidth});
    canvas.text(kMargin, y + 13, group.note,
                {.size = 11, .fill = paint::kMuted, .most_width = kLabelWidth});
    draw_box(canvas, axes, finite(group.values), y);
    if (group.ci_low && group.ci_high)
      canvas.line({axes.x(*group.ci_low), y}, {axes.x(*group.ci_high), y}, paint::kSeries[0], 2, {},
                  "gn-interval");
    draw_dots(canvas, axes, group, y);
    for (std::size_t k = 0; k < group.values.size(); ++k)
      figure.table.rows.push_back(
          {group.label, group.names.empty() ? FigureCell() : FigureCell(group.names[k]),
           group.values[k], group.ci_low ? FigureCell(*group.ci_low) : FigureCell(),
           group.ci_high ? FigureCell(*group.ci_high) : FigureCell(),
           static_cast<std::int64_t>(group.is_control)});
  }
  detail::draw_x_axis(canvas, axes.x, bottom, chart.value_label);
  figure.body = canvas.finish();
  figure.vega_lite = specification_of(figure, chart);
  return figure;
}

}  // namespace gnomon
