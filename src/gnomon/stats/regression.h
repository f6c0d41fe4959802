// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "gnomon/stats/interval.h"
#include "gnomon/tensor/view.h"

// in: a predictor and an outcome   out: a line, and two measures of fit that must not be mixed up.

namespace gnomon {

// The least-squares line y ≈ slope x + intercept. Standard errors assume independent rows of equal
// variance; for grouped rows use cluster_bootstrap.
struct SimpleRegression {
  Index n = 0;
  std::optional<double> slope;  // empty where x is constant or n < 2
  std::optional<double> intercept;
  std::optional<double> r2_fit;    // empty also where y is constant
  std::optional<double> slope_se;  // the three of n - 2 degrees of freedom: empty where n = 2
  std::optional<double> intercept_se;
  std::optional<double> residual_sd;
  double x_mean = 0;
  double y_mean = 0;
  double x_sum_squares = 0;        // Σ (x - x̄)²
  std::string_view why_undefined;  // why there is no slope; empty where there is one
};

// Throws ShapeError, NumericError for a value that is not finite.
SimpleRegression ols(std::span<const double> x, std::span<const double> y);

// Student's interval for the line's height at `x`: the band around a fitted line. Empty where the
// regression has no residual_sd.
std::optional<Interval> line_interval(const SimpleRegression& regression, double x, double level);

// R²(fit) = r²: the share of the variance of y that the best line through x accounts for. Blind to
// a wrong scale, offset or sign of x. Empty where a column is constant.
std::optional<double> r2_fit(std::span<const double> x, std::span<const double> y);

// R²(identity) = 1 - Σ (truth - prediction)² / Σ (truth - mean truth)²: how good the prediction is
// as it stands, nothing refitted. 0 for the mean of these rows, negative for worse. Empty where
// truth is constant.
std::optional<double> r2_identity(std::span<const double> prediction,
                                  std::span<const double> truth);

// How a prediction stands to the truth. A calibrated one has slope 1 and intercept 0 of truth on
// prediction: the truth averages to what was predicted, at every height of the prediction.
struct Calibration {
  SimpleRegression truth_on_prediction;
  std::optional<double> r2_identity;
  double mean_error = 0;  // prediction - truth
  double mean_absolute_error = 0;
  double root_mean_square_error = 0;
};

// Throws ArgumentError for no rows, ShapeError, NumericError for a value that is not finite.
Calibration calibrate(std::span<const double> prediction, std::span<const double> truth);

}  // namespace gnomon
