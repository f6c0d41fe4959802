// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/scatter.h"

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
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

using detail::Anchor;
using detail::Canvas;
using detail::Dot;
using detail::Panel;
using detail::Point;
using detail::Scale;

constexpr double kWidth = 440;
constexpr double kHeight = 480;
constexpr double kMargin = 12;
constexpr double kPlotTop = 168;
constexpr double kPlotBottom = 430;
constexpr double kPlotLeft = 66;
constexpr double kPlotRight = 390;
constexpr double kStripTop = 92;
constexpr double kStripWidth = 104;
constexpr double kMarginal = 30;
constexpr int kBandPoints = 40;

bool is_scored(const ScatterPanel& panel, std::size_t i) {
  return panel.scored.empty() || panel.scored[i];
}

void check_lengths(const ScatterPanel& panel) {
  const std::size_t n = panel.x.size();
  const auto fits = [n](std::size_t length) { return length == n || length == 0; };
  if (panel.y.size() != n || panel.row.size() != n || !fits(panel.part.size()) ||
      !fits(panel.scored.size()))
    throw ArgumentError(fmt::format(
        "scatter_figure: panel \"{}\" has {} x, {} y, {} rows, {} parts and {} scored flags",
        panel.name, n, panel.y.size(), panel.row.size(), panel.part.size(), panel.scored.size()));
}

// The rows that are drawn.
struct Points {
  std::vector<Dot> dots;
  std::vector<double> x;  // of the scored ones
  std::vector<double> y;
  std::int64_t n_left_out = 0;
};

Points points_of(const ScatterPanel& panel) {
  Points points;
  for (std::size_t i = 0; i < panel.x.size(); ++i) {
    if (!std::isfinite(panel.x[i]) || !std::isfinite(panel.y[i])) {
      ++points.n_left_out;
      continue;
    }
    const bool scored = is_scored(panel, i);
    points.dots.push_back({panel.x[i], panel.y[i], panel.row[i],
                           panel.part.empty() ? std::string_view() : panel.part[i], !scored});
    if (!scored) continue;
    points.x.push_back(panel.x[i]);
    points.y.push_back(panel.y[i]);
  }
  if (points.dots.size() > kMostMarks)
    std::erase_if(points.dots, [](const Dot& dot) { return dot.hollow; });
  return points;
}

detail::Range shared_y_range(const std::vector<ScatterPanel>& panels) {
  std::vector<double> all;
  for (const ScatterPanel& panel : panels)
    for (std::size_t i = 0; i < panel.y.size(); ++i)
      if (std::isfinite(panel.x[i])) all.push_back(panel.y[i]);
  return detail::padded_range(all);
}

// [r, interval, n, p] and [R², percentile], as they stand above the plot.
std::vector<std::string> number_block(const ScatterPanel& panel) {
  std::string first = panel.r ? "r = " + detail::signed_text(*panel.r) : "r is not defined";
  if (panel.ci_low && panel.ci_high)
    first += fmt::format(" · {:g} % CI {}", panel.level * 100,
                         detail::interval_text(*panel.ci_low, *panel.ci_high));
  first += fmt::format(" · n = {}", panel.n_texts);
  if (panel.n_rows != panel.n_texts) first += fmt::format(" texts ({} rows)", panel.n_rows);
  std::string second;
  const auto add = [&second](const std::string& text) {
    if (!second.empty()) second += " · ";
    second += text;
  };
  if (panel.r2_fit) add("R²(fit) " + detail::fixed_text(*panel.r2_fit, 2));
  if (panel.r2_identity) add("R²(identity) " + detail::number_text(*panel.r2_identity, 2));
  if (panel.p) add(detail::p_text(*panel.p));
  return {first, second};
}

