// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/column_groups.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {
namespace {

struct Data {
  Tensor<double> rows;
  std::vector<Index> group;
};

// Column 0 is noise, column 1 noise around a mean of its group, column 2 its group, column 3 is
// constant.
Data make_data(Index n_row, Index n_group, std::uint64_t seed) {
  Random random(seed, "column_groups_test");
  Data data{Tensor<double>({n_row, 4}), {}};
  for (Index i = 0; i < n_row; ++i) {
    const auto g = static_cast<Index>(random.below(static_cast<std::uint64_t>(n_group)));
    data.group.push_back(g);
    const std::span<double> row = data.rows.matrix().row(i);
    row[0] = 50 + random.normal();
    row[1] = 3 * std::sin(static_cast<double>(g)) + random.normal();
    row[2] = static_cast<double>(g);
    row[3] = 0.7;
  }
  return data;
}

struct Streamed {
  ColumnMoments moments{4};
  ColumnGroupSums sums;

  Streamed(const Data& data, Index n_group, Index part) : sums(n_group, 4) {
    const auto n_row = static_cast<Index>(data.group.size());
    for (Index first = 0; first < n_row; first += part) {
      const Index n = std::min(part, n_row - first);
      const auto ids = std::span(data.group).subspan(first, n);
      const Groups groups = index_groups(ids);
      std::vector<Index> numbers;
      for (Index g = 0; g < groups.n_group; ++g) numbers.push_back(ids[groups.rows(g)[0]]);
      const MatrixView<const double> rows = data.rows.matrix().row_range(first, n);
      sums.add_rows(rows, groups, numbers);
      moments.add_rows(rows);
    }
  }
};

// SS_between / SS_total from its definition, in extended precision.
double direct_eta_squared(const Data& data, Index column) {
  long double mean = 0;
  std::map<Index, std::pair<long double, Index>> groups;
  const auto n_row = static_cast<Index>(data.group.size());
  for (Index i = 0; i < n_row; ++i) {
    const long double value = data.rows.matrix()(i, column);
    mean += value / static_cast<long double>(n_row);
    groups[data.group[i]].first += value;
    ++groups[data.group[i]].second;
  }
  long double total = 0;
  long double within = 0;
  for (Index i = 0; i < n_row; ++i) {
    const long double value = data.rows.matrix()(i, column);
    const auto& [sum, count] = groups[data.group[i]];
    total += (value - mean) * (value - mean);
    const long double own_mean = sum / static_cast<long double>(count);
    within += (value - own_mean) * (value - own_mean);
  }
  return static_cast<double>(1 - within / total);
}

TEST(ColumnGroupSums, ExplainAsADirectAnalysisOfVariance) {
  const Data data = make_data(600, 20, 1);
  for (const Index part : {1, 17, 600}) {
    SCOPED_TRACE(part);
    const Streamed streamed(data, 25, part);  // five groups have no row
    EXPECT_EQ(streamed.sums.n_group(), 20);
    EXPECT_EQ(streamed.sums.n(), 600);
    const auto explained = streamed.sums.explained(streamed.moments);
    for (const Index j : {0, 1, 2}) {
      const double expected = direct_eta_squared(data, j);
      ASSERT_TRUE(explained[j]);
      // A group's mean is rounded to eps |mean| <= 1e-14; that times the distances it is multiplied
      // with, over a variance of about 1.
      EXPECT_NEAR(explained[j]->eta_squared, expected, 1e-12);
      EXPECT_NEAR(explained[j]->adjusted, 1 - (1 - expected) * 599.0 / 580.0, 1e-12);
    }
    EXPECT_NEAR(explained[2]->eta_squared, 1, 1e-12);
    EXPECT_FALSE(explained[3]);
  }
}

TEST(ColumnGroupSums, NoiseIsNotExplainedOnAverage) {
  // 60 rows in 30 groups: eta squared of noise is near 29 / 59, the adjusted share near 0.
  const int n_repeat = 400;
  double sum = 0;
  double sum_of_squares = 0;
  double sum_eta = 0;
  for (int repeat = 0; repeat < n_repeat; ++repeat) {
    const Data data = make_data(60, 30, static_cast<std::uint64_t>(repeat) + 10);
    const Streamed streamed(data, 30, 60);
    const VarianceExplained noise = *streamed.sums.explained(streamed.moments)[0];
    sum += noise.adjusted;
    sum_of_squares += noise.adjusted * noise.adjusted;
    sum_eta += noise.eta_squared;
  }
  const double mean = sum / n_repeat;
  const double standard_error =
      std::sqrt((sum_of_squares / n_repeat - mean * mean) / (n_repeat - 1));
  EXPECT_LT(std::abs(mean), 4 * standard_error);
  EXPECT_GT(sum_eta / n_repeat, 0.4);
}

TEST(ColumnGroupSums, Edges) {
  // Every row a group of its own: nothing can be told.
  Data data = make_data(5, 1, 3);
  data.group = {0, 1, 2, 3, 4};
  const Streamed alone(data, 5, 5);
  for (const auto& explained : alone.sums.explained(alone.moments)) EXPECT_FALSE(explained);
  // One group explains nothing.
  data.group = {0, 0, 0, 0, 0};
  const Streamed together(data, 5, 5);
  EXPECT_NEAR(together.sums.explained(together.moments)[0]->eta_squared, 0, 1e-15);
  EXPECT_NEAR(together.sums.explained(together.moments)[0]->adjusted, 0, 1e-15);

  ColumnGroupSums sums(2, 4);
  const Groups groups = index_groups(data.group);
  EXPECT_THROW(sums.add_rows(std::as_const(data.rows).matrix(), groups, std::vector<Index>{2}),
               ArgumentError);
  EXPECT_THROW(sums.add_rows(std::as_const(data.rows).matrix(), groups, std::vector<Index>{0, 1}),
               ShapeError);
  EXPECT_THROW(sums.explained(together.moments), ShapeError);
}

}  // namespace
}  // namespace gnomon
