// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/scale.h"

namespace gnomon::detail {

// One pair of axes. The scales' pixels are the plotting area: y's pixel_low is its bottom.
struct Panel {
  std::string name;  // data-panel
  Scale x;
  Scale y;
  std::string x_label;  // below the tick labels, kAxisBelow pixels in all
  std::string y_label;  // left of the tick labels, turned
  bool grid_x = false;
  bool grid_y = true;
  bool zero_x = false;  // a line where x is 0
  bool zero_y = false;

  double left() const { return x.pixel_low; }
  double right() const { return x.pixel_high; }
  double top() const { return y.pixel_high; }
  double bottom() const { return y.pixel_low; }
};

// Room for tick labels and the axis' title.
inline constexpr double kAxisBelow = 42;
inline constexpr double kAxisLeft = 60;

inline constexpr double kTickSize = 11;

// Opens <g class="gn-panel"> with the data attributes of figure.h, an invisible area for a brush,
// grid, axes, ticks and titles. The caller closes it after the marks.
void open_panel(Canvas& canvas, const Panel& panel);

// Axis with ticks at the bottom of the panel, or at `y`.
void draw_x_axis(Canvas& canvas, const Scale& scale, double y, std::string_view label);
// Ticks of a scale whose labels do not touch.
std::vector<Tick> x_ticks(const Scale& scale);

}  // namespace gnomon::detail
