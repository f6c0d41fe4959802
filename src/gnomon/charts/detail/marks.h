// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/charts/detail/canvas.h"
#include "gnomon/charts/detail/panel.h"

namespace gnomon::detail {

// A dot of a scatter plot.
struct Dot {
  double x = 0;
  double y = 0;
  std::int64_t row = 0;
  std::string_view part;  // data-part; empty where it is not known
  bool hollow = false;
};

// Dots, those with the same place and look as one with an area that grows with their number; the
// hollow ones below. Dots that are not finite are left out. Time is linear in the dots.
void draw_dots(Canvas& canvas, const Panel& panel, std::span<const Dot> dots,
               std::string_view fill);

// Squares of kBinPixels, coloured by the number of dots in them on a log scale. Returns the largest
// number, for draw_bin_legend.
struct Bin {
  double x = 0;  // centre
  double y = 0;
  std::int64_t count = 0;
};
inline constexpr double kBinPixels = 8;
std::vector<Bin> bins_of(const Panel& panel, std::span<const Dot> dots);
void draw_bins(Canvas& canvas, const Panel& panel, std::span<const Bin> bins);
// Which colour is how many; right-aligned at x.
void draw_bin_legend(Canvas& canvas, double x, double y, std::span<const Bin> bins);

// Bars of a histogram of finite values in `n_bin` equal bins of the scale, growing from `base` by
// at most `height`: upward where the values lie along x, to the right where they lie along y.
void draw_histogram_x(Canvas& canvas, const Scale& x, std::span<const double> values, double base,
                      double height, std::string_view fill, int n_bin = 30);
void draw_histogram_y(Canvas& canvas, const Scale& y, std::span<const double> values, double base,
                      double width, std::string_view fill, int n_bin = 30);

// Counts of the finite values in equal bins of the scale.
std::vector<std::int64_t> bin_counts(const Scale& scale, std::span<const double> values, int n_bin);

}  // namespace gnomon::detail
