// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>
#include <vector>

namespace gnomon {
namespace {

constexpr int kDraws = 200'000;

// xoshiro256++ and SplitMix64 written a second time in Python from their papers, with the stream
// name hashed by FNV-1a and mixed into the first SplitMix64 output of the seed.
TEST(Random, HasTheSameNumbersEverywhere) {
  Random split(42, "split");
  EXPECT_EQ(split.next(), 0x27fde10d000f87aU);
  EXPECT_EQ(split.next(), 0xe549f18230002eafU);
  EXPECT_EQ(split.next(), 0x74e0d64f58903215U);
  EXPECT_EQ(split.next(), 0x20b4e4386cbe199bU);
  Random unnamed(0, "");
  EXPECT_EQ(unnamed.next(), 0x96bb3c9cab98ed3fU);
  EXPECT_EQ(unnamed.next(), 0x65b64fbc9a770e81U);
}

TEST(Random, StreamsOfOneSeedDiffer) {
  std::map<std::uint64_t, int> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    for (const char* name : {"split", "init", "bootstrap", "", "a", "b"}) {
      ++seen[Random(seed, name).next()];
    }
  }
  EXPECT_EQ(seen.size(), 300U);
}

// Independent sums of n products of standard normals have variance n: five standard errors.
TEST(Random, StreamsAreUncorrelatedAtAnySmallLag) {
  const auto draws = [](std::uint64_t seed, std::string_view name) {
    Random random(seed, name);
    std::vector<double> values(20'000);
    for (double& value : values) value = random.normal();
    return values;
  };
  const std::vector<double> a = draws(7, "one");
  for (const std::vector<double>& b : {draws(7, "two"), draws(8, "one"), draws(7, "ones"), a}) {
    for (std::size_t lag = 1; lag < 20; ++lag) {
      double sum = 0;
      for (std::size_t i = lag; i < a.size(); ++i) sum += a[i] * b[i - lag];
      EXPECT_LT(std::abs(sum), 5 * std::sqrt(static_cast<double>(a.size() - lag)));
    }
  }
}

// Kolmogorov's distribution: D sqrt(n) exceeds 1.95 with probability 0.001.
double kolmogorov_distance(std::vector<double> values, double (*cdf)(double)) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double distance = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double p = cdf(values[i]);
    distance =
        std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return distance * std::sqrt(n);
}

TEST(Random, UniformIsUniformOnTheHalfOpenInterval) {
  Random random(1, "uniform");
  std::vector<double> values(kDraws);
  for (double& value : values) {
    value = random.uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
  }
  EXPECT_LT(kolmogorov_distance(values, [](double x) { return x; }), 1.95);
}

// Standard errors of sample moments of a standard normal: 1, sqrt 2, sqrt 15 and sqrt 96 over sqrt
// n.
TEST(Random, NormalHasItsMomentsAndItsDistribution) {
  Random random(1, "normal");
  std::vector<double> values(kDraws);
  std::array<double, 5> moments{};
  for (double& value : values) {
    value = random.normal();
    for (std::size_t k = 1; k < moments.size(); ++k) moments[k] += std::pow(value, k) / kDraws;
  }
  const double root_n = std::sqrt(static_cast<double>(kDraws));
  EXPECT_NEAR(moments[1], 0, 5 / root_n);
  EXPECT_NEAR(moments[2], 1, 5 * std::numbers::sqrt2 / root_n);
  EXPECT_NEAR(moments[3], 0, 5 * std::sqrt(15) / root_n);
  EXPECT_NEAR(moments[4], 3, 5 * std::sqrt(96) / root_n);
  const double distance = kolmogorov_distance(
      values, [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); });
  EXPECT_LT(distance, 1.95);
}

// The Wilson-Hilferty approximation of chi-squared's quantile at four standard deviations, p =
// 3e-5.
void expect_uniform_counts(const std::vector<int>& counts, double n) {
  const double expected = n / static_cast<double>(counts.size());
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - expected) * (count - expected) / expected;
  const auto k = static_cast<double>(counts.size() - 1);
  EXPECT_LT(chi_squared, k * std::pow(1 - 2 / (9 * k) + 4 * std::sqrt(2 / (9 * k)), 3));
}

TEST(Random, BelowIsUniformForSmallAndAwkwardRanges) {
  Random random(1, "below");
  for (const std::uint64_t n : {1U, 2U, 3U, 7U, 100U}) {
    std::vector<int> counts(n);
    for (int i = 0; i < kDraws / 4; ++i) ++counts.at(random.below(n));
    if (n > 1) expect_uniform_counts(counts, kDraws / 4);
  }
  // A range of 3/4 of all numbers: taking the remainder would favour its first third two to one.
  const std::uint64_t n = 3 * (std::uint64_t{1} << 62);
  std::vector<int> thirds(3);
  for (int i = 0; i < kDraws / 4; ++i) {
    const std::uint64_t value = random.below(n);
    ASSERT_LT(value, n);
    ++thirds[static_cast<std::size_t>(value >> 62)];
  }
  expect_uniform_counts(thirds, kDraws / 4);
}

TEST(Random, ShuffleReachesEveryOrderEquallyOften) {
  Random random(1, "shuffle");
  std::map<std::vector<int>, int> orders;
  for (int i = 0; i < 24'000; ++i) {
    std::vector<int> values = {0, 1, 2, 3};
    random.shuffle(values);
    ++orders[values];
  }
  ASSERT_EQ(orders.size(), 24U);
  std::vector<int> counts;
  for (const auto& [order, count] : orders) counts.push_back(count);
  expect_uniform_counts(counts, 24'000);
}

TEST(Random, ShuffleOfNothingOrOneIsNothing) {
  Random random(1, "shuffle");
  std::vector<int> none;
  random.shuffle(none);
  std::vector<int> one = {5};
  random.shuffle(one);
  EXPECT_EQ(one, (std::vector<int>{5}));
}

}  // namespace
}  // namespace gnomon
