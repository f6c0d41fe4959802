// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/training_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

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
using detail::ScaleKind;

constexpr double kWidth = 880;
constexpr double kHeight = 380;
constexpr double kMargin = 12;
constexpr double kTop = 66;
constexpr double kBottom = 330;
constexpr std::size_t kSeedsOfABand = 3;

using Column = std::vector<double> TrainingCurve::*;

void check_lengths(const TrainingChart& chart) {
  for (const TrainingCurve& curve : chart.curves) {
    const std::size_t n = curve.epoch.size();
    if (curve.train_loss.size() != n || curve.validation_loss.size() != n ||
        curve.validation_r.size() != n)
      throw ArgumentError(fmt::format(
          "training_figure: \"{}\" has {} epochs, {} and {} losses and {} r", curve.name, n,
          curve.train_loss.size(), curve.validation_loss.size(), curve.validation_r.size()));
  }
}

std::vector<double> all_of(const TrainingChart& chart, Column column) {
  std::vector<double> values;
  for (const TrainingCurve& curve : chart.curves)
    values.insert(values.end(), (curve.*column).begin(), (curve.*column).end());
  return values;
}

std::vector<Point> line_of(const Panel& axes, const TrainingCurve& curve, Column column) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < curve.epoch.size(); ++i) {
    const double value = (curve.*column)[i];
    if (std::isfinite(value) && std::isfinite(curve.epoch[i]))
      points.push_back({axes.x(curve.epoch[i]), axes.y.clamped(value)});
  }
  return points;
}

// Range and mean over the trainings, at epochs where every one has a value.
void draw_band(Canvas& canvas, const Panel& axes, const TrainingChart& chart, Column column,
               std::string_view stroke) {
  if (chart.curves.size() < kSeedsOfABand) return;
  std::map<double, std::vector<double>> at;
  for (const TrainingCurve& curve : chart.curves)
    for (std::size_t i = 0; i < curve.epoch.size(); ++i)
      if (std::isfinite((curve.*column)[i])) at[curve.epoch[i]].push_back((curve.*column)[i]);
  std::vector<Point> upper;
  std::vector<Point> lower;
  std::vector<Point> mean;
  for (const auto& [epoch, values] : at) {
    if (values.size() < chart.curves.size()) continue;
    const auto [low, high] = std::ranges::minmax(values);
    double sum = 0;
    for (const double value : values) sum += value;
    upper.push_back({axes.x(epoch), axes.y.clamped(high)});
    lower.push_back({axes.x(epoch), axes.y.clamped(low)});
    mean.push_back({axes.x(epoch), axes.y.clamped(sum / static_cast<double>(values.size()))});
  }
  upper.insert(upper.end(), lower.rbegin(), lower.rend());
  canvas.polygon(upper, stroke, 0.15, "gn-band");
  canvas.polyline(mean, stroke, 2.5, {}, "gn-line");
}

void draw_curves(Canvas& canvas, const Panel& axes, const TrainingChart& chart, Column column,
                 std::string_view stroke, std::string_view dash) {
  for (const TrainingCurve& curve : chart.curves) {
    canvas.polyline(line_of(axes, curve, column), stroke, 1.25, dash, "gn-line");
    if (!dash.empty() || !curve.best_epoch) continue;
    for (std::size_t i = 0; i < curve.epoch.size(); ++i)
      if (curve.epoch[i] == *curve.best_epoch && std::isfinite((curve.*column)[i]))
        canvas.leaf("circle", {{"class", "gn-best"},
                               {"cx", axes.x(curve.epoch[i])},
                               {"cy", axes.y.clamped((curve.*column)[i])},
                               {"r", "4.5"},
                               {"fill", paint::kPaper},
                               {"stroke", stroke},
                               {"stroke-width", "2"}});
  }
}

double draw_key(Canvas& canvas, double x, std::string_view label, std::string_view stroke,
                std::string_view dash) {
  canvas.line({x, 48}, {x + 26, 48}, stroke, 2, dash);
  canvas.text(x + 32, 52, label, {.size = 11, .fill = paint::kMuted});
  return x + 32 + detail::text_width(label, 11) + 18;
}

Json layer_of(const char* field, const char* title, bool log) {
  Json y = detail::vega_lite_channel(field, "quantitative", title);
  y["scale"] = {{"type", log ? "log" : "linear"}, {"zero", false}};
  return {{"mark", {{"type", "line"}, {"point", true}, {"tooltip", true}}},
          {"encoding",
           {{"x", detail::vega_lite_channel("epoch", "quantitative")},
            {"y", y},
            {"color", detail::vega_lite_channel("training", "nominal")}}}};
}

}  // namespace

