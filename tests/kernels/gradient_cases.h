// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kernels/kernel_cases.h"

namespace gnomon::test {

using Loss = std::function<double(std::span<const double>)>;

inline double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The derivative of `loss` at x along `direction` by central differences of fourth order.
inline double central_difference(const Loss& loss, std::span<const double> x,
                                 std::span<const double> direction) {
  constexpr double kStep = 1e-3;
  const auto at = [&](double step) {
    std::vector<double> moved(x.begin(), x.end());
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += step * direction[i];
    return loss(moved);
  };
  return (8 * (at(kStep) - at(-kStep)) - (at(2 * kStep) - at(-2 * kStep))) / (12 * kStep);
}

// `gradient` is the derivative of `loss` at x: along one random direction, and element by element
// where there are few. With numbers about 1 the differences err by step^4 = 1e-12 times the fifth
// derivative and by eps |loss| / step = 2e-13 |loss|: 1e-9 of the sizes that are summed leaves room
// for both.
inline void expect_gradient(const std::string& name, const Loss& loss, std::span<const double> x,
                            std::span<const double> gradient, double tolerance = 1e-9) {
  ASSERT_EQ(x.size(), gradient.size()) << name;
  if (x.empty()) return;
  const auto direction = normal_values<double>(static_cast<Index>(x.size()), "direction");
  double size = 1;
  for (std::size_t i = 0; i < x.size(); ++i) size += std::abs(gradient[i] * direction[i]);
  EXPECT_NEAR(central_difference(loss, x, direction), dot(gradient, direction), tolerance * size)
      << name << " along a direction";
  if (x.size() > 200) return;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::vector<double> unit(x.size());
    unit[i] = 1;
    EXPECT_NEAR(central_difference(loss, x, unit), gradient[i],
                tolerance * (1 + std::abs(gradient[i])))
        << name << " at " << i;
  }
}

}  // namespace gnomon::test
