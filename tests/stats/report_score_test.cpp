// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/report_score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

struct Rows {
  Column report;
  Column truth;
  std::vector<Index> groups;
};

// Groups of one to four rows that share a part of their truth.
Rows make_rows(Index n_group, double noise) {
  Random random(3, "report score test");
  Rows rows;
  for (Index g = 0; g < n_group; ++g) {
    const double shared = random.normal();
    for (std::uint64_t k = random.below(4) + 1; k > 0; --k) {
      rows.truth.push_back(40 + 3 * (shared + random.normal()));
      rows.report.push_back(rows.truth.back() + noise * random.normal());
      rows.groups.push_back(g);
    }
  }
  return rows;
}

Column drawn(const Column& x, std::span<const Index> rows) {
  Column values;
  for (const Index i : rows) values.push_back(x[static_cast<std::size_t>(i)]);
  return values;
}

// SciPy 1.17.1, x = report, y = truth:
//   r = pearsonr(x, y); spearmanr(x, y); linregress(x, y); 1 - ((y - x)**2).sum() / ((y -
//   y.mean())**2).sum(); np.abs(x - y).mean(); ((x - y)**2).mean()**0.5; (x - y).mean()
//   n = 5; log10(2 * beta.cdf(-|r|, n/2 - 1, n/2 - 1, loc=-1, scale=2))
//   tanh(arctanh(r) + [-1, 1] * norm.ppf(0.975) / sqrt(n - 3))
TEST(ScoreReports, MatchesScipy) {
  const Column truth = {0.3, -1.2, 2.5, 0.9, -0.4, 1.7, 3.1, -2.2, 0.1, 1.0};
  const Column report = {0.1, -0.8, 1.9, 1.4, -0.1, 0.9, 2.2, -1.5, 0.4, 0.2};
  const std::vector<Index> groups = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4};
  const ReportScore score = score_reports(report, truth, groups, {});
  EXPECT_EQ(score.n, 10);
  EXPECT_EQ(score.n_group, 5);
  EXPECT_TRUE(score.why.empty()) << score.why;
  constexpr double kRounding = 1e-14;
  EXPECT_NEAR(*score.r, 0.9553208188964956, kRounding);
  EXPECT_NEAR(*score.spearman, 0.9151515151515152, kRounding);
  EXPECT_NEAR(*score.slope, 1.3368533949344115, kRounding);
  EXPECT_NEAR(*score.intercept, -0.048321095619173526, kRounding);
  EXPECT_NEAR(*score.r2_fit, 0.9553208188964956 * 0.9553208188964956, kRounding);
  EXPECT_NEAR(*score.r2_identity, 0.8495955510616785, kRounding);
  EXPECT_NEAR(score.mean_absolute_error, 0.55, kRounding);
  EXPECT_NEAR(score.root_mean_square_error, 0.5974947698515862, kRounding);
  EXPECT_NEAR(score.mean_error, -0.11, kRounding);
  EXPECT_NEAR(*score.log10_p, -1.9484405131332148, 1e-12);
  EXPECT_NEAR(std::log10(*score.p), *score.log10_p, 1e-12);
  EXPECT_NEAR(score.r_fisher->ci_low, 0.46486302, 1e-8);
  EXPECT_NEAR(score.r_fisher->ci_high, 0.99714559, 1e-8);
}

// What cluster_bootstrap gives with the plain statistics, resample by resample.
TEST(ScoreReports, IntervalsAreThoseOfTheGeneralBootstrap) {
  const Rows rows = make_rows(40, 2);
  const BootstrapOptions options{.n_bootstrap = 300, .seed = 11};
  const ReportScore score = score_reports(rows.report, rows.truth, rows.groups, options);
  const auto expect_interval = [&](const std::string& name, const std::optional<Interval>& actual,
                                   const auto& statistic, double tolerance) {
    const BootstrapInterval expected =
        cluster_bootstrap(rows.groups, options, [&](std::span<const Index> drawn_rows) {
          return statistic(drawn(rows.report, drawn_rows), drawn(rows.truth, drawn_rows));
        });
    ASSERT_TRUE(actual && expected.interval) << name;
    EXPECT_NEAR(actual->ci_low, expected.interval->ci_low, tolerance) << name;
    EXPECT_NEAR(actual->ci_high, expected.interval->ci_high, tolerance) << name;
  };
  using Optional = std::optional<double>;
  // Sums of about 100 terms of size 1, a few hundred eps; times 40 for the intercept.
  const double tolerance = 1e-12;
  expect_interval(
      "r", score.r_interval, [](const Column& x, const Column& y) { return pearson(x, y).r; },
      tolerance);
  expect_interval(
      "r2", score.r2_identity_interval,
      [](const Column& x, const Column& y) { return r2_identity(x, y); }, tolerance);
  expect_interval(
      "slope", score.slope_interval,
      [](const Column& x, const Column& y) -> Optional { return ols(x, y).slope; }, tolerance);
  expect_interval(
      "intercept", score.intercept_interval,
      [](const Column& x, const Column& y) -> Optional { return ols(x, y).intercept; },
      100 * tolerance);
}

