// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/regression.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/detail/sample.h"

namespace gnomon {

SimpleRegression ols(std::span<const double> x, std::span<const double> y) {
  detail::check_pair("ols", "x", x, "y", y);
  SimpleRegression fit;
  fit.n = static_cast<Index>(x.size());
  const detail::Centred u = detail::centre(x);
  const detail::Centred v = detail::centre(y);
  fit.x_mean = u.mean / u.scale;
  fit.y_mean = v.mean / v.scale;
  fit.x_sum_squares = u.sum_squares / u.scale / u.scale;
  if (fit.n < 2 || u.constant) {
    fit.why_undefined = fit.n < 2 ? "fewer than 2 rows" : "the predictor is constant";
    return fit;
  }
  double sum_products = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum_products += u.difference[i] * v.difference[i];
  const double scaled_slope = sum_products / u.sum_squares;
  fit.slope = scaled_slope * (u.scale / v.scale);
  fit.intercept = fit.y_mean - *fit.slope * fit.x_mean;
  fit.r2_fit = r2_fit(x, y);
  if (fit.n == 2) return fit;
  double sum_residuals = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double residual = v.difference[i] - scaled_slope * u.difference[i];
    sum_residuals += residual * residual;
  }
  const auto n = static_cast<double>(fit.n);
  fit.residual_sd = std::sqrt(sum_residuals / (n - 2)) / v.scale;
  fit.slope_se = *fit.residual_sd / std::sqrt(fit.x_sum_squares);
  fit.intercept_se = std::hypot(*fit.residual_sd / std::sqrt(n), *fit.slope_se * fit.x_mean);
  return fit;
}

std::optional<Interval> line_interval(const SimpleRegression& regression, double x, double level) {
  detail::check_level("line_interval", level);
  if (!regression.residual_sd) return std::nullopt;
  const auto n = static_cast<double>(regression.n);
  const double t = boost::math::quantile(
      boost::math::complement(boost::math::students_t(n - 2), (1 - level) / 2));
  // Around the mean of x, where slope and height are independent.
  const double height = regression.y_mean + *regression.slope * (x - regression.x_mean);
  const double se = std::hypot(*regression.residual_sd / std::sqrt(n),
                               *regression.slope_se * (x - regression.x_mean));
  return Interval{height - t * se, height + t * se, level};
}

std::optional<double> r2_fit(std::span<const double> x, std::span<const double> y) {
  const Correlation correlation = pearson(x, y);
  if (!correlation.r) return std::nullopt;
  return *correlation.r * *correlation.r;
}

std::optional<double> r2_identity(std::span<const double> prediction,
                                  std::span<const double> truth) {
  detail::check_pair("r2_identity", "prediction", prediction, "truth", truth);
  const detail::Centred centred = detail::centre(truth);
  if (truth.size() < 2 || centred.constant) return std::nullopt;
  double sum_errors = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error = (truth[i] - prediction[i]) * centred.scale;
    sum_errors += error * error;
  }
  return 1 - sum_errors / centred.sum_squares;
}

Calibration calibrate(std::span<const double> prediction, std::span<const double> truth) {
  if (truth.empty()) {
    throw ArgumentError(ErrorCode::bad_data, "calibrate: no rows, expected at least 1");
  }
  Calibration calibration;
  calibration.truth_on_prediction = ols(prediction, truth);
  calibration.r2_identity = r2_identity(prediction, truth);
  double squares = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error = prediction[i] - truth[i];
    calibration.mean_error += error;
    calibration.mean_absolute_error += std::abs(error);
    squares += error * error;
  }
  const auto n = static_cast<double>(truth.size());
  calibration.mean_error /= n;
  calibration.mean_absolute_error /= n;
  calibration.root_mean_square_error = std::sqrt(squares / n);
  return calibration;
}

}  // namespace gnomon