Figure training_figure(const TrainingChart& chart) {
  check_lengths(chart);
  Figure figure{chart.id, chart.title, chart.description, kWidth, kHeight, {}, {}, {}};
  std::vector<double> losses = all_of(chart, &TrainingCurve::train_loss);
  const std::vector<double> validation = all_of(chart, &TrainingCurve::validation_loss);
  losses.insert(losses.end(), validation.begin(), validation.end());
  const bool log = std::ranges::any_of(losses, [](double v) { return std::isfinite(v); }) &&
                   std::ranges::none_of(losses, [](double v) { return v <= 0; });
  detail::Range loss_range = detail::padded_range(losses);
  if (log) {
    std::vector<double> powers;
    for (const double loss : losses) powers.push_back(std::log10(loss));
    const detail::Range range = detail::padded_range(powers);
    loss_range = {std::pow(10.0, range.low), std::pow(10.0, range.high)};
  }
  std::vector<double> epochs = all_of(chart, &TrainingCurve::epoch);
  epochs.push_back(0);
  const detail::Range epoch_range = detail::padded_range(epochs, 0.02);

  Panel loss;
  loss.name = "loss";
  loss.x = {epoch_range.low, epoch_range.high, 70, 420};
  loss.y = {loss_range.low, loss_range.high, kBottom, kTop,
            log ? ScaleKind::log : ScaleKind::linear};
  loss.x_label = "epoch";
  loss.y_label = log ? "loss (log axis)" : "loss";
  Panel fit = loss;
  fit.name = "r";
  fit.x.pixel_low = 510;
  fit.x.pixel_high = 860;
  const detail::Range r_range = detail::padded_range(all_of(chart, &TrainingCurve::validation_r));
  fit.y = {r_range.low, r_range.high, kBottom, kTop};
  fit.y_label = "r on validation rows";
  fit.zero_y = true;

  Canvas canvas;
  canvas.text(kMargin, 20, chart.title,
              {.size = 14, .bold = true, .most_width = kWidth - 2 * kMargin});
  double x = draw_key(canvas, 70, "validation", paint::kSeries[0], {});
  x = draw_key(canvas, x, "training", paint::kSeries[1], "5 3");
  canvas.text(x, 52,
              chart.curves.size() >= kSeedsOfABand
                  ? fmt::format("thin: each of {} trainings · bold: their mean · band: their range "
                                "· ring: best epoch",
                                chart.curves.size())
                  : "ring: best epoch",
              {.size = 11, .fill = paint::kMuted, .most_width = kWidth - kMargin - x});
  detail::open_panel(canvas, loss);
  draw_band(canvas, loss, chart, &TrainingCurve::validation_loss, paint::kSeries[0]);
  draw_curves(canvas, loss, chart, &TrainingCurve::train_loss, paint::kSeries[1], "5 3");
  draw_curves(canvas, loss, chart, &TrainingCurve::validation_loss, paint::kSeries[0], {});
  canvas.close();
  detail::open_panel(canvas, fit);
  draw_band(canvas, fit, chart, &TrainingCurve::validation_r, paint::kSeries[0]);
  draw_curves(canvas, fit, chart, &TrainingCurve::validation_r, paint::kSeries[0], {});
  canvas.close();
  figure.body = canvas.finish();

  figure.table.columns = {"training",        "epoch",        "train_loss",
                          "validation_loss", "validation_r", "best"};
  for (const TrainingCurve& curve : chart.curves)
    for (std::size_t i = 0; i < curve.epoch.size(); ++i)
      figure.table.rows.push_back(
          {curve.name, curve.epoch[i], curve.train_loss[i], curve.validation_loss[i],
           curve.validation_r[i],
           static_cast<std::int64_t>(curve.best_epoch && *curve.best_epoch == curve.epoch[i])});
  Json specification = detail::vega_lite_of(figure);
  specification["hconcat"] = Json::array({layer_of("validation_loss", "validation loss", log),
                                          layer_of("train_loss", "training loss", log),
                                          layer_of("validation_r", "r on validation rows", false)});
  figure.vega_lite = detail::vega_lite_text(specification, figure.table);
  return figure;
}

}  // namespace gnomon
