// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/shrinkage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/moments.h"

namespace gnomon {
namespace {

double best_intensity(MatrixView<const double> rows, const std::vector<double>& mean,
                      const Tensor<double>& covariance) {
  const Index d = rows.cols;
  Tensor<double> z({rows.rows, d});
  for (Index j = 0; j < d; ++j) {
    const double variance = covariance.matrix()(j, j);
    const double scale = variance > 0 ? 1 / std::sqrt(variance) : 0;
    for (Index k = 0; k < rows.rows; ++k)
      z.matrix()(k, j) = scale * (rows(k, j) - mean[static_cast<std::size_t>(j)]);
  }
  Tensor<double> products({d, d}), squares({d, d});
  gram_of_columns(products.matrix(), z.matrix());
  for (double& value : z.values()) value *= value;
  gram_of_columns(squares.matrix(), z.matrix());
  const auto n = static_cast<double>(rows.rows);
  double variances = 0, correlations = 0;
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < i; ++j) {
      const double mean_product = products.matrix()(i, j) / n;
      variances += std::max(0.0, squares.matrix()(i, j) - n * mean_product * mean_product) * n /
                   ((n - 1) * (n - 1) * (n - 1));
      const double r = products.matrix()(i, j) / (n - 1);
      correlations += r * r;
    }
  }
  return correlations > 0 ? std::clamp(variances / correlations, 0.0, 1.0) : 1;
}

}  // namespace

ShrunkCovariance shrunk_covariance(MatrixView<const double> rows) {
  if (rows.rows < 3) {
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("shrunk_covariance: {} rows, expected at least 3", rows.rows));
  }
  CovarianceAccumulator accumulator(rows.cols);
  accumulator.add_rows(rows);
  ShrunkCovariance result;
  result.n = rows.rows;
  result.covariance = accumulator.covariance();
  result.intensity = best_intensity(rows, accumulator.mean(), result.covariance);
  result.shrunk = result.covariance;
  const Index d = rows.cols;
  double trace = 0;
  for (Index i = 0; i < d; ++i) trace += result.covariance.matrix()(i, i);
  for (Index i = 0; i < d; ++i) {
    for (Index j = 0; j < d; ++j) {
      if (i != j) result.shrunk.matrix()(i, j) *= 1 - result.intensity;
    }
    if (!(result.shrunk.matrix()(i, i) > 0))
      result.shrunk.matrix()(i, i) = 1e-10 * trace / static_cast<double>(d);
  }
  return result;
}

}  // namespace gnomon
