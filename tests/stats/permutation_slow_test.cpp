// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/stats/permutation.h"

namespace gnomon {
namespace {

constexpr int kReplicates = 3000;
constexpr Index kPermutations = 199;  // (k + 1) / 200 reaches 0.05 exactly

struct Sample {
  std::vector<double> x;
  std::vector<double> y;
  std::vector<Index> groups;
};

void expect_size(PermutationUnit unit, const std::function<Sample(Random&)>& draw) {
  Random random(1, "permutation_slow_test");
  int rejected = 0;
  for (int k = 0; k < kReplicates; ++k) {
    const Sample sample = draw(random);
    const PermutationTest test = permutation_test(sample.x, sample.y, sample.groups, kPermutations,
                                                  static_cast<std::uint64_t>(k));
    ASSERT_EQ(test.unit, unit);
    rejected += test.p_value <= 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(rejected / double{kReplicates}, 0.05, 3 * std::sqrt(0.05 * 0.95 / kReplicates));
}

// Rows share a part within their group in both columns, which have nothing to do with each other.
Sample unrelated(Index n_group, const std::function<Index(Index)>& size, Random& random) {
  Sample sample;
  for (Index g = 0; g < n_group; ++g) {
    const double x_part = random.normal();
    const double y_part = random.normal();
    for (Index k = 0; k < size(g); ++k) {
      sample.x.push_back(x_part + random.normal());
      sample.y.push_back(y_part + random.normal());
      sample.groups.push_back(g);
    }
  }
  return sample;
}

TEST(PermutationCalibration, EqualGroups) {
  expect_size(PermutationUnit::group_rows, [](Random& random) {
    return unrelated(
        12, [](Index) { return Index{3}; }, random);
  });
}

TEST(PermutationCalibration, GroupsOfManySizes) {
  expect_size(PermutationUnit::group_means, [](Random& random) {
    return unrelated(
        20, [](Index g) { return g + 1; }, random);
  });
}

// y has mean 0 whatever x, but its spread grows with |x|: uncorrelated, not independent. A permuted
// r rejects here five times too often.
TEST(PermutationCalibration, UncorrelatedButDependent) {
  expect_size(PermutationUnit::group_rows, [](Random& random) {
    Sample sample;
    for (Index i = 0; i < 100; ++i) {
      sample.x.push_back(random.normal());
      sample.y.push_back(sample.x.back() * random.normal());
      sample.groups.push_back(i);
    }
    return sample;
  });
}

}  // namespace
}  // namespace gnomon
