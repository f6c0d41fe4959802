// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/sign_flip.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

using Columns = std::vector<std::vector<double>>;

std::vector<SignFlipTest> run(const Columns& columns, const std::vector<Index>& groups,
                              Index n_flip = 999, std::uint64_t seed = 1) {
  const std::vector<std::span<const double>> views(columns.begin(), columns.end());
  return sign_flip_tests(views, groups, n_flip, seed);
}

TEST(SignFlip, StatisticByHand) {
  // Groups 0 and 1 have the sums 3 and -1.
  const auto tests = run({{1, 2, -1}}, {0, 0, 1});
  EXPECT_NEAR(tests[0].statistic, 2 / std::sqrt(10.0), 1e-15);
  EXPECT_EQ(tests[0].n_group, 2);
  // Of the four flips two are as extreme as |3 - 1| and two are |3 + 1|: all of them.
  EXPECT_EQ(tests[0].p_value, 1);
}

// All groups of one sign: as extreme are the 2 of 2^n flips that make all signs equal.
TEST(SignFlip, SmallestPIsThatOfAllSignsEqual) {
  std::vector<double> column(10, 0.7);
  std::vector<Index> groups;
  for (Index g = 0; g < 10; ++g) groups.push_back(g);
  const auto tests = run({column}, groups, 20000);
  // 20000 draws of chance 1/512: sd 0.0003.
  EXPECT_NEAR(tests[0].p_value, 2.0 / 1024, 0.0013);
}

TEST(SignFlip, FamilyErrorIsKeptWhereNothingHasAnEffect) {
  Random random(3, "null");
  std::vector<Index> groups;
  for (Index g = 0; g < 12; ++g) groups.push_back(g);
  constexpr int kTrials = 300;
  int n_family = 0;
  int n_alone = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    Columns columns(8, std::vector<double>(12));
    for (auto& column : columns) {
      for (double& value : column) value = random.normal();
    }
    const auto tests = run(columns, groups, 199, static_cast<std::uint64_t>(trial));
    bool any = false;
    bool any_alone = false;
    for (const SignFlipTest& test : tests) {
      EXPECT_GE(test.p_family, test.p_value);
      any = any || test.p_family <= 0.05;
      any_alone = any_alone || test.p_value <= 0.05;
    }
    n_family += any ? 1 : 0;
    n_alone += any_alone ? 1 : 0;
  }
  // Binomial of 300 with chance 0.05: mean 15, sd 3.8. Alone 1 - 0.95^8 = 0.34.
  EXPECT_LE(n_family, 30);
  EXPECT_GE(n_family, 3);
  EXPECT_GT(n_alone, 60);
}

TEST(SignFlip, FindsAPlantedColumn) {
  Random random(4, "planted");
  std::vector<Index> groups;
  Columns columns(20, std::vector<double>(30));
  for (Index g = 0; g < 30; ++g) groups.push_back(g);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    for (double& value : columns[k]) value = random.normal() + (k == 7 ? 1.5 : 0.0);
  }
  const auto tests = run(columns, groups);
  EXPECT_EQ(tests[7].p_family, 1.0 / 1000);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (k != 7) {
      EXPECT_GT(tests[k].p_family, 0.05) << k;
    }
  }
}

TEST(SignFlip, ScaleDoesNotMatterAndZerosAreNotTested) {
  std::vector<Index> groups = {0, 1, 2, 3, 4};
  const auto tests = run({{1, -2, 3, 4, 5},
                          {1e200, -2e200, 3e200, 4e200, 5e200},
                          {1e-200, -2e-200, 3e-200, 4e-200, 5e-200},
                          {0, 0, 0, 0, 0},
                          {0, 1, 0, 0, 0}},
                         groups);
  EXPECT_EQ(tests[0].p_value, tests[1].p_value);
  EXPECT_EQ(tests[0].p_value, tests[2].p_value);
  EXPECT_NEAR(tests[0].statistic, tests[2].statistic, 1e-15);
  EXPECT_EQ(tests[3].p_value, 1);
  EXPECT_FALSE(tests[3].why_undefined.empty());
  EXPECT_EQ(tests[4].p_family, 1);
  EXPECT_FALSE(tests[4].why_undefined.empty());
}

TEST(SignFlip, BadInput) {
  EXPECT_THROW(run({{1, 2}}, {0, 1}, 0), ArgumentError);
  EXPECT_THROW(run({{1, 2, 3}}, {0, 1}), ShapeError);
  EXPECT_THROW(run({{1, std::nan("")}}, {0, 1}), NumericError);
}

}  // namespace
}  // namespace gnomon
