// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/permutation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

TEST(PermutationPValue, CountsTheObservedLabelling) {
  EXPECT_EQ(permutation_p_value(std::vector<double>{1, 2, 3, 4}, 3), 3.0 / 5);
  EXPECT_EQ(permutation_p_value(std::vector<double>{1, 2, 3, 4}, 9), 1.0 / 5);
  EXPECT_EQ(permutation_p_value(std::vector<double>{1, 2, 3, 4}, 0), 1);
  EXPECT_THROW(permutation_p_value({}, 1), ArgumentError);
  EXPECT_THROW(permutation_p_value(std::vector<double>{std::nan("")}, 1), NumericError);
}

TEST(PermuteGroups, MovesWholeGroupsAmongEqualSizes) {
  const std::vector<Index> ids = {0, 1, 1, 2, 2, 3, 4, 4, 4, 0};  // sizes 2, 2, 2, 1, 3
  const Groups groups = index_groups(ids);
  Random random(2, "permutation_test");
  std::set<std::vector<Index>> seen;
  for (int k = 0; k < 200; ++k) {
    const std::vector<Index> row = permute_groups(groups, random);
    std::vector<Index> sorted = row;
    std::sort(sorted.begin(), sorted.end());
    for (Index i = 0; i < 10; ++i) EXPECT_EQ(sorted[i], i);
    for (Index g = 0; g < groups.n_group; ++g) {
      const Index source = groups.of_row[row[groups.rows(g)[0]]];
      ASSERT_EQ(groups.size(source), groups.size(g));
      for (Index i = 0; i < groups.size(g); ++i) {
        EXPECT_EQ(row[groups.rows(g)[i]], groups.rows(source)[i]);
      }
    }
    EXPECT_EQ(row[5], 5);
    seen.insert(row);
  }
  EXPECT_EQ(seen.size(), 6U);  // 3! arrangements of the groups of two
}

// Every row is dealt once, and a group whose size no other has does not keep its labels.
TEST(DealOutGroups, MovesGroupsOfEverySize) {
  std::vector<Index> ids;
  for (Index g = 0; g < 6; ++g) ids.insert(ids.end(), static_cast<std::size_t>(g + 1), g);
  const Groups groups = index_groups(ids);
  Random random(1, "deal");
  Index n_first_in_place = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Index> rows = deal_out_groups(groups, random);
    n_first_in_place += rows[0] == 0 ? 1 : 0;
    std::sort(rows.begin(), rows.end());
    for (std::size_t i = 0; i < rows.size(); ++i) ASSERT_EQ(rows[i], static_cast<Index>(i));
  }
  // Group 0 comes first in a sixth of the orders: 50, standard deviation 6.5.
  EXPECT_NEAR(static_cast<double>(n_first_in_place), 50, 26);
}

TEST(PermutationTest, EnumeratesSmallCases) {
  // Four singletons with y = x: of 24 arrangements those with |statistic| as large are the identity
  // and its reversal, so p tends to 2 / 24.
  const std::vector<double> x = {-3, -1, 1, 3};
  const std::vector<Index> groups = {0, 1, 2, 3};
  const PermutationTest test = permutation_test(x, x, groups, 20000, 3);
  // s = 9, 1, 1, 9
  EXPECT_NEAR(test.statistic, 20 / std::sqrt(164.0), 1e-14);
  std::vector<double> order = {-3, -1, 1, 3};
  int n_extreme = 0;
  do {
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      sum += x[i] * order[i];
      squares += x[i] * x[i] * order[i] * order[i];
    }
    n_extreme += std::abs(sum) / std::sqrt(squares) >= test.statistic - 1e-12 ? 1 : 0;
  } while (std::next_permutation(order.begin(), order.end()));
  const double expected = n_extreme / 24.0;
  EXPECT_NEAR(test.p_value, expected, 4 * std::sqrt(expected * (1 - expected) / 20000));
  EXPECT_EQ(test.unit, PermutationUnit::group_rows);
  EXPECT_EQ(test.n_permutation, 20000);
}

TEST(PermutationTest, FindsARelation) {
  Random random(5, "permutation_test");
  std::vector<double> x;
  std::vector<double> y;
  std::vector<Index> equal;
  std::vector<Index> unequal;
  for (Index i = 0; i < 300; ++i) {
    x.push_back(random.normal());
    y.push_back(x.back() + random.normal());
    equal.push_back(i / 2);
  }
  // Copies of 30 of the rows, 1 to 30 of each: no two groups of one size.
  std::vector<double> copied_x;
  std::vector<double> copied_y;
  for (Index g = 0; g < 30; ++g) {
    for (Index k = 0; k <= g; ++k) {
      copied_x.push_back(x[g]);
      copied_y.push_back(y[g]);
      unequal.push_back(g);
    }
  }
  const PermutationTest rows = permutation_test(x, y, equal, 999, 1);
  EXPECT_EQ(rows.unit, PermutationUnit::group_rows);
  EXPECT_EQ(rows.n, 300);
  EXPECT_EQ(rows.n_group, 150);
  EXPECT_EQ(rows.p_value, 0.001);
  const PermutationTest means = permutation_test(copied_x, copied_y, unequal, 999, 1);
  EXPECT_EQ(means.unit, PermutationUnit::group_means);
  EXPECT_EQ(permutation_unit_name(means.unit), "group_means");
  EXPECT_LT(means.p_value, 0.05);
  EXPECT_EQ(permutation_test(x, y, equal, 99, 7).n_as_extreme,
            permutation_test(x, y, equal, 99, 7).n_as_extreme);
}

TEST(PermutationTest, DuplicatesAreNotEvidence) {
  // Five texts, each copied 40 times: 200 rows, and still only 120 arrangements of 5 groups.
  const double x_of[] = {1, 2, 3, 4, 5};
  const double y_of[] = {2, 1, 4, 3, 5};
  std::vector<double> x;
  std::vector<double> y;
  std::vector<Index> groups;
  for (Index i = 0; i < 200; ++i) {
    x.push_back(x_of[i % 5]);
    y.push_back(y_of[i % 5]);
    groups.push_back(i % 5);
  }
  EXPECT_GT(permutation_test(x, y, groups, 2000, 1).p_value, 0.04);
}

TEST(PermutationTest, Edges) {
  const std::vector<double> x = {1, 2, 3};
  const std::vector<double> constant(3, 1.0);
  const PermutationTest one_group = permutation_test(x, x, std::vector<Index>{1, 1, 1}, 10, 0);
  EXPECT_EQ(one_group.p_value, 1);
  EXPECT_EQ(one_group.why_undefined, "fewer than 2 groups");
  EXPECT_EQ(one_group.n_permutation, 0);
  EXPECT_EQ(permutation_test(x, constant, std::vector<Index>{0, 1, 2}, 10, 0).why_undefined,
            "the second column is constant");
  EXPECT_EQ(permutation_test({}, {}, {}, 10, 0).why_undefined, "fewer than 2 groups");
  EXPECT_THROW(permutation_test(x, x, std::vector<Index>{0, 1, 2}, 0, 0), ArgumentError);
  EXPECT_THROW(permutation_test(x, x, std::vector<Index>{0}, 10, 0), ShapeError);
  EXPECT_THROW(
      permutation_test(x, std::vector<double>{1, 2, INFINITY}, std::vector<Index>{0, 1, 2}, 10, 0),
      NumericError);
}

}  // namespace
}  // namespace gnomon
