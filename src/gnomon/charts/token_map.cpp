// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/token_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/detail/vega_lite.h"
#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

using detail::Anchor;
using detail::Canvas;

constexpr double kWidth = 860;
constexpr double kMargin = 12;
constexpr double kSize = 13;
constexpr double kLine = 24;
constexpr double kLegendStep = 20;

double limit_of(const TokenMapChart& chart) {
  double limit = 0;
  for (const MappedText& text : chart.texts)
    for (const MappedToken& token : text.tokens)
      if (token.value && std::isfinite(*token.value))
        limit = std::max(limit, std::fabs(*token.value));
  return limit > 0 ? limit : 1;
}

void draw_token(Canvas& canvas, const MappedToken& token, const std::string& text, double x,
                double y, double width, double limit) {
  const bool present = token.value && std::isfinite(*token.value);
  const int step = present ? diverging_step(*token.value, limit) : 0;
  canvas.open("g", {{"class", "gn-token"},
                    {"data-row", token.row < 0 ? std::string() : std::to_string(token.row)},
                    {"data-value", present ? fmt::format("{:.6g}", *token.value) : std::string()}});
  if (step != 0) canvas.rect({x, y - 15}, width, 20, diverging_paint(step));
  if (token.marked)
    canvas.leaf("rect", {{"x", x},
                         {"y", y - 15},
                         {"width", width},
                         {"height", 20.0},
                         {"fill", "none"},
                         {"stroke", paint::kInk},
                         {"stroke-width", "1.5"}});
  canvas.text(x + 1, y, text,
              {.size = kSize, .fill = step == 0 ? paint::kInk : diverging_ink(step)});
  canvas.close();
}

// Draws a text from y on and returns where the next may begin.
double draw_text(Canvas& canvas, const MappedText& text, double y, double limit) {
  canvas.text(kMargin, y, text.label,
              {.size = 11, .fill = paint::kMuted, .most_width = kWidth - 2 * kMargin});
  y += kLine;
  double x = kMargin;
  const std::size_t n_drawn = std::min(text.tokens.size(), kMostMapTokens);
  for (std::size_t i = 0; i < n_drawn; ++i) {
    const std::string shown = detail::elided(
        visible_text(text.tokens[i].text, WhitespaceStyle::shown), kSize, kWidth - 2 * kMargin - 2);
    const double width = detail::text_width(shown, kSize) + 2;
    if (x + width > kWidth - kMargin && x > kMargin) {
      x = kMargin;
      y += kLine;
    }
    draw_token(canvas, text.tokens[i], shown, x, y, width, limit);
    x += width + 1;
  }
  y += kLine;
  if (n_drawn < text.tokens.size()) {
    canvas.text(kMargin, y, fmt::format("… and {} more tokens", text.tokens.size() - n_drawn),
                {.size = 11, .fill = paint::kMuted});
    y += kLine;
  }
  return y + 6;
}

void draw_legend(Canvas& canvas, const TokenMapChart& chart, double limit) {
  const int n_step = 2 * kDivergingSteps + 1;
  for (int k = 0; k < n_step; ++k)
    canvas.rect({kMargin + k * kLegendStep, 34}, kLegendStep, 12,
                k == kDivergingSteps ? paint::kPaper : diverging_paint(k - kDivergingSteps));
  const auto label = [&](int k, double value, Anchor anchor) {
    canvas.text(kMargin + (anchor == Anchor::start ? k
                           : anchor == Anchor::end ? k + 1
                                                   : k + 0.5) *
                              kLegendStep,
                59, detail::number_text(value, 2),
                {.size = 11, .anchor = anchor, .fill = paint::kMuted});
  };
  label(0, -limit, Anchor::start);
  label(kDivergingSteps, 0, Anchor::middle);
  label(n_step - 1, limit, Anchor::end);
  std::string words = chart.value_label;
  if (!chart.mark_meaning.empty()) words += " · framed: " + chart.mark_meaning;
  canvas.text(kMargin + n_step * kLegendStep + 12, 44, words,
              {.size = 11,
               .fill = paint::kMuted,
               .most_width = kWidth - 2 * kMargin - n_step * kLegendStep - 12});
}

}  // namespace

Figure token_map_figure(const TokenMapChart& chart) {
  Figure figure{chart.id, chart.title, chart.description, kWidth, 0, {}, {}, {}};
  figure.table.columns = {"text", "token_number", "token", "value", "row", "marked"};
  const double limit = limit_of(chart);
  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  draw_legend(canvas, chart, limit);
  double y = 84;
  for (const MappedText& text : chart.texts) {
    y = draw_text(canvas, text, y, limit);
    for (std::size_t i = 0; i < text.tokens.size(); ++i) {
      const MappedToken& token = text.tokens[i];
      figure.table.rows.push_back({text.label, static_cast<std::int64_t>(i),
                                   visible_text(token.text, WhitespaceStyle::shown),
                                   token.value ? FigureCell(*token.value) : FigureCell(),
                                   token.row < 0 ? FigureCell() : FigureCell(token.row),
                                   static_cast<std::int64_t>(token.marked)});
    }
  }
  figure.height = y;
  figure.body = canvas.finish();
  Json specification = detail::vega_lite_of(figure);
  specification["mark"] = {{"type", "rect"}, {"tooltip", true}};
  Json color = detail::vega_lite_channel("value", "quantitative", chart.value_label);
  color["scale"] = {{"scheme", "redblue"}, {"domain", {-limit, limit}}};
  specification["encoding"] = {{"x", detail::vega_lite_channel("token_number", "ordinal", "token")},
                               {"y", detail::vega_lite_channel("text", "nominal", "")},
                               {"color", color}};
  figure.vega_lite = detail::vega_lite_text(specification, figure.table);
  return figure;
}

}  // namespace gnomon
