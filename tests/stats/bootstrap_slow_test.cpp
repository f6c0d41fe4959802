// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/stats/bootstrap.h"
#include "gnomon/stats/correlation.h"

namespace gnomon {
namespace {

constexpr int kReplicates = 600;
constexpr double kLevel = 0.95;

struct Sample {
  std::vector<double> a;
  std::vector<double> b;
  std::vector<double> truth;
  std::vector<Index> groups;
};

// Groups of 1 to 6 rows, whose rows share a part a_g of truth and a part b_g of the columns:
//   truth = t_g + t_i,   column = truth / 2 + c_g + c_i,   all parts standard normal and
//   independent
// so that r = cov / sqrt(var var) = 1 / sqrt(2 · 2.5) for both columns.
const double kR = 1 / std::sqrt(5.0);

Sample grouped_rows(Index n_group, Random& random) {
  Sample sample;
  for (Index g = 0; g < n_group; ++g) {
    const double truth_part = random.normal();
    const double a_part = random.normal();
    const double b_part = random.normal();
    for (std::uint64_t k = random.below(6) + 1; k > 0; --k) {
      sample.truth.push_back(truth_part + random.normal());
      sample.a.push_back(sample.truth.back() / 2 + a_part + random.normal());
      sample.b.push_back(sample.truth.back() / 2 + b_part + random.normal());
      sample.groups.push_back(g);
    }
  }
  return sample;
}

bool covers(const Interval& interval, double value) {
  return interval.ci_low <= value && value <= interval.ci_high;
}

// 250 groups, where the percentile interval's own error, of order 1 / n_group, is small beside the
// standard error of 600 replicates.
TEST(BootstrapCalibration, CoverageOverGroups) {
  Random random(1, "bootstrap_slow_test");
  int covered = 0;
  int covered_difference = 0;
  int covered_by_rows = 0;
  for (int k = 0; k < kReplicates; ++k) {
    const Sample sample = grouped_rows(250, random);
    const std::vector<std::span<const double>> columns = {sample.a};
    const BootstrapOptions options{
        .n_bootstrap = 600, .level = kLevel, .seed = static_cast<std::uint64_t>(k)};
    const BootstrapInterval of_r =
        bootstrap_correlations(columns, sample.truth, sample.groups, options)[0];
    covered += covers(of_r.interval.value(), kR) ? 1 : 0;
    const BootstrapInterval of_difference =
        bootstrap_correlation_difference(sample.a, sample.b, sample.truth, sample.groups, options);
    covered_difference += covers(of_difference.interval.value(), 0) ? 1 : 0;
    covered_by_rows +=
        covers(fisher_interval(*of_r.estimate, static_cast<double>(of_r.n), kLevel), kR) ? 1 : 0;
  }
  const double tolerance = 3 * std::sqrt(kLevel * (1 - kLevel) / kReplicates);
  EXPECT_NEAR(covered / double{kReplicates}, kLevel, tolerance);
  EXPECT_NEAR(covered_difference / double{kReplicates}, kLevel, tolerance);
  // What the cluster bootstrap is for: taking rows as independent gives intervals that are too
  // short.
  EXPECT_LT(covered_by_rows / double{kReplicates}, kLevel - tolerance);
}

}  // namespace
}  // namespace gnomon
