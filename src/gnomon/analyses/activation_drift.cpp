// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/activation_drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "gnomon/analyses/study.h"
#include "gnomon/base/error.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/distance.h"
#include "gnomon/stats/moments.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

constexpr double kCollapsed = 0.5;
constexpr double kExpanded = 2;
constexpr double kKeptLow = 0.8;
constexpr double kKeptHigh = 1.25;

ActivationSummary summarize(std::span<const double> values) {
  Moments moments;
  moments.add(values);
  const Column q = quantiles(values, std::array{0.05, 0.25, 0.5, 0.75, 0.95});
  return {*moments.mean(), moments.sd().value_or(0), *moments.min(), q[0], q[1], q[2], q[3], q[4],
          *moments.max()};
}

bool is_constant(std::span<const double> values) { return !pearson(values, values).r; }

std::optional<double> sd_ratio_of(std::span<const double> initial,
                                  std::span<const double> current) {
  if (is_constant(initial)) return std::nullopt;
  if (is_constant(current)) return 0.0;
  Moments before;
  Moments after;
  before.add(initial);
  after.add(current);
  return *after.sd() / *before.sd();
}

}  // namespace

std::string_view spread_verdict_name(SpreadVerdict verdict) {
  switch (verdict) {
    case SpreadVerdict::collapsed:
      return "collapsed";
    case SpreadVerdict::kept:
      return "kept";
    case SpreadVerdict::expanded:
      return "expanded";
    case SpreadVerdict::changed:
      return "changed";
    default:
      return "unclear";
  }
}

SpreadVerdict spread_verdict(const std::optional<Interval>& sd_ratio) {
  if (!sd_ratio) return SpreadVerdict::unclear;
  if (sd_ratio->ci_high < kCollapsed) return SpreadVerdict::collapsed;
  if (sd_ratio->ci_low > kExpanded) return SpreadVerdict::expanded;
  if (sd_ratio->ci_low >= kKeptLow && sd_ratio->ci_high <= kKeptHigh) return SpreadVerdict::kept;
  if (sd_ratio->ci_high < 1 || sd_ratio->ci_low > 1) return SpreadVerdict::changed;
  return SpreadVerdict::unclear;
}

ActivationDrift measure_drift(std::span<const double> initial, std::span<const double> current,
                              std::span<const Index> groups, const BootstrapOptions& options) {
  if (initial.size() != current.size() || groups.size() != initial.size()) {
    throw ShapeError(fmt::format(
        "measure_drift: {} initial and {} current values, {} groups, expected as many of each",
        initial.size(), current.size(), groups.size()));
  }
  ActivationDrift drift;
  drift.wasserstein1 = wasserstein1(initial, current);
  drift.kolmogorov_smirnov = kolmogorov_smirnov(initial, current);
  drift.n = static_cast<Index>(initial.size());
  drift.n_group = index_groups(groups).n_group;
  drift.initial = summarize(initial);
  drift.current = summarize(current);
  const std::vector<std::span<const double>> columns = {initial};
  const BootstrapInterval r = bootstrap_correlations(columns, current, groups, options).front();
  drift.r = r.estimate;
  drift.r_interval = r.interval;
  if (is_constant(initial)) {
    drift.why = "the initial activation is constant";
    return drift;
  }
  drift.mean_shift = (drift.current.mean - drift.initial.mean) / drift.initial.sd;
  const BootstrapInterval ratio =
      cluster_bootstrap(groups, options, [&](std::span<const Index> rows) {
        return sd_ratio_of(take(initial, rows), take(current, rows));
      });
  drift.sd_ratio = ratio.estimate;
  drift.sd_ratio_interval = ratio.interval;
  drift.variance_ratio = *drift.sd_ratio * *drift.sd_ratio;
  drift.spread = spread_verdict(drift.sd_ratio_interval);
  drift.why = std::string(r.why_undefined);
  if (drift.why.empty()) drift.why = std::string(ratio.why_undefined);
  return drift;
}

}  // namespace gnomon