// A run of the original study had r = 0.76 and R² near -1.2: r alone does not see the scale.
TEST(ScoreReports, AGoodCorrelationCanBeAWorthlessReport) {
  Rows rows = make_rows(120, 2.75);
  for (double& report : rows.report) report += 5.5;
  const ReportScore score = score_reports(rows.report, rows.truth, rows.groups, {});
  EXPECT_GT(*score.r, 0.7);
  EXPECT_GT(score.r_interval->ci_low, 0.6);
  EXPECT_LT(*score.r2_identity, -1);
  EXPECT_LT(score.r2_identity_interval->ci_high, 0);
  EXPECT_GT(*score.r2_fit, 0.5);
  EXPECT_NEAR(score.mean_error, 5.5, 0.7);
  EXPECT_TRUE(score.why.empty());
}

TEST(ScoreReports, PerfectReports) {
  const Rows rows = make_rows(30, 0);
  const ReportScore score = score_reports(rows.report, rows.truth, rows.groups, {});
  EXPECT_EQ(*score.r, 1);
  EXPECT_EQ(*score.r2_identity, 1);
  EXPECT_EQ(score.r2_identity_interval->ci_low, 1);
  EXPECT_EQ(score.r2_identity_interval->ci_high, 1);
  EXPECT_NEAR(*score.slope, 1, 1e-14);
  EXPECT_NEAR(score.slope_interval->ci_low, 1, 1e-12);
  EXPECT_NEAR(score.slope_interval->ci_high, 1, 1e-12);
  EXPECT_NEAR(*score.intercept, 0, 1e-12);
  EXPECT_NEAR(*score.spearman, 1, 1e-14);
  EXPECT_EQ(score.mean_absolute_error, 0);
  EXPECT_EQ(score.mean_error, 0);
  EXPECT_GT(*score.p, 0);
}

TEST(ScoreReports, UnrelatedReportsHaveAnIntervalAroundZero) {
  Rows rows = make_rows(100, 0);
  Random random(8, "unrelated");
  for (double& report : rows.report) report = 40 + random.normal();
  const ReportScore score = score_reports(rows.report, rows.truth, rows.groups, {});
  EXPECT_LT(score.r_interval->ci_low, 0);
  EXPECT_GT(score.r_interval->ci_high, 0);
  EXPECT_LT(*score.r2_identity, 0.05);
}

TEST(ScoreReports, ConstantsHaveNoScoreAndAReason) {
  const Rows rows = make_rows(20, 1);
  const Column constant(rows.truth.size(), 40.0);
  const ReportScore reports = score_reports(constant, rows.truth, rows.groups, {});
  EXPECT_FALSE(reports.r || reports.r2_fit || reports.slope || reports.spearman || reports.p);
  EXPECT_TRUE(reports.r2_identity && reports.r2_identity_interval);
  EXPECT_EQ(reports.why, "the reports are constant");
  const ReportScore truths = score_reports(rows.report, constant, rows.groups, {});
  EXPECT_FALSE(truths.r || truths.r2_identity || truths.slope || truths.r2_identity_interval);
  EXPECT_EQ(truths.why, "the activation is constant");
  EXPECT_GT(truths.mean_absolute_error, 0);
  const ReportScore both = score_reports(constant, constant, rows.groups, {});
  EXPECT_EQ(both.why, "the activation and the reports are constant");
  const Column one = {1};
  const ReportScore single = score_reports(one, one, std::vector<Index>{0}, {});
  EXPECT_EQ(single.why, "fewer than 2 rows");
  EXPECT_FALSE(single.r || single.r2_identity);
}

