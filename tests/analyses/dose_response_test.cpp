// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/dose_response.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gnomon/analyses/matched_units.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

constexpr NaturalRange kRange{-1, 1, 0, 0.5};

// report = level of the row + gain of the row * value + noise
DoseResponse planted(Index n_row, Index n_dose, double gain, double gain_sd, double noise,
                     std::uint64_t seed = 1) {
  Random random(seed, "dose_response_test");
  DoseResponse response{Tensor<double>({n_row, n_dose}), Tensor<double>({n_row, n_dose}), {}};
  for (Index i = 0; i < n_row; ++i) {
    response.group.push_back(i);
    const double level = 3 * random.normal();
    const double own = gain + gain_sd * random.normal();
    for (Index d = 0; d < n_dose; ++d) {
      const double x = -1 + 2 * static_cast<double>(d) / static_cast<double>(n_dose - 1);
      response.value.matrix()(i, d) = x;
      response.report.matrix()(i, d) = level + own * x + noise * random.normal();
    }
  }
  return response;
}

TEST(DoseResponse, AnExactLineHasItsSlopeWhateverTheLevelsOfTheTexts) {
  const CausalGain gain = causal_gain(planted(30, 5, 0.7, 0, 0), kRange, {});
  EXPECT_NEAR(*gain.gain.estimate, 0.7, 1e-14);
  EXPECT_NEAR(gain.gain.interval->ci_low, 0.7, 1e-14);
  EXPECT_NEAR(*gain.r2_fit, 1, 1e-12);
  EXPECT_NEAR(*gain.row_gain_sd, 0, 1e-14);
  EXPECT_EQ(*gain.share_positive, 1);
  EXPECT_EQ(gain.n_in_range, 150);
}

TEST(DoseResponse, ThePooledGainIsTheMeanOfTheTextsOnes) {
  const CausalGain gain = causal_gain(planted(40, 7, 0.5, 0.3, 0.1), kRange, {});
  double mean = 0;
  for (const auto& row : gain.row_gain) mean += *row / 40;
  EXPECT_NEAR(*gain.gain.estimate, mean, 1e-13);
  EXPECT_LT(gain.gain.interval->ci_low, 0.5);
  EXPECT_GT(gain.gain.interval->ci_high, 0.5);
}

// Values outside of the range change nothing: there the report may do anything.
TEST(DoseResponse, OnlyTheNaturalRangeCounts) {
  DoseResponse response = planted(20, 9, 0.4, 0, 0);
  for (Index i = 0; i < 20; ++i) {
    response.value.matrix()(i, 8) = 5;
    response.report.matrix()(i, 8) = -100;
  }
  const CausalGain gain = causal_gain(response, kRange, {});
  EXPECT_NEAR(*gain.gain.estimate, 0.4, 1e-14);
  EXPECT_EQ(gain.n_in_range, 160);
  const CausalGain none = causal_gain(response, {10, 20, 15, 1}, {});
  EXPECT_FALSE(none.gain.estimate);
  EXPECT_EQ(none.n_in_range, 0);
}

TEST(DoseResponse, AReportThatIsTheValueHasIdentityOne) {
  DoseResponse response = planted(10, 5, 1, 0, 0);
  response.report = response.value;
  EXPECT_EQ(*causal_gain(response, kRange, {}).r2_identity, 1);
}

TEST(DoseResponse, CopiesOfATextDoNotNarrowTheInterval) {
  const DoseResponse once = planted(12, 5, 0.3, 0.4, 0.2);
  DoseResponse copies{Tensor<double>({120, 5}), Tensor<double>({120, 5}), {}};
  for (Index i = 0; i < 120; ++i) {
    for (Index d = 0; d < 5; ++d) {
      copies.value.matrix()(i, d) = once.value.matrix()(i / 10, d);
      copies.report.matrix()(i, d) = once.report.matrix()(i / 10, d);
    }
    copies.group.push_back(i / 10);
  }
  const BootstrapInterval a = causal_gain(once, kRange, {}).gain;
  const BootstrapInterval b = causal_gain(copies, kRange, {}).gain;
  EXPECT_NEAR(a.interval->ci_low, b.interval->ci_low, 1e-12);
  EXPECT_NEAR(a.interval->ci_high, b.interval->ci_high, 1e-12);
}

