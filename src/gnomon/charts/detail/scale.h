// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

namespace gnomon::detail {

enum class ScaleKind { linear, log };

// Maps values of `low` to `high` onto pixels; on a log scale by their logarithms, both ends being
// positive.
struct Scale {
  double low = 0;
  double high = 1;
  double pixel_low = 0;
  double pixel_high = 1;
  ScaleKind kind = ScaleKind::linear;

  double operator()(double value) const;
  // The pixel, not beyond the ends.
  double clamped(double value) const;
  double value_at(double pixel) const;
};

struct Range {
  double low = 0;
  double high = 1;
};

// The range of the finite values, wider by `padding` of itself on either side. A single value gets
// a tenth of its size on either side, and no value [0, 1].
Range padded_range(std::span<const double> values, double padding = 0.04);
Range joined(Range a, Range b);

struct Tick {
  double value = 0;
  std::string label;
};

// Round values inside the range, about `n_wanted` of them, with labels of equal precision; on a log
// scale powers of ten, every second or third where there are too many.
std::vector<Tick> ticks_of(const Scale& scale, int n_wanted);

}  // namespace gnomon::detail
