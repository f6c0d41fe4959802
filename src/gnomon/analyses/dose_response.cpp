// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/dose_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/moments.h"
#include "gnomon/stats/permutation.h"
#include "gnomon/stats/quantile.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

// Sums over one row's doses in the range, about the row's means.
struct RowSums {
  double xx = 0, xy = 0, yy = 0;
  Index n = 0;
};

std::vector<RowSums> row_sums(const DoseResponse& response, const NaturalRange& range) {
  const MatrixView<const double> x = response.value.matrix();
  const MatrixView<const double> y = response.report.matrix();
  std::vector<RowSums> sums(static_cast<std::size_t>(x.rows));
  for (Index i = 0; i < x.rows; ++i) {
    RowSums& row = sums[static_cast<std::size_t>(i)];
    double x_mean = 0, y_mean = 0;
    for (Index d = 0; d < x.cols; ++d) {
      if (!range.holds(x(i, d))) continue;
      ++row.n;
      x_mean += x(i, d);
      y_mean += y(i, d);
    }
    if (row.n == 0) continue;
    x_mean /= static_cast<double>(row.n);
    y_mean /= static_cast<double>(row.n);
    for (Index d = 0; d < x.cols; ++d) {
      if (!range.holds(x(i, d))) continue;
      row.xx += (x(i, d) - x_mean) * (x(i, d) - x_mean);
      row.xy += (x(i, d) - x_mean) * (y(i, d) - y_mean);
      row.yy += (y(i, d) - y_mean) * (y(i, d) - y_mean);
    }
  }
  return sums;
}

void check_response(const DoseResponse& response) {
  if (response.value.shape() != response.report.shape() ||
      response.value.matrix().rows != static_cast<Index>(response.group.size())) {
    throw ShapeError(fmt::format("causal_gain: values {}, reports {} and {} groups",
                                 shape_text(response.value.shape()),
                                 shape_text(response.report.shape()), response.group.size()));
  }
  if (response.group.empty()) throw ArgumentError("causal_gain: no rows");
}

std::vector<double> picked(const std::vector<RowSums>& sums, double RowSums::*member) {
  std::vector<double> values;
  for (const RowSums& row : sums) values.push_back(row.*member);
  return values;
}

std::optional<double> ratio(double numerator, double denominator) {
  if (!(denominator > 0)) return std::nullopt;
  return numerator / denominator;
}

std::vector<double> flat(MatrixView<const double> matrix) {
  std::vector<double> values;
  for (Index i = 0; i < matrix.rows; ++i)
    values.insert(values.end(), matrix.row(i).begin(), matrix.row(i).end());
  return values;
}

// Rows of `width` numbers less their means.
std::vector<double> within_rows(std::vector<double> values, Index width) {
  const auto n = static_cast<std::size_t>(width);
  for (std::size_t first = 0; first < values.size(); first += n) {
    double mean = 0;
    for (std::size_t i = first; i < first + n; ++i) mean += values[i] / static_cast<double>(width);
    for (std::size_t i = first; i < first + n; ++i) values[i] -= mean;
  }
  return values;
}

// Slope of y on x from sums over a resample: n, Σx, Σx², Σxy, Σy in centred columns.
std::optional<double> slope(double n, double x, double xx, double y, double xy) {
  return ratio(xy - x * y / n, xx - x * x / n);
}

}  // namespace

NaturalRange natural_range(std::span<const double> training_values) {
  if (training_values.size() < 2)
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("natural_range: {} training rows, expected at least 2",
                                    training_values.size()));
  const std::array<double, 2> ends = {0.01, 0.99};
  const std::vector<double> at = quantiles(training_values, ends);
  Moments moments;
  moments.add(training_values);
  NaturalRange range{at[0], at[1], *moments.mean(), *moments.sd()};
  if (!(range.low < range.high))
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("natural_range: the neuron's quantiles 1 % and 99 % on the training rows are "
                    "both {:.6g}: there is no range to vary it over",
                    range.low),
        "choose a neuron that varies: gnomon scan lists them");
  return range;
}