TEST(DoseResponse, DirectAndIndirectAddUp) {
  const DoseResponse total = planted(30, 5, 0.9, 0.1, 0.1, 1);
  DoseResponse direct = planted(30, 5, 0.6, 0.1, 0.1, 2);
  const BootstrapInterval indirect = gain_difference(total, direct, kRange, {});
  EXPECT_NEAR(*indirect.estimate,
              *causal_gain(total, kRange, {}).gain.estimate -
                  *causal_gain(direct, kRange, {}).gain.estimate,
              1e-13);
}

TEST(DoseResponse, NoEffectIsShownNotAssumed) {
  const auto none = gain_equivalence(planted(60, 5, 0, 0.05, 0.05), kRange, 0, {}, {});
  EXPECT_TRUE(none->equivalent);
  EXPECT_GT(none->equivalence_power, 0.9);
  const auto unclear = gain_equivalence(planted(6, 5, 0, 0.8, 0.5), kRange, 0, {}, {});
  EXPECT_FALSE(unclear->equivalent);
  EXPECT_GT(unclear->detectable, 0.1);
  const auto ideal = gain_equivalence(planted(60, 5, 1, 0.05, 0.05), kRange, 1, {}, {});
  EXPECT_TRUE(ideal->equivalent);
}

// The equivalence test errs in at most alpha of the studies whose effect lies at the margin: of
// 200, 10 expected, 3 standard errors are 9.2.
TEST(DoseResponse, EquivalenceKeepsItsLevelAtTheMargin) {
  int n_found = 0;
  for (std::uint64_t k = 0; k < 200; ++k) {
    BootstrapOptions bootstrap;
    bootstrap.n_bootstrap = 300;
    bootstrap.seed = k;
    n_found += gain_equivalence(planted(50, 3, 0.1, 0.1, 0.05, 100 + k), kRange, 0, {}, bootstrap)
                       ->equivalent
                   ? 1
                   : 0;
  }
  EXPECT_LE(n_found, 20);
  EXPECT_GE(n_found, 2);
}

TEST(DoseResponse, NecessityIsTheSlopeThatIsLost) {
  Random random(3, "necessity");
  std::vector<double> a, clean, ablated;
  std::vector<Index> groups;
  for (Index i = 0; i < 80; ++i) {
    groups.push_back(i);
    a.push_back(10 + random.normal());
    const double rest = 0.2 * a.back() + 0.05 * random.normal();
    clean.push_back(rest + 0.7 * a.back());
    ablated.push_back(rest + 0.7 * 10);
  }
  const Necessity result = necessity(a, clean, ablated, groups, {});
  EXPECT_NEAR(*result.carried.estimate, 0.7, 1e-12);
  EXPECT_NEAR(*result.clean_slope.estimate - *result.ablated_slope.estimate, 0.7, 1e-12);
  EXPECT_NEAR(result.carried.interval->ci_low, 0.7, 1e-9);
  EXPECT_GT(*result.clean_r, *result.ablated_r);
  EXPECT_GT(result.mean_change, 0);
}

