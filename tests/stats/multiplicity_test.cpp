// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/multiplicity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/base/error.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

const std::vector<double> kP = {0.01, 0.04, 0.03, 0.005, 0.5};

TEST(Holm, StepsDown) {
  // By hand: 0.005 * 5, 0.01 * 4, 0.03 * 3, max(0.04 * 2, 0.09), 0.5
  test::expect_close("holm", holm(kP), std::vector<double>{0.04, 0.09, 0.09, 0.025, 0.5},
                     {.absolute = 1e-16});
  test::expect_close("capped", holm(std::vector<double>{0.6, 0.7}), std::vector<double>{1, 1}, {});
}

TEST(BenjaminiHochberg, MatchesScipy) {
  // scipy.stats.false_discovery_control(p)
  test::expect_close("bh", benjamini_hochberg(kP),
                     std::vector<double>{0.025, 0.05, 0.05, 0.025, 0.5}, {.absolute = 1e-16});
}

TEST(Multiplicity, LogFormsAgreeAndDoNotUnderflow) {
  std::vector<double> log10_p;
  for (const double p : kP) log10_p.push_back(std::log10(p));
  std::vector<double> from_log = holm_log10(log10_p);
  for (double& value : from_log) value = std::pow(10, value);
  test::expect_close("holm", from_log, holm(kP), {.absolute = 1e-15});
  from_log = benjamini_hochberg_log10(log10_p);
  for (double& value : from_log) value = std::pow(10, value);
  test::expect_close("bh", from_log, benjamini_hochberg(kP), {.absolute = 1e-15});
  test::expect_close("far", holm_log10(std::vector<double>{-50000, -1}),
                     std::vector<double>{-50000 + std::log10(2), -1}, {.absolute = 1e-11});
}

TEST(Multiplicity, Edges) {
  EXPECT_TRUE(holm({}).empty());
  EXPECT_TRUE(benjamini_hochberg({}).empty());
  EXPECT_EQ(holm(std::vector<double>{0.3})[0], 0.3);
  EXPECT_THROW(holm(std::vector<double>{1.2}), NumericError);
  EXPECT_THROW(benjamini_hochberg(std::vector<double>{0.1, std::nan("")}), NumericError);
  EXPECT_THROW(holm_log10(std::vector<double>{0.1}), NumericError);
}

}  // namespace
}  // namespace gnomon
