// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/ladder.h"

#include <algorithm>
#include <cmath>

#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/detail/panel.h"
#include "gnomon/charts/detail/scale.h"
#include "gnomon/charts/detail/vega_lite.h"

namespace gnomon {
namespace {

using detail::Anchor;
using detail::Canvas;
using detail::Point;
using detail::Scale;

constexpr double kWidth = 800;
constexpr double kMargin = 12;
constexpr double kNameWidth = 232;
constexpr double kPlotLeft = 256;
constexpr double kPlotRight = 500;
constexpr double kOneMinusR = 572;
constexpr double kDelta = 652;
constexpr double kBarLeft = 672;
constexpr double kBarRight = 732;
constexpr double kTop = 66;
constexpr double kRow = 38;

double row_middle(std::size_t i) { return kTop + kRow * (static_cast<double>(i) + 0.5); }

void draw_headings(Canvas& canvas, const LadderChart& chart) {
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  const detail::TextStyle heading{.size = 11, .anchor = Anchor::end, .fill = paint::kMuted};
  detail::TextStyle middle = heading;
  middle.anchor = Anchor::middle;
  canvas.text(kMargin, 50, "operation, and what is correlated after it",
              {.size = 11, .fill = paint::kMuted, .most_width = kNameWidth});
  canvas.text((kPlotLeft + kPlotRight) / 2, 50, "r with " + chart.truth,
              {.size = 11,
               .anchor = Anchor::middle,
               .fill = paint::kMuted,
               .most_width = kPlotRight - kPlotLeft + 10});
  canvas.text(kOneMinusR, 50, "1 − r", heading);
  canvas.text(kDelta, 50, "Δr", heading);
  canvas.text((kBarLeft + kWidth - kMargin) / 2, 50, "Δr, mean of orders", middle);
}

void draw_rung(Canvas& canvas, const LadderRung& rung, const Scale& x, double largest_shapley,
               std::size_t i) {
  const double y = row_middle(i);
  canvas.text(kMargin, y - 3, rung.name, {.bold = true, .most_width = kNameWidth});
  canvas.text(kMargin, y + 12, rung.quantity,
              {.size = 11, .fill = paint::kMuted, .most_width = kNameWidth});
  if (rung.ci_low && rung.ci_high)
    canvas.line({x.clamped(*rung.ci_low), y}, {x.clamped(*rung.ci_high), y}, paint::kSeries[0], 1.5,
                {}, "gn-interval");
  if (rung.r)
    canvas.leaf("circle", {{"class", "gn-rung"},
                           {"cx", x.clamped(*rung.r)},
                           {"cy", y},
                           {"r", "5"},
                           {"fill", paint::kSeries[0]},
                           {"stroke", paint::kPaper}});
  else
    canvas.text(x(0), y + 4, "r is not defined",
                {.size = 11, .anchor = Anchor::middle, .fill = paint::kMuted});
  const detail::TextStyle number{.anchor = Anchor::end};
  if (rung.r) canvas.text(kOneMinusR, y + 4, detail::number_text(1 - *rung.r, 2), number);
  if (i > 0) {
    if (rung.exact_zero)
      canvas.text(kDelta, y + 4, "exactly 0",
                  {.size = 11, .anchor = Anchor::end, .fill = paint::kMuted});
    else if (rung.delta)
      canvas.text(kDelta, y + 4, detail::signed_text(*rung.delta), number);
  }
  if (!rung.shapley) return;
  const Scale bar{-largest_shapley, largest_shapley, kBarLeft, kBarRight};
  const double from = std::min(bar(0), bar(*rung.shapley));
  const double to = std::max(bar(0), bar(*rung.shapley));
  canvas.rect({from, y - 5}, to - from, 10, paint::kSeries[1]);
  canvas.text(kWidth - kMargin, y + 4, detail::signed_text(*rung.shapley), number);
}

std::string specification_of(const Figure& figure, const LadderChart& chart) {
  Json specification = detail::vega_lite_of(figure);
  Json y = detail::vega_lite_channel("operation", "ordinal", "operation");
  y["sort"] = nullptr;
  const Json r = [&] {
    Json channel = detail::vega_lite_channel("r", "quantitative", "r with " + chart.truth);
    channel["scale"] = {{"domain", {-1, 1}}};
    return channel;
  }();
  Json low = detail::vega_lite_channel("ci_low", "quantitative");
  specification["layer"] = Json::array(
      {{{"mark", {{"type", "rule"}}},
        {"encoding", {{"y", y}, {"x", low}, {"x2", {{"field", "ci_high"}}}}}},
       {{"mark", {{"type", "point"}, {"filled", true}, {"size", 80}, {"tooltip", true}}},
        {"encoding", {{"y", y}, {"x", r}}}}});
  return detail::vega_lite_text(specification);
}

FigureCell cell(const std::optional<double>& value) {
  return value ? FigureCell(*value) : FigureCell();
}

}  // namespace

Figure ladder_figure(const LadderChart& chart) {
  const double bottom =
      kTop + kRow * static_cast<double>(std::max<std::size_t>(1, chart.rungs.size()));
  Figure figure{chart.id, chart.title, chart.description, kWidth, bottom + 46, {}, {}, {}};
  figure.table.columns = {"operation", "quantity", "r",          "ci_low",
                          "ci_high",   "delta",    "exact_zero", "shapley"};
  const Scale x{-1, 1, kPlotLeft, kPlotRight};
  Canvas canvas;
  draw_headings(canvas, chart);
  canvas.line({kMargin, kTop - 8}, {kWidth - kMargin, kTop - 8}, paint::kGrid);
  for (const double value : {-1.0, -0.5, 0.0, 0.5, 1.0})
    canvas.line({x(value), kTop - 4}, {x(value), bottom}, value == 0 ? paint::kAxis : paint::kGrid);
  double largest = 1e-12;
  for (const LadderRung& rung : chart.rungs)
    if (rung.shapley) largest = std::max(largest, std::fabs(*rung.shapley));
  if (largest > 1e-12)
    canvas.line({(kBarLeft + kBarRight) / 2, kTop - 4}, {(kBarLeft + kBarRight) / 2, bottom},
                paint::kGrid);
  std::vector<Point> steps;
  for (std::size_t i = 0; i < chart.rungs.size(); ++i)
    if (chart.rungs[i].r) steps.push_back({x.clamped(*chart.rungs[i].r), row_middle(i)});
  canvas.polyline(steps, paint::kAxis, 1, "3 3");
  for (std::size_t i = 0; i < chart.rungs.size(); ++i) {
    const LadderRung& rung = chart.rungs[i];
    draw_rung(canvas, rung, x, largest, i);
    figure.table.rows.push_back({rung.name, rung.quantity, cell(rung.r), cell(rung.ci_low),
                                 cell(rung.ci_high), cell(rung.delta),
                                 static_cast<std::int64_t>(rung.exact_zero), cell(rung.shapley)});
  }
  if (chart.rungs.empty()) canvas.text(kMargin, row_middle(0), "no rungs", {.fill = paint::kMuted});
  detail::draw_x_axis(canvas, x, bottom, "");
  canvas.text(
      kMargin, bottom + 30,
      chart.rungs.empty() ? ""
      : chart.closes      ? "The last rung is the activation itself: the ladder closes."
                     : "The last rung should reach r = 1 and does not: the ladder does not close.",
      {.size = 11, .fill = chart.closes ? paint::kMuted : paint::kInk, .bold = !chart.closes});
  figure.body = canvas.finish();
  figure.vega_lite = specification_of(figure, chart);
  return figure;
}

}  // namespace gnomon
