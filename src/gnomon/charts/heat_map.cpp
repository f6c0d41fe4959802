// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/detail/vega_lite.h"

namespace gnomon {
namespace {

using detail::Anchor;
using detail::Canvas;

constexpr double kMargin = 12;
constexpr double kTitleHeight = 34;
constexpr double kWidest = 760;
constexpr double kWidestLabel = 230;
constexpr double kHighestLabel = 130;
constexpr double kTurnedLabel = 14;  // height of a turned line of text
constexpr double kLegendHeight = 54;
constexpr double kLegendStep = 22;
constexpr double kNarrowestNumber = 36;

double limit_of(const HeatMapChart& chart) {
  if (chart.limit > 0) return chart.limit;
  double limit = 0;
  for (const auto& value : chart.values)
    if (value && std::isfinite(*value)) limit = std::max(limit, std::fabs(*value));
  return limit > 0 ? limit : 1;
}

double widest_text(const std::vector<std::string>& texts) {
  double width = 0;
  for (const std::string& text : texts) width = std::max(width, detail::text_width(text, 12));
  return width;
}

// Where everything lies, in pixels.
struct Layout {
  double label_width = 0;
  double cell_width = 0;
  double cell_height = 0;
  bool turned_labels = false;
  std::size_t label_step = 1;  // every so many columns have one
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
  double legend_top = 0;
};

Layout layout_of(const HeatMapChart& chart) {
  Layout layout;
  layout.label_width = std::min(kWidestLabel, widest_text(chart.rows));
  const double title_room = chart.row_title.empty() ? 0 : 18;
  layout.left = kMargin + title_room + layout.label_width + 8;
  const auto n_column = static_cast<double>(std::max<std::size_t>(1, chart.columns.size()));
  layout.cell_width = std::clamp((kWidest - kMargin - layout.left) / n_column, 9.0, 84.0);
  layout.cell_height = std::clamp(layout.cell_width * 0.6, 16.0, 40.0);
  const double widest = widest_text(chart.columns);
  layout.turned_labels = widest > layout.cell_width - 4;
  if (layout.turned_labels)
    layout.label_step = static_cast<std::size_t>(std::ceil(kTurnedLabel / layout.cell_width));
  const double label_height = layout.turned_labels ? std::min(kHighestLabel, widest) + 8 : 20;
  layout.top = kTitleHeight + (chart.column_title.empty() ? 0 : 18) + label_height;
  layout.legend_top = layout.top + layout.cell_height * static_cast<double>(chart.rows.size()) + 14;
  const double legend_width = kLegendStep * (2 * kDivergingSteps + 1) + 80;
  layout.width = std::max({layout.left + layout.cell_width * n_column + kMargin,
                           detail::text_width(chart.title, 14, true) + 2 * kMargin,
                           layout.left + legend_width + kMargin});
  layout.width = std::min(layout.width,
                          std::max(kWidest, layout.left + layout.cell_width * n_column + kMargin));
  layout.height = layout.legend_top + kLegendHeight + (chart.mark_meaning.empty() ? 0 : 18);
  return layout;
}

void draw_labels(Canvas& canvas, const HeatMapChart& chart, const Layout& layout) {
  for (std::size_t i = 0; i < chart.rows.size(); ++i)
    canvas.text(layout.left - 8,
                layout.top + layout.cell_height * (static_cast<double>(i) + 0.5) + 4, chart.rows[i],
                {.anchor = Anchor::end, .most_width = layout.label_width + 1});
  for (std::size_t j = 0; j < chart.columns.size(); ++j) {
    const double x = layout.left + layout.cell_width * (static_cast<double>(j) + 0.5);
    // Counted from the end: the last tokens are those that are spoken of.
    if ((chart.columns.size() - 1 - j) % layout.label_step != 0) continue;
    if (layout.turned_labels)
      canvas.text(x + 4, layout.top - 6, chart.columns[j],
                  {.turn = -90, .most_width = kHighestLabel});
    else
      canvas.text(x, layout.top - 6, chart.columns[j], {.anchor = Anchor::middle});
  }
  canvas.text(layout.left, kTitleHeight + 14, chart.column_title,
              {.fill = paint::kMuted, .most_width = layout.width - layout.left - kMargin});
  canvas.text(kMargin + 8, (layout.top + layout.legend_top) / 2, chart.row_title,
              {.anchor = Anchor::middle,
               .fill = paint::kMuted,
               .turn = -90,
               .most_width = std::max(60.0, layout.legend_top - layout.top)});
}

void draw_cell(Canvas& canvas, const HeatMapChart& chart, const Layout& layout, std::size_t i,
               std::size_t j, double limit) {
  const std::size_t k = i * chart.columns.size() + j;
  const double x = layout.left + layout.cell_width * static_cast<double>(j);
  const double y = layout.top + layout.cell_height * static_cast<double>(i);
  const std::optional<double>& value = chart.values[k];
  const bool present = value && std::isfinite(*value);
  const bool grey = chart.grey_diagonal && i == j;
  const int step = present ? diverging_step(*value, limit) : 0;
  canvas.leaf("rect", {{"x", x},
                       {"y", y},
                       {"width", layout.cell_width},
                       {"height", layout.cell_height},
                       {"fill", grey      ? paint::kNull
                                : present ? diverging_paint(step)
                                          : paint::kPaper},
                       {"stroke", paint::kPaper}});
  const double middle_x = x + layout.cell_width / 2;
  const double middle_y = y + layout.cell_height / 2;
  if (!present) {
    canvas.text(middle_x, middle_y + 4, "×", {.anchor = Anchor::middle, .fill = paint::kMuted});
  } else if (layout.cell_width >= kNarrowestNumber) {
    const std::string text = limit >= 0.1 && limit < 100 ? detail::fixed_text(*value, 2)
                                                         : detail::number_text(*value, 2);
    if (detail::text_width(text, 12) <= layout.cell_width - 2)
      canvas.text(middle_x, middle_y + 4, text,
                  {.anchor = Anchor::middle, .fill = grey ? paint::kInk : diverging_ink(step)});
  }
  if (!chart.marked.empty() && chart.marked[k])
    canvas.leaf("circle", {{"cx", x + layout.cell_width - 4},
                           {"cy", y + 4.5},
                           {"r", "2"},
                           {"fill", diverging_ink(step)}});
}

void draw_legend(Canvas& canvas, const HeatMapChart& chart, const Layout& layout, double limit) {
  const double y = layout.legend_top;
  const int n_step = 2 * kDivergingSteps + 1;
  for (int k = 0; k < n_step; ++k)
    canvas.rect({layout.left + k * kLegendStep, y}, kLegendStep, 12,
                diverging_paint(k - kDivergingSteps));
  const auto label = [&](int k, double value) {
    canvas.text(layout.left + (k + 0.5) * kLegendStep, y + 25, detail::number_text(value, 2),
                {.size = 11, .anchor = Anchor::middle, .fill = paint::kMuted});
  };
  label(0, -limit);
  label(kDivergingSteps, 0);
  label(n_step - 1, limit);
  const double room = layout.width - layout.left - kMargin;
  canvas.text(layout.left, y + 44, chart.value_title,
              {.size = 11, .fill = paint::kMuted, .most_width = room});
  if (chart.mark_meaning.empty()) return;
  canvas.leaf("circle",
              {{"cx", layout.left + 4}, {"cy", y + 58}, {"r", "2"}, {"fill", paint::kInk}});
  canvas.text(layout.left + 14, y + 62, chart.mark_meaning,
              {.size = 11, .fill = paint::kMuted, .most_width = room - 14});
}

std::string specification_of(const Figure& figure, const HeatMapChart& chart, double limit) {
  Json specification = detail::vega_lite_of(figure);
  specification["mark"] = {{"type", "rect"}, {"tooltip", true}};
  Json x = detail::vega_lite_channel("column", "ordinal", chart.column_title);
  Json y = detail::vega_lite_channel("row", "ordinal", chart.row_title);
  x["sort"] = nullptr;
  y["sort"] = nullptr;
  Json color = detail::vega_lite_channel("value", "quantitative", chart.value_title);
  color["scale"] = {{"scheme", "redblue"}, {"domain", {-limit, limit}}};
  specification["encoding"] = {{"x", x}, {"y", y}, {"color", color}};
  return detail::vega_lite_text(specification, figure.table);
}

}  // namespace

Figure heat_map_figure(const HeatMapChart& chart) {
  const std::size_t n = chart.rows.size() * chart.columns.size();
  if (chart.values.size() != n || (!chart.marked.empty() && chart.marked.size() != n))
    throw ArgumentError(fmt::format("heat_map_figure: {} values and {} marks for {} cells",
                                    chart.values.size(), chart.marked.size(), n));
  const double limit = limit_of(chart);
  const Layout layout = layout_of(chart);
  Figure figure{chart.id, chart.title, chart.description, layout.width, layout.height, {}, {}, {}};
  figure.table.columns = {"row", "column", "value"};
  if (!chart.marked.empty()) figure.table.columns.emplace_back("marked");
  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = layout.width - 2 * kMargin});
  draw_labels(canvas, chart, layout);
  for (std::size_t i = 0; i < chart.rows.size(); ++i) {
    for (std::size_t j = 0; j < chart.columns.size(); ++j) {
      const std::size_t k = i * chart.columns.size() + j;
      draw_cell(canvas, chart, layout, i, j, limit);
      figure.table.rows.push_back({chart.rows[i], chart.columns[j],
                                   chart.values[k] ? FigureCell(*chart.values[k]) : FigureCell()});
      if (!chart.marked.empty())
        figure.table.rows.back().emplace_back(static_cast<std::int64_t>(chart.marked[k]));
    }
  }
  draw_legend(canvas, chart, layout, limit);
  figure.body = canvas.finish();
  figure.vega_lite = specification_of(figure, chart, limit);
  return figure;
}

}  // namespace gnomon
