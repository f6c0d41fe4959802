// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/bootstrap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/detail/sample.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

void check_options(std::string_view function, std::size_t n_row, const BootstrapOptions& options) {
  if (n_row == 0) {
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("{}: no rows, expected at least 1", function));
  }
  if (options.n_bootstrap < 1) {
    throw ArgumentError(
        fmt::format("{}: n_bootstrap is {}, expected at least 1", function, options.n_bootstrap));
  }
  detail::check_level(function, options.level);
}

// The groups of resample after resample. One stream, so that all statistics see the same resamples.
class GroupDraws {
 public:
  GroupDraws(Index n_group, std::uint64_t seed)
      : random_(seed, "bootstrap"), groups_(static_cast<std::size_t>(n_group)) {}
  const std::vector<Index>& next() {
    for (Index& g : groups_) g = static_cast<Index>(random_.below(groups_.size()));
    return groups_;
  }

 private:
  Random random_;
  std::vector<Index> groups_;
};

std::vector<Index> rows_of(const Groups& groups, std::span<const Index> drawn) {
  std::vector<Index> rows;
  for (const Index g : drawn) {
    const std::span<const Index> of_group = groups.rows(g);
    rows.insert(rows.end(), of_group.begin(), of_group.end());
  }
  return rows;
}

// `draws` holds kUndefined where the statistic is.
BootstrapInterval summarize(std::optional<double> estimate, std::string_view why_no_estimate,
                            std::span<const double> draws, const Groups& groups,
                            const BootstrapOptions& options) {
  BootstrapInterval result;
  result.estimate = estimate;
  result.n = groups.n_row();
  result.n_group = groups.n_group;
  result.n_bootstrap = options.n_bootstrap;
  std::vector<double> defined;
  for (const double draw : draws) {
    if (!std::isnan(draw)) defined.push_back(draw);
  }
  result.n_undefined = static_cast<Index>(draws.size() - defined.size());
  if (!estimate) {
    result.why_undefined = why_no_estimate;
  } else if (groups.n_group < 2) {
    result.why_undefined = "all rows are of one group";
  } else if (2 * defined.size() < draws.size()) {
    result.why_undefined = "the statistic is undefined in most resamples";
  } else {
    const double tail = (1 - options.level) / 2;
    const std::vector<double> ends = quantiles(defined, std::vector<double>{tail, 1 - tail});
    result.interval = Interval{ends[0], ends[1], options.level};
  }
  return result;
}

struct CorrelationDraws {
  Groups groups;
  std::vector<Correlation> estimate;       // [n_column]
  std::vector<std::vector<double>> draws;  // [n_column][n_bootstrap]
};

// Weighted second moments of a resample. Columns are centred on the mean of all rows beforehand, so
// that the subtraction cancels only where a resample's spread is far below its distance from that
// mean.
struct CentredSums {
  double n = 0;
  double sum_x = 0;
  double sum_xx = 0;
  double sum_y = 0;
  double sum_yy = 0;
  double sum_xy = 0;

  // Below this share the subtraction has lost half of the digits.
  static constexpr double kCancelled = 1e-8;

  std::optional<double> r() const {
    const double xx = sum_xx - sum_x * sum_x / n;
    const double yy = sum_yy - sum_y * sum_y / n;
    if (!(xx > kCancelled * sum_xx) || !(yy > kCancelled * sum_yy)) return std::nullopt;
    const double xy = sum_xy - sum_x * sum_y / n;
    return std::clamp(xy / (std::sqrt(xx) * std::sqrt(yy)), -1.0, 1.0);
  }
};

double resampled_pearson(std::span<const double> x, std::span<const double> y,
                         std::span<const Index> rows) {
  std::vector<double> x_drawn;
  std::vector<double> y_drawn;
  for (const Index i : rows) {
    x_drawn.push_back(x[i]);
    y_drawn.push_back(y[i]);
  }
  return pearson(x_drawn, y_drawn).r.value_or(kUndefined);
}

std::vector<double> unit_variance_column(std::span<const double> x) {
  detail::Centred centred = detail::centre(x);
  const double sd = std::sqrt(centred.sum_squares / static_cast<double>(x.size()));
  if (!centred.constant) {
    for (double& value : centred.difference) value /= sd;
  }
  return std::move(centred.difference);
}

