// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/report_score.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "gnomon/stats/correlation.h"
#include "gnomon/stats/detail/sample.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;
using OptionalNumber = std::optional<double>;

// Below this share of Σ x² the subtraction of n x̄² has lost half of the digits.
constexpr double kCancelled = 1e-8;

// A column as mean + sd unit, unit with mean 0 and Σ unit² = n; sd is 0 where it is constant.
struct StandardColumn {
  double mean = 0;
  double sd = 0;
  Column unit;
};

StandardColumn standardise(std::span<const double> x) {
  detail::Centred centred = detail::centre(x);
  StandardColumn column;
  column.mean = centred.mean / centred.scale;
  column.unit = std::move(centred.difference);
  if (centred.constant) return column;
  const double sd = std::sqrt(centred.sum_squares / static_cast<double>(x.size()));
  for (double& value : column.unit) value /= sd;
  column.sd = sd / centred.scale;
  return column;
}

Column product(const Column& x, const Column& y) {
  Column result(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) result[i] = x[i] * y[i];
  return result;
}

// (report - truth)² in units of the truth's variance.
Column squared_errors(const ReportColumn& column, double sd) {
  Column result(column.truth.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double error = (column.report[i] - column.truth[i]) / sd;
    result[i] = error * error;
  }
  return result;
}

Column drawn_values(std::span<const double> x, const GroupResample& resample) {
  Column values;
  values.reserve(resample.rows().size());
  for (const Index i : resample.rows()) values.push_back(x[static_cast<std::size_t>(i)]);
  return values;
}

// Σ (x - x̄)² from sums, or nothing where it cancels.
OptionalNumber centred_square(double n, double sum, double sum_of_squares) {
  const double squares = sum_of_squares - sum * sum / n;
  if (!(squares > kCancelled * sum_of_squares)) return std::nullopt;
  return squares;
}

// R²(identity) of a resample, from the columns truth unit, its square and the squared error.
OptionalNumber resampled_r2(const ReportColumn& column, const GroupResample& resample,
                            std::size_t first) {
  const std::span<const double> sums = resample.sums();
  if (const OptionalNumber total = centred_square(sums[0], sums[first], sums[first + 1]))
    return 1 - sums[first + 2] / *total;
  return r2_identity(drawn_values(column.report, resample), drawn_values(column.truth, resample));
}

void check_rows(std::string_view function, const ReportColumn& column,
                std::span<const Index> groups) {
  detail::check_pair(function, "report", column.report, "truth", column.truth);
  detail::check_size(function, "groups", groups.size(), static_cast<Index>(column.truth.size()));
}

// The statistics of a score that have an interval.
enum Statistic : std::size_t { kR, kR2, kSlope, kIntercept, kStatistics };

std::vector<BootstrapInterval> score_intervals(const ReportColumn& column,
                                               const StandardColumn& report,
                                               const StandardColumn& truth,
                                               std::span<const Index> groups,
                                               const BootstrapOptions& options) {
  const Column& u = report.unit;
  const Column& v = truth.unit;
  const std::array<Column, 6> columns = {v, product(v, v), squared_errors(column, truth.sd),
                                         u, product(u, u), product(u, v)};
  const std::vector<std::span<const double>> views(columns.begin(), columns.end());
  return cluster_bootstrap_sums(
      views, groups, options, kStatistics, [&](const GroupResample& resample) {
        std::vector<OptionalNumber> values(kStatistics);
        values[kR2] = resampled_r2(column, resample, 1);
        if (report.sd == 0) return values;
        const std::span<const double> sums = resample.sums();
        const double n = sums[0];
        const OptionalNumber vv = centred_square(n, sums[1], sums[2]);
        const OptionalNumber uu = centred_square(n, sums[4], sums[5]);
        if (!vv || !uu) {
          const Column x = drawn_values(column.report, resample);
          const Column y = drawn_values(column.truth, resample);
          const SimpleRegression line = ols(x, y);
          values[kR] = pearson(x, y).r;
          values[kSlope] = line.slope;
          values[kIntercept] = line.intercept;
          return values;
        }
        const double uv = sums[6] - sums[4] * sums[1] / n;
        values[kR] = std::clamp(uv / (std::sqrt(*uu) * std::sqrt(*vv)), -1.0, 1.0);
        values[kSlope] = uv / *uu * (truth.sd / report.sd);
        values[kIntercept] = truth.mean + truth.sd * sums[1] / n -
                             *values[kSlope] * (report.mean + report.sd * sums[4] / n);
        return values;
      });
}

