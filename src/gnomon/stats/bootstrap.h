// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/stats/groups.h"
#include "gnomon/stats/interval.h"
#include "gnomon/tensor/view.h"

// in: rows and their groups   out: percentile intervals. See docs/methods/bootstrap.md.

namespace gnomon {

struct BootstrapOptions {
  Index n_bootstrap = 2000;  // resamples
  double level = 0.95;
  std::uint64_t seed = 0;  // the same seed and groups give the same resamples to every statistic
};

struct BootstrapInterval {
  std::optional<double> estimate;    // of the rows themselves
  std::optional<Interval> interval;  // of the resamples in which the statistic is defined
  Index n = 0;                       // rows
  Index n_group = 0;
  Index n_bootstrap = 0;
  Index n_undefined = 0;      // resamples in which the statistic is undefined
  std::string why_undefined;  // why there is no interval; empty where there is one
};

// Percentile interval (Efron and Tibshirani 1993, chapter 13) of any statistic under resampling of
// whole groups with replacement (Davison and Hinkley 1997, section 3.8): as many groups as there
// are, so that the number of rows varies.
//
// `statistic` gets the rows of a resample, repeated as often as drawn, and returns nothing where it
// is undefined. Assumes that groups are independent and many: with 40 or fewer the interval is too
// short. No interval for fewer than 2 groups, an undefined estimate, or where less than half of the
// resamples are defined. Throws ArgumentError for no rows, n_bootstrap < 1 or a level outside (0,
// 1); NumericError where the statistic is not finite.
BootstrapInterval cluster_bootstrap(
    std::span<const Index> groups, const BootstrapOptions& options,
    const std::function<std::optional<double>(std::span<const Index> rows)>& statistic);

// The same for Pearson's r of each column with `truth`, all from the same resamples: what
// cluster_bootstrap gives with `pearson`, to rounding. Sums per group are formed once, so that a
// resample costs O(n_group) per column instead of O(n_row). Throws also ShapeError, and
// NumericError for a value that is not finite.
std::vector<BootstrapInterval> bootstrap_correlations(
    std::span<const std::span<const double>> columns, std::span<const double> truth,
    std::span<const Index> groups, const BootstrapOptions& options);

// One resample of groups, for statistics that are functions of sums over rows.
class GroupResample {
 public:
  GroupResample(const Groups& groups, std::span<const Index> drawn, std::span<const double> sums)
      : groups_(groups), drawn_(drawn), sums_(sums) {}
  // [n_column + 1] the number of rows drawn, then the sum of each column over them.
  std::span<const double> sums() const { return sums_; }
  // The rows, repeated as often as drawn; O(n_row), for resamples in which sums cancel.
  const std::vector<Index>& rows() const;

 private:
  const Groups& groups_;
  std::span<const Index> drawn_;
  std::span<const double> sums_;
  mutable std::vector<Index> rows_;
};

// cluster_bootstrap for several statistics at once, all from the same resamples, and the same as
// cluster_bootstrap's. Columns are summed by group once, so that a resample costs O(n_group) per
// column where `statistics` looks at the sums alone. It returns `n_statistic` values, each empty
// where it is undefined. Sums of squares of columns far from 0 cancel: centre columns beforehand.
// Throws also ShapeError where a column or a returned vector has another length, NumericError for a
// value that is not finite.
std::vector<BootstrapInterval> cluster_bootstrap_sums(
    std::span<const std::span<const double>> columns, std::span<const Index> groups,
    const BootstrapOptions& options, std::size_t n_statistic,
    const std::function<std::vector<std::optional<double>>(const GroupResample&)>& statistics);

// r(a, truth) - r(b, truth) on the same rows and the same resamples: dependent correlations, whose
// separate intervals may overlap although they differ.
BootstrapInterval bootstrap_correlation_difference(std::span<const double> a,
                                                   std::span<const double> b,
                                                   std::span<const double> truth,
                                                   std::span<const Index> groups,
                                                   const BootstrapOptions& options);

}  // namespace gnomon
