// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/lollipops.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/detail/panel.h"
#include "gnomon/charts/detail/scale.h"
#include "gnomon/charts/detail/vega_lite.h"

namespace gnomon {
namespace {

using detail::Anchor;
using detail::Canvas;
using detail::Scale;

constexpr double kWidth = 900;
constexpr double kMargin = 12;
constexpr double kLabelWidth = 270;
constexpr double kPlotLeft = 296;
constexpr double kPlotRight = 580;
constexpr double kValue = 632;
constexpr double kNotes = 646;
constexpr double kTop = 58;
constexpr double kRow = 40;

void draw_row(Canvas& canvas, const Lollipop& row, const Scale& x, double y) {
  canvas.text(kMargin, y - 3, row.label, {.bold = true, .most_width = kLabelWidth});
  canvas.text(kMargin, y + 12, row.note,
              {.size = 11, .fill = paint::kMuted, .most_width = kLabelWidth});
  const bool one = row.nulls.size() == 1;
  for (std::size_t i = 0; i < std::min<std::size_t>(2, row.nulls.size()); ++i) {
    const NullBand& null = row.nulls[i];
    const double from = x.clamped(-null.abs_upper);
    canvas.rect({from, i == 0 ? y - 12 : y}, x.clamped(null.abs_upper) - from, one ? 24 : 12,
                paint::kNull, "gn-band");
    canvas.text(kNotes, one ? y + 4 : y - 3 + 15 * static_cast<double>(i),
                fmt::format("above {} % of {} {}", detail::number_text(null.percentile, 3), null.n,
                            null.name),
                {.size = 11, .fill = paint::kMuted, .most_width = kWidth - kMargin - kNotes});
  }
  if (row.nulls.size() > 1) canvas.line({x.clamped(-1), y}, {x.clamped(1), y}, paint::kPaper);
  canvas.line({x(0), y}, {x.clamped(row.value), y}, paint::kSeries[0], 2.5);
  if (row.ci_low && row.ci_high)
    canvas.line({x.clamped(*row.ci_low), y - 6}, {x.clamped(*row.ci_high), y - 6},
                paint::kSeries[0], 1.5, {}, "gn-interval");
  if (row.start)
    canvas.leaf("circle", {{"class", "gn-start"},
                           {"cx", x.clamped(*row.start)},
                           {"cy", y},
                           {"r", "4"},
                           {"fill", paint::kPaper},
                           {"stroke", paint::kSeries[1]},
                           {"stroke-width", "1.5"}});
  canvas.leaf("circle", {{"class", "gn-lollipop"},
                         {"cx", x.clamped(row.value)},
                         {"cy", y},
                         {"r", "5"},
                         {"fill", paint::kSeries[0]}});
  canvas.text(kValue, y + 4, detail::signed_text(row.value), {.anchor = Anchor::end});
}

std::string specification_of(const Figure& figure, const LollipopChart& chart) {
  Json specification = detail::vega_lite_of(figure);
  Json y = detail::vega_lite_channel("label", "ordinal", "");
  y["sort"] = nullptr;
  Json x = detail::vega_lite_channel("value", "quantitative", chart.value_title);
  x["scale"] = {{"domain", {-1, 1}}};
  const Json low = {{"calculate", "-datum.null_1_abs_upper"}, {"as", "null_low"}};
  const Json band = {{"transform", Json::array({low})},
                     {"mark", {{"type", "bar"}, {"color", "#d3d9df"}}},
                     {"encoding",
                      {{"y", y},
                       {"x", detail::vega_lite_channel("null_low", "quantitative")},
                       {"x2", {{"field", "null_1_abs_upper"}}}}}};
  const Json dots = {
      {"mark", {{"type", "point"}, {"filled", true}, {"size", 80}, {"tooltip", true}}},
      {"encoding", {{"y", y}, {"x", x}}}};
  specification["layer"] = Json::array({band, dots});
  return detail::vega_lite_text(specification, figure.table);
}

}  // namespace

Figure lollipop_figure(const LollipopChart& chart) {
  const double bottom =
      kTop + kRow * static_cast<double>(std::max<std::size_t>(1, chart.rows.size()));
  Figure figure{chart.id, chart.title, chart.description, kWidth, bottom + 46, {}, {}, {}};
  figure.table.columns = {"label", "definition", "value", "ci_low", "ci_high", "start"};
  for (const char* n : {"1", "2"})
    for (const char* column : {"name", "abs_upper", "percentile", "n"})
      figure.table.columns.push_back(fmt::format("null_{}_{}", n, column));
  const Scale x{-1, 1, kPlotLeft, kPlotRight};
  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  const bool any_start =
      std::ranges::any_of(chart.rows, [](const Lollipop& row) { return row.start.has_value(); });
  canvas.text(
      kMargin, 42,
      any_start ? "grey: 95 % of the null · ring: before training" : "grey: 95 % of the null",
      {.size = 11, .fill = paint::kMuted});
  for (const double value : {-1.0, -0.5, 0.5, 1.0})
    canvas.line({x(value), kTop - 4}, {x(value), bottom}, paint::kGrid);
  for (std::size_t i = 0; i < chart.rows.size(); ++i) {
    const Lollipop& row = chart.rows[i];
    draw_row(canvas, row, x, kTop + kRow * (static_cast<double>(i) + 0.5));
    const auto cell = [](const std::optional<double>& v) {
      return v ? FigureCell(*v) : FigureCell();
    };
    std::vector<FigureCell> cells = {row.label,        row.note,          row.value,
                                     cell(row.ci_low), cell(row.ci_high), cell(row.start)};
    for (std::size_t k = 0; k < 2; ++k) {
      if (k < row.nulls.size()) {
        const NullBand& null = row.nulls[k];
        cells.insert(cells.end(), {null.name, null.abs_upper, null.percentile, null.n});
      } else {
        cells.resize(cells.size() + 4);
      }
    }
    figure.table.rows.push_back(std::move(cells));
  }
  canvas.line({x(0), kTop - 4}, {x(0), bottom}, paint::kAxis);
  detail::draw_x_axis(canvas, x, bottom, chart.value_title);
  figure.body = canvas.finish();
  figure.vega_lite = specification_of(figure, chart);
  return figure;
}

}  // namespace gnomon
