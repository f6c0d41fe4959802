// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/shrinkage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/kernels/linear_algebra.h"

namespace gnomon {
namespace {

Tensor<double> normal_rows(Index n, Index d, std::uint64_t seed) {
  Random random(seed, "rows");
  Tensor<double> rows({n, d});
  for (double& value : rows.values()) value = random.normal();
  return rows;
}

// Schäfer and Strimmer's appendix A, entry by entry in extended precision.
double plain_intensity(const Tensor<double>& rows) {
  const auto x = rows.matrix();
  const auto n = static_cast<long double>(x.rows);
  std::vector<std::vector<long double>> z(static_cast<std::size_t>(x.cols));
  for (Index j = 0; j < x.cols; ++j) {
    long double mean = 0, squares = 0;
    for (Index k = 0; k < x.rows; ++k) mean += x(k, j) / n;
    for (Index k = 0; k < x.rows; ++k) squares += (x(k, j) - mean) * (x(k, j) - mean);
    for (Index k = 0; k < x.rows; ++k)
      z[static_cast<std::size_t>(j)].push_back((x(k, j) - mean) / std::sqrt(squares / (n - 1)));
  }
  long double variances = 0, correlations = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    for (std::size_t j = 0; j < z.size(); ++j) {
      if (i == j) continue;
      long double mean = 0, spread = 0;
      for (std::size_t k = 0; k < z[i].size(); ++k) mean += z[i][k] * z[j][k] / n;
      for (std::size_t k = 0; k < z[i].size(); ++k)
        spread += (z[i][k] * z[j][k] - mean) * (z[i][k] * z[j][k] - mean);
      variances += n / ((n - 1) * (n - 1) * (n - 1)) * spread;
      const long double r = n / (n - 1) * mean;
      correlations += r * r;
    }
  }
  return static_cast<double>(std::min(1.0L, variances / correlations));
}

TEST(ShrunkCovariance, IntensityIsThatOfTheFormula) {
  Tensor<double> rows = normal_rows(12, 5, 1);
  for (Index k = 0; k < 12; ++k) {
    rows.matrix()(k, 1) += 2 * rows.matrix()(k, 0);
    rows.matrix()(k, 2) = 1000 + 50 * rows.matrix()(k, 2);
  }
  const ShrunkCovariance shrunk = shrunk_covariance(rows.matrix());
  EXPECT_NEAR(shrunk.intensity, plain_intensity(rows), 1e-11);
  EXPECT_GT(shrunk.intensity, 0);
  EXPECT_LT(shrunk.intensity, 1);
  for (Index i = 0; i < 5; ++i) {
    for (Index j = 0; j < 5; ++j) {
      EXPECT_DOUBLE_EQ(shrunk.shrunk.matrix()(i, j),
                       shrunk.covariance.matrix()(i, j) * (i == j ? 1 : 1 - shrunk.intensity));
    }
  }
}

TEST(ShrunkCovariance, FewRowsOfManyColumnsCanBeInverted) {
  Tensor<double> rows = normal_rows(10, 40, 2);
  for (Index k = 0; k < 10; ++k) rows.matrix()(k, 7) = 3;
  const ShrunkCovariance shrunk = shrunk_covariance(rows.matrix());
  Tensor<double> one({40, 1});
  one.matrix()(0, 0) = 1;
  EXPECT_NO_THROW(cholesky_solve(shrunk.shrunk.matrix(), one.matrix()));
  EXPECT_GT(shrunk.shrunk.matrix()(7, 7), 0);
}

TEST(ShrunkCovariance, ManyRowsOfRelatedColumnsAreHardlyShrunk) {
  Tensor<double> rows = normal_rows(5000, 3, 3);
  for (Index k = 0; k < 5000; ++k) rows.matrix()(k, 1) += rows.matrix()(k, 0);
  // r = 0.71, Var(r) = (1 - r²)² / n for normal columns is 5e-5; six products are of that order.
  EXPECT_LT(shrunk_covariance(rows.matrix()).intensity, 2e-3);
}

TEST(ShrunkCovariance, RefusesTwoRows) {
  EXPECT_THROW(shrunk_covariance(normal_rows(2, 3, 4).matrix()), ArgumentError);
}

}  // namespace
}  // namespace gnomon