// Texts differ in much else than the neuron: that does not hide what follows the donor.
TEST(DoseResponse, SufficiencyFollowsTheDonorOrNot) {
  Random random(4, "sufficiency");
  Tensor<double> donor({50, 4}), follows({50, 4}), ignores({50, 4});
  for (Index i = 0; i < 50; ++i) {
    const double level = 100 * random.normal();
    for (Index d = 0; d < 4; ++d) {
      donor.matrix()(i, d) = random.normal();
      follows.matrix()(i, d) = level + 0.8 * donor.matrix()(i, d) + random.normal();
      ignores.matrix()(i, d) = level + random.normal();
    }
  }
  const auto view = [](const Tensor<double>& tensor) { return tensor.matrix(); };
  const Sufficiency yes = sufficiency(view(donor), view(follows), 499, 1);
  EXPECT_EQ(yes.p_value, 1.0 / 500);
  EXPECT_EQ(yes.n_pair, 200);
  EXPECT_GT(*yes.r, yes.null_r_high);
  EXPECT_GT(*yes.slope, yes.null_slope_high);
  EXPECT_NEAR(*yes.slope, 0.8, 0.25);  // 3 standard errors, 1 / sqrt(150)
  const Sufficiency no = sufficiency(view(donor), view(ignores), 499, 1);
  EXPECT_GT(no.p_value, 0.01);
  EXPECT_LT(no.null_r_low, 0);
  // A report of the text alone does not vary within a row.
  Tensor<double> constant({50, 4});
  const Sufficiency none = sufficiency(view(donor), view(constant), 9, 1);
  EXPECT_FALSE(none.r);
  EXPECT_FALSE(none.why.empty());
  EXPECT_THROW(sufficiency(view(donor), view(donor), 0, 1), ArgumentError);
}

// Under no effect p is uniform: of 200 studies 10 lie below 0.05, 3 standard errors are 9.2.
TEST(DoseResponse, SufficiencyKeepsItsLevel) {
  int n_below = 0;
  for (std::uint64_t k = 0; k < 200; ++k) {
    Random random(k, "sufficiency level");
    Tensor<double> donor({12, 3}), report({12, 3});
    for (double& value : donor.values()) value = std::exp(random.normal());
    for (double& value : report.values()) value = std::exp(2 * random.normal());
    n_below +=
        sufficiency(std::as_const(donor).matrix(), std::as_const(report).matrix(), 99, k).p_value <=
                0.05
            ? 1
            : 0;
  }
  EXPECT_LE(n_below, 20);
}

TEST(DoseResponse, ANeuronWithoutARangeIsAnError) {
  EXPECT_THROW(natural_range(std::vector<double>{1}), ArgumentError);
  EXPECT_THROW(natural_range(std::vector<double>(50, 0.0)), ArgumentError);
  const NaturalRange range = natural_range(std::vector<double>{0, 1, 2, 3, 4});
  EXPECT_NEAR(range.low, 0.04, 1e-12);
  EXPECT_NEAR(range.high, 3.96, 1e-12);
  EXPECT_EQ(range.mean, 2);
}

TEST(MatchedUnits, TheNearestThatVaryAndWrite) {
  Random random(5, "matched_units");
  constexpr Index kUnits = 40;
  Tensor<double> values({200, kUnits});
  std::vector<double> norms, noise;
  for (Index i = 0; i < 200; ++i) noise.push_back(random.normal());
  // Mean and spread rise from unit to unit, so that the nearest are those beside it.
  for (Index u = 0; u < kUnits; ++u) {
    norms.push_back(u == 6 ? 0 : 1);
    const double sd = u == 7 ? 0 : 1 + 0.1 * static_cast<double>(u);
    for (Index i = 0; i < 200; ++i)
      values.matrix()(i, u) = static_cast<double>(u) + sd * noise[static_cast<std::size_t>(i)];
  }
  const auto units = matched_units(std::as_const(values).matrix(), norms, 5, 4, 1);
  ASSERT_EQ(units.size(), 4);
  for (const MatchedUnit& unit : units) {
    EXPECT_NE(unit.unit, 5);
    EXPECT_NE(unit.unit, 6);  // writes nothing
    EXPECT_NE(unit.unit, 7);  // does not vary
    EXPECT_LE(std::abs(unit.unit - 5), 7);
    EXPECT_NEAR(unit.mean, static_cast<double>(unit.unit), 1);
    EXPECT_GT(unit.distance, 0);
  }
  EXPECT_TRUE(std::ranges::is_sorted(units, {}, &MatchedUnit::distance));
  const auto again = matched_units(std::as_const(values).matrix(), norms, 5, 4, 1);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(units[i].unit, again[i].unit);
  EXPECT_EQ(matched_units(std::as_const(values).matrix(), norms, 5, 100, 1).size(), 37);
  EXPECT_TRUE(matched_units(std::as_const(values).matrix(), norms, 7, 4, 1).empty());
}

}  // namespace
}  // namespace gnomon