// Sums per group, one row of 3 + 3 n_column numbers each: n, y, y², then x, x², x y of every
// column.
std::vector<double> group_sums(std::span<const std::span<const double>> columns,
                               std::span<const double> truth, const Groups& groups) {
  const auto width = static_cast<Index>(3 + 3 * columns.size());
  std::vector<double> sums(static_cast<std::size_t>(groups.n_group * width), 0.0);
  const std::vector<double> y = unit_variance_column(truth);
  for (Index i = 0; i < groups.n_row(); ++i) {
    double* of_group = &sums[groups.of_row[i] * width];
    of_group[0] += 1;
    of_group[1] += y[i];
    of_group[2] += y[i] * y[i];
  }
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const std::vector<double> x = unit_variance_column(columns[k]);
    for (Index i = 0; i < groups.n_row(); ++i) {
      double* of_column = &sums[groups.of_row[i] * width + 3 + 3 * static_cast<Index>(k)];
      of_column[0] += x[i];
      of_column[1] += x[i] * x[i];
      of_column[2] += x[i] * y[i];
    }
  }
  return sums;
}

CorrelationDraws draw_correlations(std::string_view function,
                                   std::span<const std::span<const double>> columns,
                                   std::span<const double> truth, std::span<const Index> group_ids,
                                   const BootstrapOptions& options) {
  check_options(function, truth.size(), options);
  detail::check_size(function, "groups", group_ids.size(), static_cast<Index>(truth.size()));
  detail::check_sample(function, "truth", truth);
  CorrelationDraws result;
  result.groups = index_groups(group_ids);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    detail::check_pair(function, fmt::format("column {}", k), columns[k], "truth", truth);
    result.estimate.push_back(pearson(columns[k], truth));
    result.draws.emplace_back(static_cast<std::size_t>(options.n_bootstrap), kUndefined);
  }
  const std::vector<double> sums = group_sums(columns, truth, result.groups);
  const std::size_t width = 3 + 3 * columns.size();
  GroupDraws group_draws(result.groups.n_group, options.seed);
  std::vector<double> total(width);
  for (std::size_t b = 0; b < static_cast<std::size_t>(options.n_bootstrap); ++b) {
    check_interrupted();
    const std::vector<Index>& drawn = group_draws.next();
    std::fill(total.begin(), total.end(), 0.0);
    for (const Index g : drawn) {
      const double* of_group = &sums[static_cast<std::size_t>(g) * width];
      for (std::size_t s = 0; s < width; ++s) total[s] += of_group[s];
    }
    std::vector<Index> rows;
    for (std::size_t k = 0; k < columns.size(); ++k) {
      if (!result.estimate[k].r) continue;
      const double* of_column = &total[3 + 3 * k];
      const CentredSums centred{.n = total[0],
                                .sum_x = of_column[0],
                                .sum_xx = of_column[1],
                                .sum_y = total[1],
                                .sum_yy = total[2],
                                .sum_xy = of_column[2]};
      if (const std::optional<double> r = centred.r()) {
        result.draws[k][b] = *r;
      } else {
        if (rows.empty()) rows = rows_of(result.groups, drawn);
        result.draws[k][b] = resampled_pearson(columns[k], truth, rows);
      }
    }
  }
  return result;
}

}  // namespace

BootstrapInterval cluster_bootstrap(
    std::span<const Index> groups, const BootstrapOptions& options,
    const std::function<std::optional<double>(std::span<const Index> rows)>& statistic) {
  check_options("cluster_bootstrap", groups.size(), options);
  const auto checked = [&](std::span<const Index> rows) {
    const std::optional<double> value = statistic(rows);
    if (value && !std::isfinite(*value)) {
      throw NumericError(
          fmt::format("cluster_bootstrap: the statistic is {}, expected a finite number", *value));
    }
    return value;
  };
  const Groups indexed = index_groups(groups);
  std::vector<Index> all_rows(groups.size());
  for (std::size_t i = 0; i < all_rows.size(); ++i) all_rows[i] = static_cast<Index>(i);
  const std::optional<double> estimate = checked(all_rows);
  GroupDraws group_draws(indexed.n_group, options.seed);
  std::vector<double> draws;
  for (Index b = 0; b < options.n_bootstrap; ++b) {
    check_interrupted();
    draws.push_back(checked(rows_of(indexed, group_draws.next())).value_or(kUndefined));
  }
  return summarize(estimate, "the statistic is undefined on these rows", draws, indexed, options);
}

const std::vector<Index>& GroupResample::rows() const {
  if (rows_.empty()) rows_ = rows_of(groups_, drawn_);
  return rows_;
}

