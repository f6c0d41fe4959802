// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace gnomon::test {

// Fails with the worst index, both values, the difference, the tolerance and the number of bad
// cells where |actual - expected| > absolute + relative * max |expected| anywhere, or where one is
// NaN. `relative` is relative to the largest expected magnitude: rounding errors of a sum scale
// with its terms.
struct Tolerance {
  double absolute = 0;
  double relative = 0;
};

void expect_close(std::string_view name, std::span<const double> actual,
                  std::span<const double> expected, Tolerance tolerance);
void expect_close(std::string_view name, std::span<const float> actual,
                  std::span<const float> expected, Tolerance tolerance);

}  // namespace gnomon::test