// r and its interval on an axis from -1 to 1, over the bands of |r| of each null.
void draw_r_strip(Canvas& canvas, const ScatterPanel& panel) {
  const Scale scale{-1, 1, kPlotLeft, kPlotLeft + kStripWidth};
  const double top = kStripTop;
  const double middle = top + 9;
  std::vector<NullBand> nulls = panel.nulls;
  std::ranges::stable_sort(nulls, std::greater(), &NullBand::abs_r_upper);
  for (const NullBand& null : nulls)
    canvas.leaf("rect",
                {{"class", "gn-band"},
                 {"x", scale.clamped(-null.abs_r_upper)},
                 {"y", top},
                 {"width", scale.clamped(null.abs_r_upper) - scale.clamped(-null.abs_r_upper)},
                 {"height", 18.0},
                 {"fill", paint::kNull},
                 {"fill-opacity", nulls.size() > 1 ? "0.65" : ""}});
  canvas.line({scale.pixel_low, top + 18}, {scale.pixel_high, top + 18}, paint::kAxis);
  for (const double value : {-1.0, 0.0, 1.0}) {
    canvas.line({scale(value), top}, {scale(value), top + 21},
                value == 0 ? paint::kAxis : paint::kGrid);
    canvas.text(scale(value), top + 31, detail::fixed_text(value, 0),
                {.size = 11, .anchor = Anchor::middle, .fill = paint::kMuted});
  }
  if (panel.ci_low && panel.ci_high)
    canvas.line({scale.clamped(*panel.ci_low), middle}, {scale.clamped(*panel.ci_high), middle},
                paint::kInk, 1.5);
  if (panel.r)
    canvas.leaf("circle", {{"cx", scale.clamped(*panel.r)},
                           {"cy", middle},
                           {"r", "4"},
                           {"fill", paint::kSeries[0]},
                           {"stroke", paint::kPaper}});
  double y = top + 6;
  for (const NullBand& null : panel.nulls) {
    canvas.text(scale.pixel_high + 14, y,
                fmt::format("above {} % of {} {}", detail::number_text(null.percentile, 3), null.n,
                            null.name),
                {.size = 11,
                 .fill = paint::kMuted,
                 .most_width = kWidth - kMargin - scale.pixel_high - 14});
    y += 15;
  }
}

void draw_line_and_band(Canvas& canvas, const Panel& axes, const Points& points) {
  if (points.x.size() < 2) return;
  const SimpleRegression fit = ols(points.x, points.y);
  if (!fit.slope) return;
  const auto [low, high] = std::ranges::minmax(points.x);
  std::vector<Point> upper;
  std::vector<Point> lower;
  std::vector<Point> line;
  for (int k = 0; k <= kBandPoints; ++k) {
    const double x = low + (high - low) * k / kBandPoints;
    const double y = *fit.slope * x + *fit.intercept;
    if (axes.y.low <= y && y <= axes.y.high) line.push_back({axes.x(x), axes.y(y)});
    const std::optional<Interval> band = line_interval(fit, x, 0.95);
    if (!band) continue;
    upper.push_back({axes.x(x), axes.y.clamped(band->ci_high)});
    lower.push_back({axes.x(x), axes.y.clamped(band->ci_low)});
  }
  upper.insert(upper.end(), lower.rbegin(), lower.rend());
  canvas.polygon(upper, paint::kSeries[1], 0.25, "gn-band");
  if (line.size() >= 2) {
    const std::vector<Point> ends = {line.front(), line.back()};
    canvas.polyline(ends, paint::kSeries[1], 2, {}, "gn-line");
  }
}

Panel axes_of(const ScatterPanel& panel, const Points& points, detail::Range y) {
  std::vector<double> x;
  for (const Dot& dot : points.dots) x.push_back(dot.x);
  const detail::Range x_range = detail::padded_range(x);
  Panel axes;
  axes.name = panel.name;
  axes.x = {x_range.low, x_range.high, kPlotLeft, kPlotRight};
  axes.y = {y.low, y.high, kPlotBottom, kPlotTop};
  axes.x_label = panel.x_label;
  axes.y_label = panel.y_label;
  axes.zero_y = true;
  axes.zero_x = true;
  return axes;
}

