// SPDX-License-Identifier: Apache-2.0
#include "gnomon/targets/balance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon::test {
namespace {

// Two thirds near 0 and a long tail, like a neuron that is mostly silent.
std::vector<double> skewed(std::size_t n, std::uint64_t seed) {
  Random random(seed, "balance test");
  std::vector<double> values;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = random.normal();
    values.push_back(random.below(3) == 0 ? x * x : 0.05 * x);
  }
  return values;
}

ErrorCode code_of(const std::vector<double>& values, const BalanceOptions& options) {
  try {
    balance_rows(values, options, 1);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

TEST(BalanceTest, CountsByHand) {
  // Bins [0, 1), [1, 2), [2, 3]: 6, 2 and 1 rows.
  const std::vector<double> values = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 1, 1.5, 3};
  const auto after = [&](Index smallest_rows) {
    std::vector<Index> counts;
    for (const BalanceBin& bin : balance_rows(values, {3, smallest_rows}, 1).bins)
      counts.push_back(bin.n_after);
    return counts;
  };
  EXPECT_EQ(after(1), (std::vector<Index>{1, 1, 1}));
  EXPECT_EQ(after(3), (std::vector<Index>{1, 1, 1}));
  EXPECT_EQ(after(4), (std::vector<Index>{2, 2, 1}));
  EXPECT_EQ(after(6), (std::vector<Index>{3, 2, 1}));
  EXPECT_EQ(after(9), (std::vector<Index>{6, 2, 1}));
  const Balance balance = balance_rows(values, {3, 4}, 1);
  EXPECT_EQ(balance.cap, 2);
  EXPECT_EQ(balance.bins[0].low, 0);
  EXPECT_EQ(balance.bins[1].low, 1);
  EXPECT_EQ(balance.bins[2].high, 3);
  EXPECT_EQ(balance.kept.size(), 5U);
  EXPECT_EQ(balance.kept.back(), 8);
}

TEST(BalanceTest, EvenBinsLoseNothing) {
  std::vector<double> values(100);
  std::iota(values.begin(), values.end(), 0.0);
  EXPECT_EQ(balance_rows(values, {10, 20}, 1).kept.size(), 100U);
}

TEST(BalanceTest, EveryBinKeepsItsRowsUpToTheSmallestSufficientCap) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed, "balance properties");
    const std::vector<double> values = skewed(50 + random.below(500), seed);
    const Index n_bin = 2 + static_cast<Index>(random.below(15));
    const Index smallest = 1 + static_cast<Index>(random.below(values.size()));
    const Balance balance = balance_rows(values, {n_bin, smallest}, seed);

    ASSERT_EQ(std::ssize(balance.bins), n_bin);
    EXPECT_GE(std::ssize(balance.kept), smallest);
    const std::set<Index> kept(balance.kept.begin(), balance.kept.end());
    EXPECT_EQ(kept.size(), balance.kept.size());
    Index rarest = std::numeric_limits<Index>::max();
    Index n_with_less = 0;
    for (std::size_t b = 0; b < balance.bins.size(); ++b) {
      const BalanceBin& bin = balance.bins[b];
      const bool last = b + 1 == balance.bins.size();
      Index before = 0;
      Index after = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] < bin.low || (last ? values[i] > bin.high : values[i] >= bin.high)) continue;
        ++before;
        after += kept.contains(static_cast<Index>(i)) ? 1 : 0;
      }
      EXPECT_EQ(bin.n_before, before);
      EXPECT_EQ(bin.n_after, after);
      EXPECT_EQ(after, std::min(before, balance.cap));
      if (before > 0) rarest = std::min(rarest, before);
      n_with_less += std::min(before, balance.cap - 1);
    }
    // A smaller cap would leave too few rows, or be below the rarest bin.
    EXPECT_TRUE(balance.cap == rarest || n_with_less < smallest);
  }
}

TEST(BalanceTest, TheSeedDecidesWhichRowsStay) {
  const std::vector<double> values = skewed(400, 3);
  EXPECT_EQ(balance_rows(values, {10, 100}, 5).kept, balance_rows(values, {10, 100}, 5).kept);
  EXPECT_NE(balance_rows(values, {10, 100}, 5).kept, balance_rows(values, {10, 100}, 6).kept);
}

TEST(BalanceTest, Refuses) {
  EXPECT_EQ(code_of(skewed(199, 1), {}), ErrorCode::bad_data);
  EXPECT_EQ(code_of(std::vector<double>(300, 2.5), {}), ErrorCode::bad_data);
  EXPECT_EQ(code_of(skewed(300, 1), {1, 10}), ErrorCode::usage);
  EXPECT_EQ(code_of(skewed(300, 1), {10, 0}), ErrorCode::usage);
  EXPECT_EQ(code_of({1, std::nan(""), 2}, {2, 1}), ErrorCode::numeric);
  try {
    balance_rows(skewed(7, 1), {}, 1);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(), "balance_rows: found 7 rows, of which at least 200 have to remain");
  }
}

}  // namespace
}  // namespace gnomon::test