std::vector<BootstrapInterval> cluster_bootstrap_sums(
    std::span<const std::span<const double>> columns, std::span<const Index> group_ids,
    const BootstrapOptions& options, std::size_t n_statistic,
    const std::function<std::vector<std::optional<double>>(const GroupResample&)>& statistics) {
  constexpr std::string_view kFunction = "cluster_bootstrap_sums";
  check_options(kFunction, group_ids.size(), options);
  const Groups groups = index_groups(group_ids);
  const std::size_t width = columns.size() + 1;
  std::vector<double> by_group(static_cast<std::size_t>(groups.n_group) * width, 0.0);
  for (Index i = 0; i < groups.n_row(); ++i) by_group[groups.of_row[i] * width] += 1;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const std::string name = fmt::format("column {}", k);
    detail::check_size(kFunction, name, columns[k].size(), groups.n_row());
    detail::check_sample(kFunction, name, columns[k]);
    for (Index i = 0; i < groups.n_row(); ++i)
      by_group[groups.of_row[i] * width + k + 1] += columns[k][i];
  }
  std::vector<double> total(width);
  const auto evaluate = [&](std::span<const Index> drawn) {
    std::fill(total.begin(), total.end(), 0.0);
    for (const Index g : drawn) {
      const double* of_group = &by_group[static_cast<std::size_t>(g) * width];
      for (std::size_t s = 0; s < width; ++s) total[s] += of_group[s];
    }
    std::vector<std::optional<double>> values = statistics(GroupResample(groups, drawn, total));
    detail::check_size(kFunction, "statistics", values.size(), static_cast<Index>(n_statistic));
    for (std::size_t k = 0; k < n_statistic; ++k) {
      if (values[k] && !std::isfinite(*values[k])) {
        throw NumericError(fmt::format("{}: statistic {} is {}, expected a finite number",
                                       kFunction, k, *values[k]));
      }
    }
    return values;
  };
  std::vector<Index> all_groups(static_cast<std::size_t>(groups.n_group));
  std::iota(all_groups.begin(), all_groups.end(), Index{0});
  const std::vector<std::optional<double>> estimates = evaluate(all_groups);
  std::vector<std::vector<double>> draws(n_statistic);
  GroupDraws group_draws(groups.n_group, options.seed);
  for (Index b = 0; b < options.n_bootstrap; ++b) {
    check_interrupted();
    const std::vector<std::optional<double>> values = evaluate(group_draws.next());
    for (std::size_t k = 0; k < n_statistic; ++k)
      draws[k].push_back(values[k].value_or(kUndefined));
  }
  std::vector<BootstrapInterval> result;
  for (std::size_t k = 0; k < n_statistic; ++k) {
    result.push_back(summarize(estimates[k], "the statistic is undefined on these rows", draws[k],
                               groups, options));
  }
  return result;
}

std::vector<BootstrapInterval> bootstrap_correlations(
    std::span<const std::span<const double>> columns, std::span<const double> truth,
    std::span<const Index> groups, const BootstrapOptions& options) {
  const CorrelationDraws drawn =
      draw_correlations("bootstrap_correlations", columns, truth, groups, options);
  std::vector<BootstrapInterval> result;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    result.push_back(summarize(drawn.estimate[k].r, drawn.estimate[k].why_undefined, drawn.draws[k],
                               drawn.groups, options));
  }
  return result;
}

BootstrapInterval bootstrap_correlation_difference(std::span<const double> a,
                                                   std::span<const double> b,
                                                   std::span<const double> truth,
                                                   std::span<const Index> groups,
                                                   const BootstrapOptions& options) {
  const std::span<const double> columns[] = {a, b};
  const CorrelationDraws drawn =
      draw_correlations("bootstrap_correlation_difference", columns, truth, groups, options);
  const Correlation& r_a = drawn.estimate[0];
  const Correlation& r_b = drawn.estimate[1];
  std::optional<double> estimate;
  if (r_a.r && r_b.r) estimate = *r_a.r - *r_b.r;
  std::vector<double> draws;
  for (std::size_t i = 0; i < drawn.draws[0].size(); ++i) {
    draws.push_back(drawn.draws[0][i] - drawn.draws[1][i]);
  }
  return summarize(estimate, r_a.r ? r_b.why_undefined : r_a.why_undefined, draws, drawn.groups,
                   options);
}

}  // namespace gnomon
