// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"

namespace gnomon {
namespace {

constexpr int kReplicates = 100000;

double three_standard_errors(double probability) {
  return 3 * std::sqrt(probability * (1 - probability) / kReplicates);
}

struct Sample {
  std::vector<double> x;
  std::vector<double> y;
};

Sample bivariate_normal(Index n, double r, Random& random) {
  Sample sample;
  for (Index i = 0; i < n; ++i) {
    sample.x.push_back(random.normal());
    sample.y.push_back(r * sample.x.back() + std::sqrt(1 - r * r) * random.normal());
  }
  return sample;
}

// The test is exact for normal samples: it rejects at level α as often as α says.
TEST(CorrelationCalibration, SizeOfTheTest) {
  Random random(1, "correlation_slow_test");
  for (const Index n : {Index{5}, Index{40}}) {
    int at_05 = 0;
    int at_01 = 0;
    for (int k = 0; k < kReplicates; ++k) {
      const Sample sample = bivariate_normal(n, 0, random);
      const double p =
          correlation_test(pearson(sample.x, sample.y).r.value(), static_cast<double>(n)).p_value;
      at_05 += p <= 0.05 ? 1 : 0;
      at_01 += p <= 0.01 ? 1 : 0;
    }
    EXPECT_NEAR(at_05 / double{kReplicates}, 0.05, three_standard_errors(0.05)) << "n = " << n;
    EXPECT_NEAR(at_01 / double{kReplicates}, 0.01, three_standard_errors(0.01)) << "n = " << n;
  }
}

// Fisher's interval is an approximation; at n = 50 its error is below what 20000 replicates
// resolve.
TEST(CorrelationCalibration, CoverageOfFishersInterval) {
  Random random(2, "correlation_slow_test");
  for (const double r : {0.0, 0.6, -0.9}) {
    int covered = 0;
    for (int k = 0; k < kReplicates; ++k) {
      const Sample sample = bivariate_normal(50, r, random);
      const Interval interval = fisher_interval(*pearson(sample.x, sample.y).r, 50, 0.95);
      covered += interval.ci_low <= r && r <= interval.ci_high ? 1 : 0;
    }
    EXPECT_NEAR(covered / double{kReplicates}, 0.95, three_standard_errors(0.95)) << "r = " << r;
  }
}

}  // namespace
}  // namespace gnomon