TEST(ScoreReports, OneGroupHasNoInterval) {
  const Rows rows = make_rows(20, 1);
  const std::vector<Index> one_group(rows.truth.size(), 7);
  const ReportScore score = score_reports(rows.report, rows.truth, one_group, {});
  EXPECT_TRUE(score.r && score.r2_identity);
  EXPECT_FALSE(score.r_interval || score.r2_identity_interval || score.slope_interval);
  EXPECT_EQ(score.why, "all rows are of one group");
  EXPECT_EQ(*score.p, 1);
}

// One group far away: without it the rest is 1e-6 of its distance from the mean of all, where sums
// of squares have lost every digit.
TEST(ScoreReports, ResamplesWithoutAnOutlierKeepTheirDigits) {
  Column truth;
  Column report;
  std::vector<Index> groups;
  Random random(9, "outlier");
  for (Index g = 0; g < 12; ++g) {
    truth.push_back(g == 0 ? 1e7 : random.normal());
    report.push_back(g == 0 ? 1e7 : truth.back() + 0.1 * random.normal());
    groups.push_back(g);
  }
  const BootstrapOptions options{.n_bootstrap = 200, .seed = 2};
  const ReportScore score = score_reports(report, truth, groups, options);
  const BootstrapInterval expected =
      cluster_bootstrap(groups, options, [&](std::span<const Index> rows) {
        return r2_identity(drawn(report, rows), drawn(truth, rows));
      });
  EXPECT_NEAR(score.r2_identity_interval->ci_low, expected.interval->ci_low, 1e-9);
  EXPECT_LT(score.r2_identity_interval->ci_low, 0.999);
}

TEST(ScoreReports, RefusesBadInput) {
  const Column x = {1, 2};
  const std::vector<Index> groups = {0, 1};
  EXPECT_THROW(score_reports({}, {}, {}, {}), ArgumentError);
  EXPECT_THROW(score_reports(x, Column{1}, groups, {}), ShapeError);
  EXPECT_THROW(score_reports(x, x, std::vector<Index>{0}, {}), ShapeError);
  EXPECT_THROW(score_reports(x, Column{1, std::nan("")}, groups, {}), NumericError);
  EXPECT_THROW(score_reports(x, x, groups, {.level = 1}), ArgumentError);
}

TEST(CompareR2, IsPaired) {
  // b is a with a little more noise: the two intervals overlap, that of the difference excludes 0.
  const Rows rows = make_rows(150, 2);
  Random random(4, "more noise");
  Column worse = rows.report;
  for (double& report : worse) report += 0.8 * random.normal();
  const BootstrapOptions options{.seed = 5};
  const ReportScore a = score_reports(rows.report, rows.truth, rows.groups, options);
  const ReportScore b = score_reports(worse, rows.truth, rows.groups, options);
  EXPECT_GT(b.r2_identity_interval->ci_high, a.r2_identity_interval->ci_low);
  const R2Comparison comparison =
      compare_r2({rows.report, rows.truth}, {worse, rows.truth}, rows.groups, options);
  EXPECT_NEAR(*comparison.difference.estimate, *a.r2_identity - *b.r2_identity, 1e-13);
  EXPECT_NEAR(*comparison.fraction.estimate, *a.r2_identity / *b.r2_identity, 1e-13);
  EXPECT_GT(comparison.difference.interval->ci_low, 0);
  EXPECT_TRUE(comparison.excludes_zero());
  EXPECT_GT(comparison.fraction.interval->ci_low, 1);
  const R2Comparison same =
      compare_r2({worse, rows.truth}, {worse, rows.truth}, rows.groups, options);
  EXPECT_EQ(same.difference.interval->ci_low, 0);
  EXPECT_EQ(same.difference.interval->ci_high, 0);
  EXPECT_FALSE(same.excludes_zero());
}

TEST(CompareR2, NoFractionOfNothing) {
  const Rows rows = make_rows(50, 1);
  const Column bad(rows.truth.size(), 100.0);
  const R2Comparison comparison =
      compare_r2({rows.report, rows.truth}, {bad, rows.truth}, rows.groups, {});
  EXPECT_TRUE(comparison.difference.estimate);
  EXPECT_FALSE(comparison.fraction.estimate || comparison.fraction.interval);
  EXPECT_EQ(comparison.fraction.why_undefined, "the R² to divide by is not above 0");
  const Column constant(rows.truth.size(), 1.0);
  const R2Comparison none =
      compare_r2({rows.report, rows.truth}, {rows.report, constant}, rows.groups, {});
  EXPECT_FALSE(none.difference.estimate || none.excludes_zero());
  EXPECT_EQ(none.difference.why_undefined, "a truth is constant");
}

}  // namespace
}  // namespace gnomon
