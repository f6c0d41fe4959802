// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/quantile.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

TEST(Quantile, MatchesNumpy) {
  // np.quantile([7, 1, 3, 10, 2], [0, .1, .5, .77, 1])
  test::expect_close(
      "quantiles",
      quantiles(std::vector<double>{7, 1, 3, 10, 2}, std::vector<double>{0, 0.1, 0.5, 0.77, 1}),
      std::vector<double>{1.0, 1.4, 3.0, 7.24, 10.0}, {.absolute = 4e-15});
  EXPECT_EQ(quantile(std::vector<double>{4}, 0.3), 4);
  EXPECT_EQ(quantile(std::vector<double>{4, 5}, 0.5), 4.5);
}

TEST(Quantile, RefusesBadInput) {
  EXPECT_THROW(quantile({}, 0.5), ArgumentError);
  EXPECT_THROW(quantile(std::vector<double>{1}, 1.1), ArgumentError);
  EXPECT_THROW(quantile(std::vector<double>{1}, std::nan("")), ArgumentError);
  EXPECT_THROW(quantile(std::vector<double>{1, std::nan("")}, 0.5), NumericError);
}

TEST(PercentileRank, MidRankForTies) {
  // scipy.stats.percentileofscore([1, 2, 2, 3, 5], 2, kind="mean") = 40.0
  const std::vector<double> sample = {1, 2, 2, 3, 5};
  EXPECT_EQ(percentile_rank(sample, 2), 0.4);
  EXPECT_EQ(percentile_rank(sample, 0), 0);
  EXPECT_EQ(percentile_rank(sample, 6), 1);
  EXPECT_EQ(percentile_rank(std::vector<double>(7, 3.0), 3), 0.5);
  EXPECT_THROW(percentile_rank({}, 1), ArgumentError);
  EXPECT_THROW(percentile_rank(sample, std::nan("")), NumericError);
}

TEST(QuantilesOfColumns, AreThoseOfEachColumn) {
  Random random(1, "quantile_test");
  const std::vector<double> probabilities = {0, 0.01, 0.5, 0.77, 1};
  for (const Index n_row : {1, 2, 37}) {
    Tensor<float> columns({n_row, 5});
    for (float& value : columns.values()) value = static_cast<float>(random.normal());
    const Tensor<float> before = columns;
    const Tensor<double> actual = quantiles_of_columns<float>(columns.matrix(), probabilities);
    for (Index j = 0; j < 5; ++j) {
      std::vector<double> column;
      for (Index i = 0; i < n_row; ++i) column.push_back(before.matrix()(i, j));
      const std::vector<double> expected = quantiles(column, probabilities);
      for (std::size_t k = 0; k < probabilities.size(); ++k)
        EXPECT_EQ(actual.matrix()(static_cast<Index>(k), j), expected[k]);
    }
  }
  Tensor<float> none({0, 5});
  EXPECT_THROW(quantiles_of_columns<float>(none.matrix(), probabilities), ArgumentError);
  Tensor<float> one({1, 1});
  EXPECT_THROW(quantiles_of_columns<float>(one.matrix(), std::vector<double>{1.5}), ArgumentError);
}

}  // namespace
}  // namespace gnomon
