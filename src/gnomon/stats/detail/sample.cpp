// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/detail/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gnomon/base/error.h"

namespace gnomon::detail {

void check_sample(std::string_view function, std::string_view name,
                  std::span<const double> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      throw NumericError(
          fmt::format("{}: {}[{}] is {}, expected a finite number", function, name, i, values[i]));
    }
  }
}

void check_rows(std::string_view function, std::string_view name, MatrixView<const double> x) {
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.cols; ++j) {
      if (!std::isfinite(x(i, j))) {
        throw NumericError(fmt::format("{}: {}[{}, {}] is {}, expected a finite number", function,
                                       name, i, j, x(i, j)));
      }
    }
  }
}

void check_size(std::string_view function, std::string_view name, std::size_t size, Index n) {
  if (static_cast<Index>(size) != n) {
    throw ShapeError(fmt::format("{}: {} has {} values, expected {}", function, name, size, n));
  }
}

void check_pair(std::string_view function, std::string_view name_x, std::span<const double> x,
                std::string_view name_y, std::span<const double> y) {
  check_size(function, name_y, y.size(), static_cast<Index>(x.size()));
  check_sample(function, name_x, x);
  check_sample(function, name_y, y);
}

void check_level(std::string_view function, double level) {
  if (!(level > 0 && level < 1)) {
    throw ArgumentError(
        fmt::format("{}: level is {}, expected a number between 0 and 1", function, level));
  }
}

double power_of_two_scale(std::span<const double> x) {
  double largest = 0;
  for (const double value : x) largest = std::max(largest, std::abs(value));
  if (largest == 0) return 1;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::ldexp(1, std::min(-exponent, 1000));
}

Centred centre(std::span<const double> x) {
  Centred centred;
  if (x.empty()) return centred;
  const auto n = static_cast<double>(x.size());
  centred.scale = power_of_two_scale(x);
  double mean = 0;
  for (const double value : x) mean += value * centred.scale;
  mean /= n;
  double correction = 0;
  for (const double value : x) correction += value * centred.scale - mean;
  centred.mean = mean + correction / n;
  centred.difference.reserve(x.size());
  double largest = 0;
  for (const double value : x) {
    const double difference = value * centred.scale - centred.mean;
    largest = std::max(largest, std::abs(difference));
    centred.sum_squares += difference * difference;
    centred.difference.push_back(difference);
  }
  // The largest |x scale| is between 1/2 and 1.
  centred.constant = largest <= 4 * std::numeric_limits<double>::epsilon();
  return centred;
}

}  // namespace gnomon::detail
