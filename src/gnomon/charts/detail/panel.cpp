// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/detail/panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/charts/detail/chart_text.h"

namespace gnomon::detail {
namespace {

constexpr double kTickLength = 4;
constexpr double kLabelGap = 10;
constexpr int kMostTicks = 7;
constexpr double kPixelsPerTick = 45;

// Shortest decimal that reads back the same.
std::string exact(double value) { return fmt::format("{}", value); }

std::string_view kind_name(const Scale& scale) {
  return scale.kind == ScaleKind::log ? "log" : "linear";
}

bool contains(const Scale& scale, double value) {
  return scale.kind == ScaleKind::linear && scale.low < value && value < scale.high;
}

std::vector<Tick> y_ticks(const Scale& scale) {
  const double height = std::fabs(scale.pixel_high - scale.pixel_low);
  return ticks_of(scale, std::clamp(static_cast<int>(height / kPixelsPerTick), 2, kMostTicks));
}

void draw_y_axis(Canvas& canvas, const Panel& panel) {
  canvas.line({panel.left(), panel.top()}, {panel.left(), panel.bottom()}, paint::kAxis);
  double widest = 0;
  for (const Tick& tick : y_ticks(panel.y)) {
    const double y = panel.y(tick.value);
    canvas.line({panel.left() - kTickLength, y}, {panel.left(), y}, paint::kAxis);
    canvas.text(panel.left() - kTickLength - 3, y + 4, tick.label,
                {.size = kTickSize, .anchor = Anchor::end, .fill = paint::kMuted});
    widest = std::max(widest, text_width(tick.label, kTickSize));
  }
  canvas.text(panel.left() - kTickLength - 10 - widest, (panel.top() + panel.bottom()) / 2,
              panel.y_label,
              {.anchor = Anchor::middle,
               .turn = -90,
               .most_width = std::max(60.0, panel.bottom() - panel.top())});
}

}  // namespace

std::vector<Tick> x_ticks(const Scale& scale) {
  const double width = std::fabs(scale.pixel_high - scale.pixel_low);
  for (int n = std::clamp(static_cast<int>(width / kPixelsPerTick), 2, kMostTicks); n > 1; --n) {
    std::vector<Tick> ticks = ticks_of(scale, n);
    double taken = 0;
    for (const Tick& tick : ticks) taken = std::max(taken, text_width(tick.label, kTickSize));
    const double distance =
        ticks.size() < 2 ? width : std::fabs(scale(ticks[1].value) - scale(ticks[0].value));
    if (taken + kLabelGap <= distance) return ticks;
  }
  return ticks_of(scale, 1);
}

void draw_x_axis(Canvas& canvas, const Scale& scale, double y, std::string_view label) {
  canvas.line({scale.pixel_low, y}, {scale.pixel_high, y}, paint::kAxis);
  for (const Tick& tick : x_ticks(scale)) {
    const double x = scale(tick.value);
    canvas.line({x, y}, {x, y + kTickLength}, paint::kAxis);
    canvas.text(x, y + kTickLength + 12, tick.label,
                {.size = kTickSize, .anchor = Anchor::middle, .fill = paint::kMuted});
  }
  canvas.text((scale.pixel_low + scale.pixel_high) / 2, y + kTickLength + 30, label,
              {.anchor = Anchor::middle, .most_width = scale.pixel_high - scale.pixel_low + 30});
}

void open_panel(Canvas& canvas, const Panel& panel) {
  canvas.open("g", {{"class", "gn-panel"},
                    {"data-panel", panel.name},
                    {"data-x0", exact(panel.x.low)},
                    {"data-x1", exact(panel.x.high)},
                    {"data-px0", panel.x.pixel_low},
                    {"data-px1", panel.x.pixel_high},
                    {"data-xscale", kind_name(panel.x)},
                    {"data-y0", exact(panel.y.low)},
                    {"data-y1", exact(panel.y.high)},
                    {"data-py0", panel.y.pixel_low},
                    {"data-py1", panel.y.pixel_high},
                    {"data-yscale", kind_name(panel.y)}});
  canvas.leaf("rect", {{"data-brush", panel.name},
                       {"x", panel.left()},
                       {"y", panel.top()},
                       {"width", panel.right() - panel.left()},
                       {"height", panel.bottom() - panel.top()},
                       {"fill", paint::kPaper},
                       {"fill-opacity", "0"}});
  if (panel.grid_y)
    for (const Tick& tick : y_ticks(panel.y))
      canvas.line({panel.left(), panel.y(tick.value)}, {panel.right(), panel.y(tick.value)},
                  paint::kGrid);
  if (panel.grid_x)
    for (const Tick& tick : x_ticks(panel.x))
      canvas.line({panel.x(tick.value), panel.top()}, {panel.x(tick.value), panel.bottom()},
                  paint::kGrid);
  if (panel.zero_y && contains(panel.y, 0))
    canvas.line({panel.left(), panel.y(0)}, {panel.right(), panel.y(0)}, paint::kAxis);
  if (panel.zero_x && contains(panel.x, 0))
    canvas.line({panel.x(0), panel.top()}, {panel.x(0), panel.bottom()}, paint::kAxis);
  draw_x_axis(canvas, panel.x, panel.bottom(), panel.x_label);
  draw_y_axis(canvas, panel);
}

}  // namespace gnomon::detail
