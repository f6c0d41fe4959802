// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/row_sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace gnomon {
namespace {

TEST(SampleRows, AscendingDifferentAndAsManyAsAsked) {
  Random random(1, "row_sample_test");
  for (const Index n : {0, 1, 5, 1000}) {
    for (const Index size : {0, 1, 5, 999, 2000}) {
      const std::vector<Index> rows = sample_rows(n, size, random);
      ASSERT_EQ(static_cast<Index>(rows.size()), std::min(n, size));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_GE(rows[i], i == 0 ? 0 : rows[i - 1] + 1);
        EXPECT_LT(rows[i], n);
      }
    }
  }
  Random again(1, "row_sample_test");
  Random same(1, "row_sample_test");
  EXPECT_EQ(sample_rows(1000, 20, again), sample_rows(1000, 20, same));
}

TEST(SampleRows, EveryChoiceIsEquallyLikely) {
  // All 10 choices of 3 rows of 5, 10000 draws: chi-squared with 9 degrees of freedom exceeds 27.9
  // once in a thousand.
  Random random(2, "row_sample_test");
  std::map<std::vector<Index>, int> counts;
  for (int i = 0; i < 10000; ++i) ++counts[sample_rows(5, 3, random)];
  ASSERT_EQ(counts.size(), 10U);
  double chi_squared = 0;
  for (const auto& [rows, count] : counts) chi_squared += std::pow(count - 1000.0, 2) / 1000;
  EXPECT_LT(chi_squared, 27.9);
}

TEST(RowSample, AtMostKeepsAllOrDrawsThatManyInOrder) {
  const std::vector<Index> rows = {2, 3, 5, 7, 11, 13};
  EXPECT_EQ(at_most(rows, 6, Random(1, "row_sample_test")), rows);
  const std::vector<Index> drawn = at_most(rows, 3, Random(1, "row_sample_test"));
  ASSERT_EQ(drawn.size(), 3U);
  EXPECT_TRUE(std::ranges::is_sorted(drawn));
  EXPECT_TRUE(std::ranges::includes(rows, drawn));
  EXPECT_EQ(at_most(rows, 3, Random(1, "row_sample_test")), drawn);
}

}  // namespace
}  // namespace gnomon
