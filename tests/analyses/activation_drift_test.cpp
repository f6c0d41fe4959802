// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/activation_drift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

std::vector<Index> own_groups(std::size_t n) {
  std::vector<Index> groups;
  for (std::size_t i = 0; i < n; ++i) groups.push_back(static_cast<Index>(i));
  return groups;
}

Column normal_values(std::uint64_t seed, std::size_t n) {
  Random random(seed, "drift test");
  Column values(n);
  for (double& value : values) value = 4 + random.normal();
  return values;
}

Column scaled(const Column& x, double factor, double noise) {
  Random random(2, "drift noise");
  Column result;
  for (const double value : x) result.push_back(1 + factor * value + noise * random.normal());
  return result;
}

// SciPy 1.17.1: wasserstein_distance(a, b), ks_2samp(a, b).statistic; NumPy: corrcoef, std(ddof=1).
TEST(ActivationDriftTest, MatchesScipy) {
  const Column a = {0.5, 1.0, -0.3, 2.0, 1.5, 0.2, -1.0, 0.7};
  const Column b = {0.1, 0.4, -0.2, 0.9, 0.8, 0.0, -0.5, 0.2};
  const ActivationDrift drift = measure_drift(a, b, own_groups(8), {});
  EXPECT_NEAR(drift.wasserstein1, 0.5125, 1e-14);
  EXPECT_NEAR(drift.kolmogorov_smirnov, 0.375, 1e-14);
  EXPECT_NEAR(*drift.r, 0.9891313404160437, 1e-14);
  EXPECT_NEAR(*drift.sd_ratio, 0.49534512752907484, 1e-14);
  EXPECT_NEAR(*drift.variance_ratio, 0.49534512752907484 * 0.49534512752907484, 1e-14);
  EXPECT_NEAR(*drift.mean_shift, -0.3769095525597763, 1e-14);
  EXPECT_NEAR(drift.initial.median, 0.6, 1e-14);
  EXPECT_EQ(drift.initial.min, -1.0);
  EXPECT_EQ(drift.current.max, 0.9);
  EXPECT_TRUE(drift.why.empty());
}

TEST(ActivationDriftTest, NothingHappened) {
  const Column x = normal_values(1, 100);
  const ActivationDrift drift = measure_drift(x, x, own_groups(100), {});
  EXPECT_EQ(drift.wasserstein1, 0);
  EXPECT_EQ(drift.kolmogorov_smirnov, 0);
  EXPECT_EQ(*drift.r, 1);
  EXPECT_EQ(*drift.sd_ratio, 1);
  EXPECT_EQ(*drift.mean_shift, 0);
  EXPECT_EQ(drift.spread, SpreadVerdict::kept);
}

TEST(ActivationDriftTest, VerdictsOnPlantedChanges) {
  const Column x = normal_values(3, 400);
  const auto verdict = [&](double factor, double noise) {
    return measure_drift(x, scaled(x, factor, noise), own_groups(400), {}).spread;
  };
  EXPECT_EQ(verdict(0.1, 0.02), SpreadVerdict::collapsed);
  EXPECT_EQ(verdict(1, 0.1), SpreadVerdict::kept);
  EXPECT_EQ(verdict(-1, 0), SpreadVerdict::kept);  // r is -1, the spread is the same
  EXPECT_EQ(verdict(3, 0), SpreadVerdict::expanded);
  EXPECT_EQ(verdict(0.65, 0.02), SpreadVerdict::changed);
  const Column constant(400, 2.0);
  const ActivationDrift dead = measure_drift(x, constant, own_groups(400), {});
  EXPECT_EQ(dead.spread, SpreadVerdict::collapsed);
  EXPECT_EQ(*dead.sd_ratio, 0);
  EXPECT_FALSE(dead.r);
  EXPECT_FALSE(dead.why.empty());
}

TEST(ActivationDriftTest, TheRule) {
  const auto verdict = [](double low, double high) {
    return spread_verdict(Interval{low, high, 0.95});
  };
  EXPECT_EQ(verdict(0.1, 0.49), SpreadVerdict::collapsed);
  EXPECT_EQ(verdict(0.1, 0.5), SpreadVerdict::changed);
  EXPECT_EQ(verdict(0.8, 1.25), SpreadVerdict::kept);
  EXPECT_EQ(verdict(0.85, 0.95), SpreadVerdict::kept);
  EXPECT_EQ(verdict(0.7, 1.1), SpreadVerdict::unclear);
  EXPECT_EQ(verdict(1.1, 2.5), SpreadVerdict::changed);
  EXPECT_EQ(verdict(2.01, 3), SpreadVerdict::expanded);
  EXPECT_EQ(spread_verdict(std::nullopt), SpreadVerdict::unclear);
  EXPECT_EQ(spread_verdict_name(SpreadVerdict::collapsed), "collapsed");
}

TEST(ActivationDriftTest, FewTextsAreUnclear) {
  const Column x = normal_values(5, 4);
  EXPECT_EQ(measure_drift(x, scaled(x, 1, 0.8), own_groups(4), {}).spread, SpreadVerdict::unclear);
  const ActivationDrift one_group =
      measure_drift(x, scaled(x, 0.1, 0), std::vector<Index>(4, 0), {});
  EXPECT_EQ(one_group.spread, SpreadVerdict::unclear);
  EXPECT_EQ(one_group.why, "all rows are of one group");
}

TEST(ActivationDriftTest, AConstantStart) {
  const Column constant(20, 1.5);
  const ActivationDrift drift = measure_drift(constant, normal_values(6, 20), own_groups(20), {});
  EXPECT_FALSE(drift.r || drift.sd_ratio || drift.mean_shift);
  EXPECT_EQ(drift.why, "the initial activation is constant");
  EXPECT_GT(drift.wasserstein1, 1);
}

TEST(ActivationDriftTest, RefusesBadInput) {
  const Column x = {1, 2};
  EXPECT_THROW(measure_drift(x, Column{1}, own_groups(2), {}), ShapeError);
  EXPECT_THROW(measure_drift(x, x, own_groups(1), {}), ShapeError);
  EXPECT_THROW(measure_drift({}, {}, {}, {}), ArgumentError);
  EXPECT_THROW(measure_drift(x, Column{1, std::nan("")}, own_groups(2), {}), NumericError);
}

}  // namespace
}  // namespace gnomon