CausalGain causal_gain(const DoseResponse& response, const NaturalRange& range,
                       const BootstrapOptions& options) {
  check_response(response);
  const std::vector<RowSums> sums = row_sums(response, range);
  CausalGain result;
  double xx = 0, xy = 0, yy = 0;
  Moments slopes;
  Index n_positive = 0;
  for (const RowSums& row : sums) {
    xx += row.xx;
    xy += row.xy;
    yy += row.yy;
    result.n_in_range += row.n;
    result.row_gain.push_back(ratio(row.xy, row.xx));
    if (!result.row_gain.back()) continue;
    slopes.add(*result.row_gain.back());
    n_positive += *result.row_gain.back() > 0 ? 1 : 0;
  }
  result.row_gain_sd = slopes.sd();
  if (slopes.n() > 0)
    result.share_positive = static_cast<double>(n_positive) / static_cast<double>(slopes.n());
  if (xx > 0) result.r2_fit = ratio(xy * xy / xx, yy);
  std::vector<double> values, reports;
  for (Index i = 0; i < response.value.size(); ++i) {
    const double value = response.value.values()[static_cast<std::size_t>(i)];
    if (!range.holds(value)) continue;
    values.push_back(value);
    reports.push_back(response.report.values()[static_cast<std::size_t>(i)]);
  }
  if (!values.empty()) result.r2_identity = r2_identity(reports, values);
  const std::vector<double> xx_of = picked(sums, &RowSums::xx);
  const std::vector<double> xy_of = picked(sums, &RowSums::xy);
  const std::array<std::span<const double>, 2> columns = {xx_of, xy_of};
  result.gain = cluster_bootstrap_sums(
                    columns, response.group, options, 1,
                    [](const GroupResample& resample) -> std::vector<std::optional<double>> {
                      return {ratio(resample.sums()[2], resample.sums()[1])};
                    })
                    .front();
  return result;
}

BootstrapInterval gain_difference(const DoseResponse& total, const DoseResponse& direct,
                                  const NaturalRange& range, const BootstrapOptions& options) {
  check_response(total);
  check_response(direct);
  const std::vector<RowSums> of_total = row_sums(total, range);
  const std::vector<RowSums> of_direct = row_sums(direct, range);
  const std::vector<double> xx = picked(of_total, &RowSums::xx);
  const std::vector<double> xy = picked(of_total, &RowSums::xy);
  const std::vector<double> direct_xy = picked(of_direct, &RowSums::xy);
  const std::array<std::span<const double>, 3> columns = {xx, xy, direct_xy};
  return cluster_bootstrap_sums(
             columns, total.group, options, 1,
             [](const GroupResample& resample) -> std::vector<std::optional<double>> {
               return {ratio(resample.sums()[2] - resample.sums()[3], resample.sums()[1])};
             })
      .front();
}

std::optional<EquivalenceTest> gain_equivalence(const DoseResponse& response,
                                                const NaturalRange& range, double reference,
                                                const EquivalenceOptions& equivalence,
                                                BootstrapOptions options) {
  options.level = 1 - 2 * equivalence.alpha;
  const CausalGain gain = causal_gain(response, range, options);
  if (!gain.gain.interval) return std::nullopt;
  return equivalence_test(*gain.gain.interval, reference, equivalence);
}

GainVerdict gain_verdict(const CausalGain& total, const std::optional<EquivalenceTest>& none,
                         const std::optional<EquivalenceTest>& ideal) {
  if (ideal && ideal->equivalent) return GainVerdict::follows;
  if (none && none->equivalent) return GainVerdict::no_effect;
  const std::optional<Interval>& interval = total.gain.interval;
  const bool holds_zero = !interval || (interval->ci_low <= 0 && interval->ci_high >= 0);
  return holds_zero ? GainVerdict::undecided : GainVerdict::depends;
}

std::string_view gain_verdict_name(GainVerdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"follows", "no_effect", "depends",
                                                      "undecided"};
  return kNames[static_cast<std::size_t>(verdict)];
}

std::vector<DosePoint> dose_points(const DoseResponse& response, std::span<const double> doses,
                                   std::span<const double> clean_report, const NaturalRange& range,
                                   const std::optional<Tensor<double>>& direct) {
  check_response(response);
  const MatrixView<const double> report = response.report.matrix();
  if (static_cast<Index>(doses.size()) != report.cols ||
      static_cast<Index>(clean_report.size()) != report.rows ||
      (direct && direct->shape() != response.report.shape()))
    throw ShapeError("dose_points: doses, clean and direct reports do not fit the response");
  std::vector<DosePoint> points;
  for (Index d = 0; d < report.cols; ++d) {
    Moments of_value, of_report, of_change, of_direct;
    Index n_in_range = 0;
    for (Index i = 0; i < report.rows; ++i) {
      const double value = response.value.matrix()(i, d);
      n_in_range += range.holds(value) ? 1 : 0;
      of_value.add(value);
      of_report.add(report(i, d));
      of_change.add(report(i, d) - clean_report[static_cast<std::size_t>(i)]);
      if (direct) of_direct.add(direct->matrix()(i, d));
    }
    points.push_back({doses[static_cast<std::size_t>(d)], *of_value.mean(),
                      static_cast<double>(n_in_range) / static_cast<double>(report.rows),
                      *of_report.mean(), of_report.sd().value_or(0), *of_change.mean(),
                      of_direct.mean()});
  }
  return points;
}

