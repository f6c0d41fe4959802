// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/equivalence.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// Normal quantiles as tabulated to 16 digits, 0.95, 0.975 and 0.8; Φ from Python's math.erf.
TEST(Equivalence, IntervalWithinTheMargin) {
  const EquivalenceTest test = equivalence_test({-0.03, 0.05, 0.9}, 0, {});
  EXPECT_TRUE(test.equivalent);
  EXPECT_EQ(test.smallest_margin, 0.05);
  const double se = 0.08 / (2 * 1.6448536269514722);
  EXPECT_NEAR(test.standard_error, se, 1e-15);
  EXPECT_NEAR(test.detectable, (1.959963984540054 + 0.8416212335729143) * se, 1e-14);
  // 2 Φ(0.1 / se - z) - 1 = 2 Φ(2.467280440427208) - 1
  EXPECT_NEAR(test.equivalence_power, 0.9863856315052362, 1e-14);
}

TEST(Equivalence, AnIntervalThatHoldsZeroIsNotEnough) {
  EXPECT_FALSE(equivalence_test({-0.2, 0.3, 0.9}, 0, {}).equivalent);
  EXPECT_FALSE(equivalence_test({-0.01, 0.11, 0.9}, 0, {}).equivalent);
  EXPECT_TRUE(equivalence_test({-0.01, 0.11, 0.9}, 0, {0.2, 0.05, 0.8}).equivalent);
  // Too wide to show anything: no chance to find equivalence.
  EXPECT_EQ(equivalence_test({-2, 2, 0.9}, 0, {}).equivalence_power, 0);
}

TEST(Equivalence, AnotherReference) {
  EXPECT_TRUE(equivalence_test({0.95, 1.04, 0.9}, 1, {}).equivalent);
  EXPECT_NEAR(equivalence_test({0.95, 1.04, 0.9}, 1, {}).smallest_margin, 0.05, 1e-15);
  EXPECT_FALSE(equivalence_test({-0.05, 0.04, 0.9}, 1, {}).equivalent);
  const EquivalenceTest exact = equivalence_test({1, 1, 0.9}, 1, {});
  EXPECT_TRUE(exact.equivalent);
  EXPECT_EQ(exact.equivalence_power, 1);
  EXPECT_EQ(exact.detectable, 0);
}

TEST(Equivalence, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(equivalence_test({-0.1, 0.1, 0.95}, 0, {}), ArgumentError);
  EXPECT_THROW(equivalence_test({-0.1, 0.1, 0.9}, 0, {0, 0.05, 0.8}), ArgumentError);
  EXPECT_THROW(equivalence_test({-0.1, 0.1, 0.0}, 0, {0.1, 0.5, 0.8}), ArgumentError);
  EXPECT_THROW(equivalence_test({-0.1, 0.1, 0.9}, 0, {0.1, 0.05, 1}), ArgumentError);
  EXPECT_THROW(equivalence_test({-0.1, 1.0 / 0.0, 0.9}, 0, {}), NumericError);
}

}  // namespace
}  // namespace gnomon