void draw_panel(Canvas& canvas, const ScatterPanel& panel, detail::Range y) {
  const double text_room = kWidth - 2 * kMargin;
  canvas.text(kMargin, 20, panel.title, {.size = 14, .bold = true, .most_width = text_room});
  canvas.text(kMargin, 37, panel.note,
              {.size = 11, .fill = paint::kMuted, .most_width = text_room});
  double line_y = 58;
  for (const std::string& line : number_block(panel)) {
    canvas.text(kMargin, line_y, line, {.most_width = text_room});
    line_y += 17;
  }
  canvas.text(kMargin + 16, kStripTop + 13, "r", {.fill = paint::kMuted});
  draw_r_strip(canvas, panel);

  const Points points = points_of(panel);
  const Panel axes = axes_of(panel, points, y);
  detail::open_panel(canvas, axes);
  if (points.dots.empty()) {
    canvas.text((kPlotLeft + kPlotRight) / 2, (kPlotTop + kPlotBottom) / 2, "no rows",
                {.anchor = Anchor::middle, .fill = paint::kMuted});
  } else if (points.dots.size() > kMostMarks) {
    const std::vector<detail::Bin> bins = detail::bins_of(axes, points.dots);
    detail::draw_bins(canvas, axes, bins);
    detail::draw_bin_legend(canvas, kPlotRight, kPlotBottom - 6, bins);
  } else {
    detail::draw_dots(canvas, axes, points.dots, paint::kSeries[0]);
  }
  draw_line_and_band(canvas, axes, points);
  canvas.close();
  detail::draw_histogram_x(canvas, axes.x, points.x, kPlotTop - 3, kMarginal - 3, paint::kAxis);
  detail::draw_histogram_y(canvas, axes.y, points.y, kPlotRight + 3, kMarginal - 3, paint::kAxis);
}

void add_rows(FigureTable& table, const ScatterPanel& panel) {
  for (std::size_t i = 0; i < panel.x.size(); ++i)
    table.rows.push_back({panel.name, panel.row[i],
                          panel.part.empty() ? FigureCell() : FigureCell(panel.part[i]),
                          static_cast<std::int64_t>(is_scored(panel, i)), panel.x[i], panel.y[i]});
}

std::string sentence(const ScatterPanel& panel) {
  std::string text = panel.title + ": " + number_block(panel).front();
  const Points points = points_of(panel);
  if (!points.x.empty()) {
    const auto [x_low, x_high] = std::ranges::minmax(points.x);
    const auto [y_low, y_high] = std::ranges::minmax(points.y);
    text += fmt::format("; x from {} to {}, y from {} to {}", detail::number_text(x_low),
                        detail::number_text(x_high), detail::number_text(y_low),
                        detail::number_text(y_high));
  }
  if (points.n_left_out > 0)
    text += fmt::format("; {} rows without a number are not drawn", points.n_left_out);
  return text + ".";
}