void add_reason(std::string& why, std::string_view reason) {
  if (reason.empty() || why.find(reason) != std::string::npos) return;
  if (!why.empty()) why += "; ";
  why += reason;
}

}  // namespace

ReportScore score_reports(std::span<const double> report, std::span<const double> truth,
                          std::span<const Index> groups, const BootstrapOptions& options) {
  const ReportColumn column{report, truth};
  check_rows("score_reports", column, groups);
  detail::check_level("score_reports", options.level);
  const Calibration calibration = calibrate(report, truth);
  ReportScore score;
  score.n = static_cast<Index>(truth.size());
  score.n_group = index_groups(groups).n_group;
  score.mean_absolute_error = calibration.mean_absolute_error;
  score.root_mean_square_error = calibration.root_mean_square_error;
  score.mean_error = calibration.mean_error;
  score.r2_identity = calibration.r2_identity;
  const StandardColumn u = standardise(report);
  const StandardColumn v = standardise(truth);
  if (score.n < 2) {
    score.why = "fewer than 2 rows";
    return score;
  }
  if (v.sd == 0) {
    score.why =
        u.sd == 0 ? "the activation and the reports are constant" : "the activation is constant";
    return score;
  }
  const std::vector<BootstrapInterval> intervals = score_intervals(column, u, v, groups, options);
  score.r2_identity_interval = intervals[kR2].interval;
  add_reason(score.why, intervals[kR2].why_undefined);
  if (u.sd == 0) {
    add_reason(score.why, "the reports are constant");
    return score;
  }
  score.r = pearson(report, truth).r;
  score.r2_fit = r2_fit(report, truth);
  score.spearman = spearman(report, truth).r;
  score.slope = calibration.truth_on_prediction.slope;
  score.intercept = calibration.truth_on_prediction.intercept;
  score.r_interval = intervals[kR].interval;
  score.slope_interval = intervals[kSlope].interval;
  score.intercept_interval = intervals[kIntercept].interval;
  add_reason(score.why, intervals[kR].why_undefined);
  const auto n_group = static_cast<double>(score.n_group);
  score.r_fisher = fisher_interval(*score.r, n_group, options.level);
  const CorrelationTest test = correlation_test(*score.r, n_group);
  score.p = test.p_value;
  score.log10_p = test.log10_p;
  return score;
}

bool R2Comparison::excludes_zero() const {
  return difference.interval &&
         (difference.interval->ci_low > 0 || difference.interval->ci_high < 0);
}

R2Comparison compare_r2(const ReportColumn& a, const ReportColumn& b, std::span<const Index> groups,
                        const BootstrapOptions& options) {
  check_rows("compare_r2", a, groups);
  check_rows("compare_r2", b, groups);
  std::vector<Column> columns;
  bool constant = false;
  for (const ReportColumn& column : {a, b}) {
    const StandardColumn truth = standardise(column.truth);
    constant = constant || truth.sd == 0;
    columns.push_back(truth.unit);
    columns.push_back(product(truth.unit, truth.unit));
    columns.push_back(squared_errors(column, truth.sd == 0 ? 1 : truth.sd));
  }
  const std::vector<std::span<const double>> views(columns.begin(), columns.end());
  std::vector<BootstrapInterval> intervals =
      cluster_bootstrap_sums(views, groups, options, 2, [&](const GroupResample& resample) {
        std::vector<OptionalNumber> values(2);
        if (constant) return values;
        const OptionalNumber r2_a = resampled_r2(a, resample, 1);
        const OptionalNumber r2_b = resampled_r2(b, resample, 4);
        if (!r2_a || !r2_b) return values;
        values[0] = *r2_a - *r2_b;
        if (*r2_b > 0) values[1] = *r2_a / *r2_b;
        return values;
      });
  R2Comparison result{std::move(intervals[0]), std::move(intervals[1])};
  if (constant) {
    result.difference.why_undefined = "a truth is constant";
    result.fraction.why_undefined = "a truth is constant";
  } else if (!result.fraction.estimate) {
    result.fraction.why_undefined = "the R² to divide by is not above 0";
  }
  return result;
}

}  // namespace gnomon
