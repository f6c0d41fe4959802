// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/mahalanobis.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {
namespace {

// Columns that are uncorrelated by construction: the correlations' sum of squares is 0, so that the
// intensity is 1 and S is the diagonal of variances. Rows ±a e_j: variance of column j is
// 2 a_j² / (n - 1).
TEST(NaturalRows, OfUncorrelatedColumnsIsTheStandardisedDistance) {
  Tensor<double> rows({4, 2});
  const double a = 3, b = 0.5;
  rows.matrix()(0, 0) = 10 + a;
  rows.matrix()(1, 0) = 10 - a;
  rows.matrix()(2, 0) = rows.matrix()(3, 0) = 10;
  rows.matrix()(2, 1) = b;
  rows.matrix()(3, 1) = -b;
  const NaturalRows natural(std::as_const(rows).matrix());
  EXPECT_EQ(natural.intensity(), 1);
  Tensor<double> probes({3, 2});
  probes.matrix()(0, 0) = 10;
  probes.matrix()(1, 0) = 10 + 2;
  probes.matrix()(2, 0) = 10;
  probes.matrix()(2, 1) = 1;
  const std::vector<double> distance = natural.distances(std::as_const(probes).matrix());
  EXPECT_EQ(distance[0], 0);
  EXPECT_NEAR(distance[1], 2 / std::sqrt(2 * a * a / 3), 1e-14);
  EXPECT_NEAR(distance[2], 1 / std::sqrt(2 * b * b / 3), 1e-14);
}

// Of n new normal rows in d dimensions d² is close to chi-squared with d degrees of freedom: its
// mean d, standard error sqrt(2 d / n) = 0.2. 5 per cent for the estimated covariance beside it.
TEST(NaturalRows, DistancesOfNewRowsAreThoseOfChiSquared) {
  constexpr Index kWidth = 8;
  Random random(3, "mahalanobis");
  const auto draw = [&](Index n) {
    Tensor<double> rows({n, kWidth});
    for (Index i = 0; i < n; ++i) {
      const double common = random.normal();
      for (Index c = 0; c < kWidth; ++c)
        rows.matrix()(i, c) = static_cast<double>(c + 1) * (random.normal() + common) - 100;
    }
    return rows;
  };
  const Tensor<double> fitted = draw(4000), fresh = draw(400);
  const NaturalRows natural(fitted.matrix());
  EXPECT_LT(natural.intensity(), 0.01);
  const std::vector<double> distance = natural.distances(fresh.matrix());
  double mean = 0;
  for (const double d : distance) mean += d * d / 400;
  EXPECT_NEAR(mean, kWidth, 3 * 0.2 + 0.05 * kWidth);
  // A row far off along the direction in which rows hardly spread is far, along the common one not.
  Tensor<double> probes({2, kWidth});
  for (Index c = 0; c < kWidth; ++c) {
    const double sign = c % 2 == 0 ? 1 : -1;
    probes.matrix()(0, c) = static_cast<double>(c + 1) * 3 * sign - 100;
    probes.matrix()(1, c) = static_cast<double>(c + 1) * 3 - 100;
  }
  const std::vector<double> far = natural.distances(std::as_const(probes).matrix());
  EXPECT_GT(far[0], 2 * far[1]);
}

TEST(NaturalRows, MoreColumnsThanRowsAndConstantColumns) {
  Random random(5, "mahalanobis wide");
  Tensor<double> rows({10, 30});
  for (double& value : rows.values()) value = random.normal();
  for (Index i = 0; i < 10; ++i) rows.matrix()(i, 7) = 4;
  const NaturalRows natural(std::as_const(rows).matrix());
  for (const double d : natural.distances(std::as_const(rows).matrix()))
    EXPECT_TRUE(std::isfinite(d));
  EXPECT_THROW(natural.distances(std::as_const(rows).matrix().columns(0, 5)), ShapeError);
  EXPECT_THROW(NaturalRows(std::as_const(rows).matrix().row_range(0, 2)), ArgumentError);
  Tensor<double> constant({5, 3});
  EXPECT_THROW(NaturalRows(std::as_const(constant).matrix()), NumericError);
}

}  // namespace
}  // namespace gnomon
