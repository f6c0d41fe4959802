// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/predictions.h"

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
using detail::Dot;
using detail::Panel;

constexpr double kWidth = 880;
constexpr double kMargin = 12;
constexpr double kPlotSize = 320;
constexpr double kFirstLeft = 70;
constexpr double kSecondLeft = 530;

struct Points {
  std::vector<Dot> reports;
  std::vector<Dot> residuals;
  std::vector<double> both;  // truth and report, for the range of both axes
  std::vector<double> residual;
  std::int64_t n_left_out = 0;
};

Points points_of(const PredictionChart& chart) {
  Points points;
  for (std::size_t i = 0; i < chart.truth.size(); ++i) {
    const double residual = chart.report[i] - chart.truth[i];
    if (!std::isfinite(residual)) {
      ++points.n_left_out;
      continue;
    }
    const bool scored = chart.scored.empty() || chart.scored[i];
    const std::string_view part = chart.part.empty() ? std::string_view() : chart.part[i];
    points.reports.push_back({chart.truth[i], chart.report[i], chart.row[i], part, !scored});
    points.residuals.push_back({chart.truth[i], residual, chart.row[i], part, !scored});
    points.both.push_back(chart.truth[i]);
    points.both.push_back(chart.report[i]);
    points.residual.push_back(residual);
  }
  if (points.reports.size() > kMostMarks) {
    const auto hollow = [](const Dot& dot) { return dot.hollow; };
    std::erase_if(points.reports, hollow);
    std::erase_if(points.residuals, hollow);
  }
  return points;
}

void draw_points(Canvas& canvas, const Panel& axes, const std::vector<Dot>& dots) {
  if (dots.empty()) {
    canvas.text((axes.left() + axes.right()) / 2, (axes.top() + axes.bottom()) / 2, "no rows",
                {.anchor = detail::Anchor::middle, .fill = paint::kMuted});
  } else if (dots.size() > kMostMarks) {
    const std::vector<detail::Bin> bins = detail::bins_of(axes, dots);
    detail::draw_bins(canvas, axes, bins);
    detail::draw_bin_legend(canvas, axes.right(), axes.bottom() - 6, bins);
  } else {
    detail::draw_dots(canvas, axes, dots, paint::kSeries[0]);
  }
}

void check_lengths(const PredictionChart& chart) {
  const std::size_t n = chart.truth.size();
  const auto fits = [n](std::size_t length) { return length == n || length == 0; };
  if (chart.report.size() != n || chart.row.size() != n || !fits(chart.part.size()) ||
      !fits(chart.scored.size()))
    throw ArgumentError(fmt::format(
        "prediction_figure: {} truths, {} reports, {} rows, {} parts and {} scored flags", n,
        chart.report.size(), chart.row.size(), chart.part.size(), chart.scored.size()));
}

std::string specification_of(const Figure& figure, const PredictionChart& chart) {
  Json specification = detail::vega_lite_of(figure);
  const auto view = [&](const char* field, const std::string& title) {
    Json encoding = {
        {"x", detail::vega_lite_channel("truth", "quantitative", chart.truth_label)},
        {"y", detail::vega_lite_channel(field, "quantitative", title)},
        {"shape", detail::vega_lite_channel("part", "nominal")},
        {"opacity",
         {{"condition", {{"test", "datum.scored == 1"}, {"value", 0.7}}}, {"value", 0.25}}}};
    return Json{{"mark", {{"type", "point"}, {"tooltip", true}}}, {"encoding", encoding}};
  };
  specification["hconcat"] = Json::array(
      {view("report", chart.report_label), view("residual", chart.report_label + " − truth")});
  return detail::vega_lite_text(specification, figure.table);
}

}  // namespace

Figure prediction_figure(const PredictionChart& chart) {
  check_lengths(chart);
  const Points points = points_of(chart);
  const double top = 48 + 17 * static_cast<double>(chart.numbers.size());
  Figure figure{chart.id, chart.title, chart.description, kWidth, top + kPlotSize + 56, {}, {}, {}};
  if (points.n_left_out > 0)
    figure.description +=
        fmt::format(" {} rows without a number are not drawn.", points.n_left_out);
  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  for (std::size_t i = 0; i < chart.numbers.size(); ++i)
    canvas.text(kMargin, 40 + 17 * static_cast<double>(i), chart.numbers[i],
                {.most_width = kWidth - 2 * kMargin});

  const detail::Range range = detail::padded_range(points.both);
  Panel first;
  first.name = "report";
  first.x = {range.low, range.high, kFirstLeft, kFirstLeft + kPlotSize};
  first.y = {range.low, range.high, top + kPlotSize, top};
  first.x_label = chart.truth_label;
  first.y_label = chart.report_label;
  detail::open_panel(canvas, first);
  draw_points(canvas, first, points.reports);
  canvas.line({first.left(), first.bottom()}, {first.right(), first.top()}, paint::kInk, 1.5, "6 4",
              "gn-line");
  canvas.close();
  canvas.text(first.left() + 8, top + 12, "dashed: report = truth",
              {.size = 11, .fill = paint::kMuted});

  const detail::Range residual = detail::padded_range(points.residual);
  Panel second;
  second.name = "residual";
  second.x = first.x;
  second.x.pixel_low = kSecondLeft;
  second.x.pixel_high = kSecondLeft + kPlotSize;
  second.y = {std::min(residual.low, 0.0), std::max(residual.high, 0.0), top + kPlotSize, top};
  second.x_label = chart.truth_label;
  second.y_label = chart.report_label + " − truth";
  detail::open_panel(canvas, second);
  draw_points(canvas, second, points.residuals);
  canvas.line({second.left(), second.y(0)}, {second.right(), second.y(0)}, paint::kInk, 1.5, "6 4",
              "gn-line");
  canvas.close();

  figure.body = canvas.finish();
  figure.table.columns = {"row", "part", "scored", "truth", "report", "residual"};
  for (std::size_t i = 0; i < chart.truth.size(); ++i)
    figure.table.rows.push_back(
        {chart.row[i], chart.part.empty() ? FigureCell() : FigureCell(chart.part[i]),
         static_cast<std::int64_t>(chart.scored.empty() || chart.scored[i]), chart.truth[i],
         chart.report[i], chart.report[i] - chart.truth[i]});
  figure.vega_lite = specification_of(figure, chart);
  return figure;
}

}  // namespace gnomon
