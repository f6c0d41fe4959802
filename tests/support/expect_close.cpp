// SPDX-License-Identifier: Apache-2.0
#include "support/expect_close.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace gnomon::test {
namespace {

template <class T>
void expect_close_impl(std::string_view name, std::span<const T> actual,
                       std::span<const T> expected, Tolerance tolerance) {
  ASSERT_EQ(actual.size(), expected.size()) << name << ": number of values";
  double largest = 0;
  for (const T value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
  const double allowed = tolerance.absolute + tolerance.relative * largest;
  std::size_t n_bad = 0;
  std::size_t worst = 0;
  double worst_difference = -1;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const auto a = static_cast<double>(actual[i]);
    const auto e = static_cast<double>(expected[i]);
    const double difference = a == e ? 0 : std::abs(a - e);
    const bool bad = !(difference <= allowed);
    n_bad += bad ? 1 : 0;
    if (!(difference <= worst_difference)) {
      worst_difference = difference;
      worst = i;
    }
  }
  if (n_bad > 0) {
    ADD_FAILURE() << fmt::format(
        "{}: {} of {} values differ by more than {:.3g}; worst at {}: {:.17g}, expected {:.17g}, "
        "difference {:.3g}, largest magnitude {:.3g}",
        name, n_bad, actual.size(), allowed, worst, static_cast<double>(actual[worst]),
        static_cast<double>(expected[worst]), worst_difference, largest);
  }
}

}  // namespace

void expect_close(std::string_view name, std::span<const double> actual,
                  std::span<const double> expected, Tolerance tolerance) {
  expect_close_impl(name, actual, expected, tolerance);
}

void expect_close(std::string_view name, std::span<const float> actual,
                  std::span<const float> expected, Tolerance tolerance) {
  expect_close_impl(name, actual, expected, tolerance);
}

}  // namespace gnomon::test