// One view for each panel. Panels that draw bins give bins to Vega too, which would not show tens
// of thousands of circles.
std::string specification_of(const Figure& figure, const std::vector<ScatterPanel>& panels,
                             detail::Range y) {
  Json views = Json::array();
  for (const ScatterPanel& panel : panels) {
    const Points points = points_of(panel);
    const bool binned = points.dots.size() > kMostMarks;
    Json values = Json::array();
    if (binned) {
      for (const detail::Bin& bin : detail::bins_of(axes_of(panel, points, y), points.dots))
        values.push_back({{"x", bin.x}, {"y", bin.y}, {"rows", bin.count}});
    } else {
      for (const Dot& dot : points.dots)
        values.push_back({{"row", dot.row},
                          {"part", dot.part.empty() ? Json() : Json(dot.part)},
                          {"scored", !dot.hollow},
                          {"x", dot.x},
                          {"y", dot.y}});
    }
    Json x = detail::vega_lite_channel("x", "quantitative", panel.x_label);
    Json y_channel = detail::vega_lite_channel("y", "quantitative", panel.y_label);
    x["scale"] = {{"zero", false}};
    y_channel["scale"] = {{"domain", {y.low, y.high}}};
    Json points_layer = {{"mark", {{"type", binned ? "square" : "point"}}}};
    points_layer["encoding"] = {{"x", x}, {"y", y_channel}};
    if (binned) {
      points_layer["encoding"]["color"] = detail::vega_lite_channel("rows", "quantitative");
      points_layer["encoding"]["color"]["scale"] = {{"type", "log"}};
    } else {
      points_layer["encoding"]["shape"] = detail::vega_lite_channel("part", "nominal");
      points_layer["encoding"]["opacity"] = {
          {"condition", {{"test", "datum.scored"}, {"value", 0.7}}}, {"value", 0.25}};
    }
    Json layers = Json::array({points_layer});
    if (!binned)
      layers.push_back(
          {{"transform", {{{"filter", "datum.scored"}}, {{"regression", "y"}, {"on", "x"}}}},
           {"mark", {{"type", "line"}, {"color", "#d55e00"}}},
           {"encoding", {{"x", x}, {"y", y_channel}}}});
    views.push_back({{"title", panel.title},
                     {"width", 320},
                     {"height", 260},
                     {"data", {{"values", std::move(values)}}},
                     {"layer", std::move(layers)}});
  }
  Json specification = detail::vega_lite_head(figure);
  specification["columns"] = panels.size() < 2 ? 1 : 2;
  specification["concat"] = std::move(views);
  return detail::vega_lite_text(specification);
}

Figure figure_of(const std::string& id, const std::string& title, const std::string& description,
                 const std::vector<ScatterPanel>& panels, detail::Range y) {
  const std::size_t n_column = panels.size() < 2 ? 1 : 2;
  const std::size_t n_row = std::max<std::size_t>(1, (panels.size() + n_column - 1) / n_column);
  Figure figure;
  figure.id = id;
  figure.title = title;
  figure.description = description;
  figure.width = kWidth * static_cast<double>(n_column);
  figure.height = kHeight * static_cast<double>(n_row);
  figure.table.columns = {"panel", "row", "part", "scored", "x", "y"};
  Canvas canvas;
  for (std::size_t i = 0; i < panels.size(); ++i) {
    canvas.open(
        "g", {{"class", "gn-cell"},
              {"transform",
               i == 0 ? std::string()
                      : fmt::format("translate({} {})",
                                    detail::pixel(kWidth * static_cast<double>(i % n_column)),
                                    detail::pixel(kHeight * static_cast<double>(i / n_column)))}});
    draw_panel(canvas, panels[i], y);
    canvas.close();
    add_rows(figure.table, panels[i]);
    if (!figure.description.empty()) figure.description += " ";
    figure.description += sentence(panels[i]);
  }
  figure.body = canvas.finish();
  figure.vega_lite = specification_of(figure, panels, y);
  return figure;
}

}  // namespace

Figure scatter_figure(const ScatterChart& chart) {
  for (const ScatterPanel& panel : chart.panels) check_lengths(panel);
  return figure_of(chart.id, chart.title, chart.description, chart.panels,
                   shared_y_range(chart.panels));
}

std::vector<Figure> scatter_panel_figures(const ScatterChart& chart) {
  for (const ScatterPanel& panel : chart.panels) check_lengths(panel);
  const detail::Range y = shared_y_range(chart.panels);
  std::vector<Figure> figures;
  for (const ScatterPanel& panel : chart.panels)
    figures.push_back(
        figure_of(chart.id + "-" + detail::slug(panel.name), panel.title, "", {panel}, y));
  return figures;
}

}  // namespace gnomon