Necessity necessity(std::span<const double> activation, std::span<const double> clean_report,
                    std::span<const double> ablated_report, std::span<const Index> groups,
                    const BootstrapOptions& options) {
  Moments of_activation, of_clean;
  of_activation.add(activation);
  of_clean.add(clean_report);
  if (activation.size() != clean_report.size() || activation.size() != ablated_report.size())
    throw ShapeError("necessity: columns of different lengths");
  // About the means, so that sums of squares do not cancel.
  const double a_mean = of_activation.mean().value_or(0);
  const double y_mean = of_clean.mean().value_or(0);
  std::vector<double> a, y, z, aa, ay, az;
  Necessity result;
  for (std::size_t i = 0; i < activation.size(); ++i) {
    a.push_back(activation[i] - a_mean);
    y.push_back(clean_report[i] - y_mean);
    z.push_back(ablated_report[i] - y_mean);
    aa.push_back(a[i] * a[i]);
    ay.push_back(a[i] * y[i]);
    az.push_back(a[i] * z[i]);
    const double change = std::abs(ablated_report[i] - clean_report[i]);
    result.mean_change += change / static_cast<double>(activation.size());
    result.largest_change = std::max(result.largest_change, change);
  }
  const std::array<std::span<const double>, 6> columns = {a, y, z, aa, ay, az};
  const auto intervals = cluster_bootstrap_sums(
      columns, groups, options, 3,
      [](const GroupResample& resample) -> std::vector<std::optional<double>> {
        const std::span<const double> s = resample.sums();
        const auto clean = slope(s[0], s[1], s[4], s[2], s[5]);
        const auto ablated = slope(s[0], s[1], s[4], s[3], s[6]);
        std::optional<double> carried;
        if (clean && ablated) carried = *clean - *ablated;
        return {clean, ablated, carried};
      });
  result.clean_slope = intervals[0];
  result.ablated_slope = intervals[1];
  result.carried = intervals[2];
  result.clean_r = pearson(activation, clean_report).r;
  result.ablated_r = pearson(activation, ablated_report).r;
  return result;
}

Sufficiency sufficiency(MatrixView<const double> donor_value, MatrixView<const double> report,
                        Index n_shuffle, std::uint64_t seed) {
  if (donor_value.rows != report.rows || donor_value.cols != report.cols)
    throw ShapeError("sufficiency: donors and reports of different shapes");
  if (n_shuffle < 1 || donor_value.cols < 2)
    throw ArgumentError(
        fmt::format("sufficiency: {} donors and {} shuffles, expected at least 2 "
                    "donors and 1 shuffle",
                    donor_value.cols, n_shuffle));
  Sufficiency result;
  result.n_pair = donor_value.rows * donor_value.cols;
  const std::vector<double> y = within_rows(flat(report), report.cols);
  std::vector<double> donors = flat(donor_value);
  const std::vector<double> x = within_rows(donors, report.cols);
  const SimpleRegression line = ols(x, y);
  const Correlation r = pearson(x, y);
  result.slope = line.slope;
  result.r = r.r;
  if (!line.slope || !r.r) {
    result.why =
        r.why_undefined.empty() ? std::string(line.why_undefined) : std::string(r.why_undefined);
    return result;
  }
  Random random(seed, "patch/donor_shuffle");
  std::vector<double> null_r, null_slope, null_magnitude;
  for (Index k = 0; k < n_shuffle; ++k) {
    random.shuffle(donors);
    const std::vector<double> shuffled = within_rows(donors, report.cols);
    null_r.push_back(pearson(shuffled, y).r.value_or(0));
    null_slope.push_back(ols(shuffled, y).slope.value_or(0));
    null_magnitude.push_back(std::abs(null_r.back()));
  }
  result.n_shuffle = n_shuffle;
  result.p_value = permutation_p_value(null_magnitude, std::abs(*r.r));
  const std::array<double, 2> ends = {0.025, 0.975};
  const std::vector<double> of_r = quantiles(null_r, ends);
  const std::vector<double> of_slope = quantiles(null_slope, ends);
  result.null_r_low = of_r[0];
  result.null_r_high = of_r[1];
  result.null_slope_low = of_slope[0];
  result.null_slope_high = of_slope[1];
  return result;
}

}  // namespace gnomon
