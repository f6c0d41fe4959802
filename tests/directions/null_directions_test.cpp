// SPDX-License-Identifier: Apache-2.0
#include "gnomon/directions/null_directions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace gnomon {
namespace {

TEST(NullDirections, HaveTheCovarianceOfTheRows) {
  // Two correlated columns and one that is constant.
  Random random(1, "rows");
  Tensor<double> rows({50, 3});
  for (Index i = 0; i < 50; ++i) {
    const double x = random.normal();
    rows.matrix()(i, 0) = 100 + 10 * x;
    rows.matrix()(i, 1) = x + random.normal();
    rows.matrix()(i, 2) = 7;
  }
  Tensor<double> centred = rows;
  subtract_column_means(centred.matrix());
  const Index n = 40000;
  const Tensor<double> directions = covariance_matched_directions(rows, n, Random(2, "null"));
  for (Index a = 0; a < 3; ++a) {
    for (Index b = 0; b < 3; ++b) {
      double expected = 0, sum = 0, scale_a = 0, scale_b = 0;
      for (Index i = 0; i < 50; ++i) {
        expected += centred.matrix()(i, a) * centred.matrix()(i, b);
        scale_a += centred.matrix()(i, a) * centred.matrix()(i, a);
        scale_b += centred.matrix()(i, b) * centred.matrix()(i, b);
      }
      for (Index k = 0; k < n; ++k) sum += directions.matrix()(k, a) * directions.matrix()(k, b);
      // A product of two normals has an sd of at most sqrt(2) of its scale: 5 standard errors.
      EXPECT_NEAR(sum / n, expected, 5 * std::sqrt(2 * scale_a * scale_b / n) + 1e-9);
    }
  }
}

TEST(NullDirections, OthersAreDistinctAndNotTheNeuron) {
  const std::vector<Index> some = others_of_layer(40, 3, 10, Random(1, "others"));
  EXPECT_EQ(some.size(), 10u);
  EXPECT_TRUE(std::is_sorted(some.begin(), some.end()));
  EXPECT_EQ(std::set<Index>(some.begin(), some.end()).size(), 10u);
  EXPECT_FALSE(std::ranges::count(some, 3));
  EXPECT_EQ(others_of_layer(40, 3, 1000, Random(1, "others")).size(), 39u);
  EXPECT_TRUE(others_of_layer(1, 0, 5, Random(1, "others")).empty());
}

}  // namespace
}  // namespace gnomon
