// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon::detail {

// Throws NumericError, which names the first value that is not finite: "pearson: x[3] is nan".
void check_sample(std::string_view function, std::string_view name, std::span<const double> values);
void check_rows(std::string_view function, std::string_view name, MatrixView<const double> x);

// Throws ShapeError where `name` has not n values.
void check_size(std::string_view function, std::string_view name, std::size_t size, Index n);

// Both of the above for a pair of samples.
void check_pair(std::string_view function, std::string_view name_x, std::span<const double> x,
                std::string_view name_y, std::span<const double> y);

void check_level(std::string_view function, double level);

// A power of two that brings the largest magnitude of x into [1/2, 1), so that squares neither
// overflow nor vanish; 1 for zeros and for no values.
double power_of_two_scale(std::span<const double> x);

// A sample minus its mean. The mean is corrected by a second pass: with |mean| >> sd, one pass
// leaves an error of n eps |mean|, which the differences would inherit.
struct Centred {
  double scale = 1;        // x was multiplied by it first, see power_of_two_scale
  double mean = 0;         // of x scale
  double sum_squares = 0;  // of the differences
  bool constant = true;    // x varies by no more than the rounding error of its largest value
  std::vector<double> difference;  // x scale - mean
};
Centred centre(std::span<const double> x);

}  // namespace gnomon::detail
