// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"

namespace gnomon {
namespace {

struct Rows {
  std::vector<double> a;
  std::vector<double> b;
  std::vector<double> truth;
  std::vector<Index> groups;
};

Rows make_rows(Index n_group) {
  Random random(1, "bootstrap_test");
  Rows rows;
  for (Index g = 0; g < n_group; ++g) {
    const double shared = random.normal();
    for (std::uint64_t k = random.below(4) + 1; k > 0; --k) {
      const double truth = shared + random.normal();
      rows.truth.push_back(truth);
      rows.a.push_back(1e6 + truth + random.normal());
      rows.b.push_back(truth + 3 * random.normal());
      rows.groups.push_back(g);
    }
  }
  return rows;
}

std::vector<double> take(std::span<const double> x, std::span<const Index> rows) {
  std::vector<double> taken;
  for (const Index i : rows) taken.push_back(x[i]);
  return taken;
}

TEST(BootstrapCorrelations, EqualTheGeneralBootstrap) {
  const Rows rows = make_rows(30);
  const BootstrapOptions options{.n_bootstrap = 300, .seed = 5};
  const std::vector<std::span<const double>> columns = {rows.a, rows.b};
  const std::vector<BootstrapInterval> fast =
      bootstrap_correlations(columns, rows.truth, rows.groups, options);
  ASSERT_EQ(fast.size(), 2U);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const BootstrapInterval general =
        cluster_bootstrap(rows.groups, options, [&](std::span<const Index> drawn) {
          return pearson(take(columns[k], drawn), take(rows.truth, drawn)).r;
        });
    EXPECT_EQ(fast[k].estimate, general.estimate);
    // Sums of about 75 terms of size 1: a few hundred eps.
    EXPECT_NEAR(fast[k].interval.value().ci_low, general.interval.value().ci_low, 1e-13);
    EXPECT_NEAR(fast[k].interval.value().ci_high, general.interval.value().ci_high, 1e-13);
    EXPECT_LT(fast[k].interval->ci_low, *fast[k].estimate);
    EXPECT_GT(fast[k].interval->ci_high, *fast[k].estimate);
    EXPECT_EQ(fast[k].n, static_cast<Index>(rows.truth.size()));
    EXPECT_EQ(fast[k].n_group, 30);
    EXPECT_EQ(fast[k].n_undefined, 0);
    EXPECT_EQ(fast[k].interval->level, 0.95);
  }
}

TEST(BootstrapCorrelations, SameSeedSameBytes) {
  const Rows rows = make_rows(20);
  const std::vector<std::span<const double>> columns = {rows.a};
  const auto low = [&](std::uint64_t seed) {
    return bootstrap_correlations(columns, rows.truth, rows.groups,
                                  {.n_bootstrap = 100, .seed = seed})[0]
        .interval->ci_low;
  };
  EXPECT_EQ(low(1), low(1));
  EXPECT_NE(low(1), low(2));
}

TEST(BootstrapCorrelations, ResamplesFarFromTheMeanKeepTheirDigits) {
  // One group lies so far out that all other rows look equal from the overall mean; the resamples
  // without it need the exact path.
  Rows rows = make_rows(12);
  rows.truth.push_back(1e9);
  rows.b.push_back(1e9);
  rows.groups.push_back(99);
  const BootstrapOptions options{.n_bootstrap = 200, .seed = 2};
  const std::vector<std::span<const double>> columns = {rows.b};
  const BootstrapInterval fast =
      bootstrap_correlations(columns, rows.truth, rows.groups, options)[0];
  const BootstrapInterval general = cluster_bootstrap(
      rows.groups, {.n_bootstrap = 200, .seed = 2}, [&](std::span<const Index> drawn) {
        return pearson(take(rows.b, drawn), take(rows.truth, drawn)).r;
      });
  EXPECT_LT(fast.interval.value().ci_low, 0.9);
  EXPECT_NEAR(fast.interval->ci_low, general.interval.value().ci_low, 1e-7);
  EXPECT_NEAR(fast.interval->ci_high, general.interval.value().ci_high, 1e-7);
}

TEST(BootstrapCorrelations, CountsUndefinedResamples) {
  // x differs in group 2 only; a resample without it is constant: (2/3)³ = 30 % of them, and y
  // alike.
  const std::vector<double> x = {1, 1, 1, 1, 5, 7};
  const std::vector<double> y = {1, 2, 3, 4, 5, 6};
  const std::vector<Index> groups = {0, 0, 1, 1, 2, 2};
  const std::vector<std::span<const double>> columns = {x};
  const BootstrapInterval result =
      bootstrap_correlations(columns, y, groups, {.n_bootstrap = 2000, .seed = 3})[0];
  const double expected = 2000 * 8.0 / 27;
  EXPECT_NEAR(static_cast<double>(result.n_undefined), expected, 4 * std::sqrt(expected * 19 / 27));
  EXPECT_TRUE(result.interval);
  EXPECT_EQ(result.n_bootstrap, 2000);
}

TEST(BootstrapCorrelations, SaysWhyThereIsNone) {
  const std::vector<double> x = {1, 2, 3, 4};
  const std::vector<double> constant(4, 2.0);
  const std::vector<std::span<const double>> columns = {x, constant};
  const std::vector<BootstrapInterval> of_one_group =
      bootstrap_correlations(columns, x, std::vector<Index>{7, 7, 7, 7}, {.n_bootstrap = 10});
  EXPECT_EQ(of_one_group[0].estimate, 1.0);
  EXPECT_FALSE(of_one_group[0].interval);
  EXPECT_EQ(of_one_group[0].why_undefined, "all rows are of one group");
  EXPECT_FALSE(of_one_group[1].estimate);
  EXPECT_EQ(of_one_group[1].why_undefined, "the first column is constant");
  EXPECT_EQ(of_one_group[1].n_undefined, 10);
  // Two groups, each constant in x: half of the resamples are undefined, then more with y constant.
  const std::vector<double> rare = {0, 0, 0, 1};
  const std::vector<std::span<const double>> rare_columns = {rare};
  const BootstrapInterval mostly = bootstrap_correlations(
      rare_columns, rare, std::vector<Index>{0, 0, 0, 1}, {.n_bootstrap = 1001, .seed = 8})[0];
  EXPECT_EQ(mostly.interval.has_value(), 2 * mostly.n_undefined <= 1001);
}

TEST(BootstrapCorrelations, RefusesBadInput) {
  const std::vector<double> x = {1, 2, std::nan("")};
  const std::vector<double> y = {1, 2, 3};
  const std::vector<Index> groups = {0, 1, 2};
  const std::vector<std::span<const double>> columns = {y, x};
  try {
    bootstrap_correlations(columns, y, groups, {});
    FAIL() << "expected NumericError";
  } catch (const NumericError& error) {
    EXPECT_STREQ(error.what(),
                 "bootstrap_correlations: column 1[2] is nan, expected a finite number");
  }
  const std::vector<std::span<const double>> good = {y};
  EXPECT_THROW(bootstrap_correlations(good, y, std::vector<Index>{0}, {}), ShapeError);
  EXPECT_THROW(bootstrap_correlations(good, y, groups, {.n_bootstrap = 0}), ArgumentError);
  EXPECT_THROW(bootstrap_correlations(good, y, groups, {.level = 1}), ArgumentError);
  EXPECT_THROW(bootstrap_correlations({}, {}, {}, {}), ArgumentError);
}

TEST(BootstrapCorrelationDifference, IsPaired) {
  const Rows rows = make_rows(40);
  const BootstrapOptions options{.n_bootstrap = 500, .seed = 4};
  const BootstrapInterval difference =
      bootstrap_correlation_difference(rows.a, rows.b, rows.truth, rows.groups, options);
  EXPECT_NEAR(difference.estimate.value(),
              *pearson(rows.a, rows.truth).r - *pearson(rows.b, rows.truth).r, 1e-15);
  EXPECT_GT(difference.interval.value().ci_low, 0);
  // A column against itself differs by nothing in every resample; independent resamples would not.
  const BootstrapInterval none =
      bootstrap_correlation_difference(rows.a, rows.a, rows.truth, rows.groups, options);
  EXPECT_EQ(none.interval.value().ci_low, 0);
  EXPECT_EQ(none.interval.value().ci_high, 0);
  const std::vector<double> constant(rows.a.size(), 1.0);
  EXPECT_FALSE(bootstrap_correlation_difference(rows.a, constant, rows.truth, rows.groups, options)
                   .estimate);
}

TEST(ClusterBootstrap, OfAMean) {
  // Groups of one: the bootstrap standard deviation of a mean is sd (dividing by n) / sqrt n.
  Random random(6, "bootstrap_test");
  std::vector<double> x;
  std::vector<Index> groups;
  double sum = 0;
  for (Index i = 0; i < 400; ++i) {
    x.push_back(random.normal());
    sum += x.back();
    groups.push_back(i);
  }
  const double mean = sum / 400;
  double squares = 0;
  for (const double value : x) squares += (value - mean) * (value - mean);
  const double se = std::sqrt(squares / 400 / 400);
  const BootstrapInterval interval =
      cluster_bootstrap(groups, {.n_bootstrap = 4000}, [&](std::span<const Index> rows) {
        double total = 0;
        for (const Index i : rows) total += x[i];
        return std::optional<double>(total / static_cast<double>(rows.size()));
      });
  // A 2.5 % quantile of 4000 normal draws has a standard error of sqrt(.025 .975 / 4000) / 0.0584 =
  // 0.042.
  EXPECT_NEAR(interval.interval.value().ci_low, mean - 1.96 * se, 4 * 0.042 * se);
  EXPECT_NEAR(interval.interval.value().ci_high, mean + 1.96 * se, 4 * 0.042 * se);
  EXPECT_THROW(
      cluster_bootstrap(groups, {},
                        [](std::span<const Index>) {
                          return std::optional<double>(std::numeric_limits<double>::quiet_NaN());
                        }),
      NumericError);
}

TEST(ClusterBootstrapSums, EqualsTheGeneralBootstrap) {
  const Rows rows = make_rows(25);
  const BootstrapOptions options{.n_bootstrap = 200, .seed = 6};
  const std::vector<std::span<const double>> columns = {rows.truth, rows.b};
  const auto mean_of = [](const std::vector<double>& x) {
    double sum = 0;
    for (const double value : x) sum += value;
    return sum / static_cast<double>(x.size());
  };
  const std::vector<BootstrapInterval> joint =
      cluster_bootstrap_sums(columns, rows.groups, options, 3, [&](const GroupResample& resample) {
        const std::span<const double> sums = resample.sums();
        EXPECT_EQ(sums.size(), 3U);
        EXPECT_EQ(sums[0], static_cast<double>(resample.rows().size()));
        return std::vector<std::optional<double>>{sums[1] / sums[0], sums[2] / sums[0],
                                                  std::nullopt};
      });
  ASSERT_EQ(joint.size(), 3U);
  const std::vector<std::vector<double>> data = {rows.truth, rows.b};
  for (std::size_t k = 0; k < 2; ++k) {
    const BootstrapInterval general =
        cluster_bootstrap(rows.groups, options, [&](std::span<const Index> drawn) {
          return std::optional<double>(mean_of(take(data[k], drawn)));
        });
    EXPECT_NEAR(*joint[k].estimate, *general.estimate, 1e-13);
    EXPECT_NEAR(joint[k].interval->ci_low, general.interval->ci_low, 1e-13);
    EXPECT_NEAR(joint[k].interval->ci_high, general.interval->ci_high, 1e-13);
    EXPECT_EQ(joint[k].n_group, 25);
  }
  EXPECT_FALSE(joint[2].estimate || joint[2].interval);
  EXPECT_EQ(joint[2].n_undefined, 200);
}

TEST(ClusterBootstrapSums, RefusesBadInput) {
  const std::vector<double> x = {1, 2, 3};
  const std::vector<Index> groups = {0, 1, 2};
  const std::vector<std::span<const double>> columns = {x};
  const auto constant = [](double value, std::size_t n) {
    return
        [value, n](const GroupResample&) { return std::vector<std::optional<double>>(n, value); };
  };
  EXPECT_THROW(cluster_bootstrap_sums(columns, std::vector<Index>{0}, {}, 1, constant(1, 1)),
               ShapeError);
  EXPECT_THROW(cluster_bootstrap_sums(columns, groups, {}, 2, constant(1, 1)), ShapeError);
  EXPECT_THROW(cluster_bootstrap_sums(columns, groups, {}, 1, constant(NAN, 1)), NumericError);
  EXPECT_THROW(cluster_bootstrap_sums(columns, {}, {}, 1, constant(1, 1)), ArgumentError);
  EXPECT_THROW(cluster_bootstrap_sums(columns, groups, {.n_bootstrap = 0}, 1, constant(1, 1)),
               ArgumentError);
}

}  // namespace
}  // namespace gnomon
