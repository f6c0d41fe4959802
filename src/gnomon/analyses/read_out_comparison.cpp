// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/read_out_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gnomon/analyses/detail/stream_space.h"
#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/directions/null_directions.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/multiplicity.h"
#include "gnomon/stats/permutation.h"
#include "gnomon/stats/quantile.h"
#include "gnomon/stats/shrinkage.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;
using detail::matrix_times;
using detail::StreamSpace;

constexpr std::array kStatistics = {ReadOutStatistic::filter, ReadOutStatistic::pattern,
                                    ReadOutStatistic::whitened, ReadOutStatistic::projection};

// a / sqrt(b) with 0 where there is no length to divide by.
double over_root(double product, double squares) {
  return squares > 0 ? product / std::sqrt(squares) : 0;
}

// All statistics of one read-out w with any number of directions.
class Comparison {
 public:
  Comparison(Column w, const StreamSample& stream, NormKind norm_kind)
      : space_(norm_kind), w_(std::move(w)), covariance_(shrunk_covariance(stream.rows)) {
    w_in_space_ = space_.of(w_);
    pattern_ = matrix_times(covariance_.covariance, w_);
    pattern_in_space_ = space_.of(pattern_);
    report_variance_ = dot(w_, pattern_);
    shrunk_variance_ = dot(w_, matrix_times(covariance_.shrunk, w_));
  }

  const StreamSpace& space() const { return space_; }
  bool any() const { return norm(w_) > 0; }
  double intensity() const { return covariance_.intensity; }

  // [statistic][direction], for directions [n, d].
  std::array<Column, kStatistics.size()> values(const Tensor<double>& directions) const {
    const MatrixView<const double> u = directions.matrix();
    std::array<Column, kStatistics.size()> result;
    if (u.rows == 0) return result;
    Tensor<double> transposed({u.cols, u.rows});
    for (Index k = 0; k < u.rows; ++k) {
      for (Index c = 0; c < u.cols; ++c) transposed.matrix()(c, k) = u(k, c);
    }
    const Tensor<double> solved = cholesky_solve(covariance_.shrunk.matrix(), transposed.matrix());
    Tensor<double> spread({u.rows, u.cols});
    multiply(spread.matrix(), u, Op::plain, covariance_.covariance.matrix(), Op::plain);
    for (Index k = 0; k < u.rows; ++k) {
      const std::span<const double> raw = u.row(k);
      const Column seen = space_.of({raw.begin(), raw.end()});
      const double length = dot(seen, seen);
      double whitened_square = 0;
      for (Index c = 0; c < u.cols; ++c) whitened_square += raw[c] * solved.matrix()(c, k);
      const double product = dot(raw, w_);
      result[0].push_back(
          over_root(dot(seen, w_in_space_), length * dot(w_in_space_, w_in_space_)));
      result[1].push_back(over_root(dot(seen, pattern_in_space_),
                                    length * dot(pattern_in_space_, pattern_in_space_)));
      result[2].push_back(over_root(product, shrunk_variance_ * whitened_square));
      result[3].push_back(over_root(
          dot(raw, pattern_), report_variance_ * dot(raw, std::as_const(spread).matrix().row(k))));
    }
    return result;
  }

 private:
  StreamSpace space_;
  Column w_;
  ShrunkCovariance covariance_;
  Column w_in_space_;
  Column pattern_, pattern_in_space_;
  double report_variance_ = 0;
  double shrunk_variance_ = 0;
};

NullComparison null_comparison(double value, const Column& null) {
  Column magnitudes;
  for (const double v : null) magnitudes.push_back(std::abs(v));
  NullComparison result;
  result.n = std::ssize(null);
  result.percentile = 100 * percentile_rank(magnitudes, std::abs(value));
  result.abs_upper = quantile(magnitudes, 0.975);
  result.p = permutation_p_value(magnitudes, std::abs(value));
  return result;
}

// cos(v, u) for the sum v of columns over a resample, for every direction u.
std::vector<std::optional<double>> cosines_with(const Column& v, std::span<const Column> directions,
                                                const StreamSpace& space) {
  const Column seen = space.of(v);
  const double length = dot(seen, seen);
  std::vector<std::optional<double>> result;
  for (const Column& u : directions) {
    const double squares = length * dot(u, u);
    result.push_back(squares > 0 ? std::optional(dot(seen, u) / std::sqrt(squares)) : std::nullopt);
  }
  return result;
}

std::vector<Column> columns_of(MatrixView<const double> rows) {
  std::vector<Column> columns;
  for (Index c = 0; c < rows.cols; ++c) {
    Column& column = columns.emplace_back();
    for (Index i = 0; i < rows.rows; ++i) column.push_back(rows(i, c));
  }
  return columns;
}

std::vector<std::span<const double>> spans_of(const std::vector<Column>& columns) {
  return {columns.begin(), columns.end()};
}

// Σ w of resampled groups of the stream, w held.
std::vector<BootstrapInterval> pattern_intervals(const Column& w, const StreamSample& stream,
                                                 std::span<const Column> directions,
                                                 const StreamSpace& space,
                                                 const BootstrapOptions& options) {
  Tensor<double> rows({stream.rows.rows, stream.rows.cols});
  for (Index i = 0; i < stream.rows.rows; ++i)
    std::ranges::copy(stream.rows.row(i), rows.matrix().row(i).begin());
  subtract_column_means(rows.matrix());
  const auto d = static_cast<std::size_t>(rows.matrix().cols);
  std::vector<Column> columns = columns_of(std::as_const(rows).matrix());
  Column report;
  for (Index i = 0; i < rows.matrix().rows; ++i)
    report.push_back(dot(std::as_const(rows).matrix().row(i), w));
  for (std::size_t c = 0; c < d; ++c) {
    Column product = columns[c];
    for (std::size_t i = 0; i < product.size(); ++i) product[i] *= report[i];
    columns.push_back(std::move(product));
  }
  columns.push_back(std::move(report));
  return cluster_bootstrap_sums(spans_of(columns), stream.group, options, directions.size(),
                                [&](const GroupResample& resample) {
                                  const std::span<const double> sums = resample.sums();
                                  const double n = sums[0];
                                  const double sum_report = sums[2 * d + 1];
                                  Column pattern(d);
                                  for (std::size_t c = 0; c < d; ++c)
                                    pattern[c] = sums[1 + d + c] - sums[1 + c] * sum_report / n;
                                  return cosines_with(pattern, directions, space);
                                });
}

// The mean read-out of resampled groups of rows.
std::vector<BootstrapInterval> filter_intervals(const ReadOut& read_out,
                                                std::span<const Index> group,
                                                std::span<const Column> directions,
                                                const StreamSpace& space,
                                                const BootstrapOptions& options) {
  const std::vector<Column> columns = columns_of(read_out.gradient.matrix());
  return cluster_bootstrap_sums(
      spans_of(columns), group, options, directions.size(), [&](const GroupResample& resample) {
        const std::span<const double> sums = resample.sums().subspan(1);
        return cosines_with({sums.begin(), sums.end()}, directions, space);
      });
}

std::vector<Interval> refit_intervals(const Tensor<double>& refits,
                                      std::span<const Column> directions, const StreamSpace& space,
                                      double level) {
  std::vector<Column> cosines(directions.size());
  for (Index k = 0; k < refits.matrix().rows; ++k) {
    const auto values = cosines_with(detail::row_of(refits, k), directions, space);
    for (std::size_t u = 0; u < directions.size(); ++u) cosines[u].push_back(values[u].value_or(0));
  }
  std::vector<Interval> intervals;
  const double tail = (1 - level) / 2;
  for (const Column& values : cosines) {
    const Column ends = quantiles(values, Column{tail, 1 - tail});
    intervals.push_back({ends[0], ends[1], level});
  }
  return intervals;
}

Tensor<double> with_first(const Column& first, const Tensor<double>& rest) {
  const Index n = rest.size() > 0 ? rest.matrix().rows : 0;
  Tensor<double> all({1 + n, std::ssize(first)});
  std::ranges::copy(first, all.matrix().row(0).begin());
  for (Index k = 0; k < n; ++k)
    std::ranges::copy(rest.matrix().row(k), all.matrix().row(1 + k).begin());
  return all;
}

// Fills in the intervals of one direction's rows of the table.
struct Intervals {
  std::vector<BootstrapInterval> pattern;
  std::vector<BootstrapInterval> filter;  // of a read-out that differs from row to row
  std::vector<Interval> refit;            // of a constant one

  void add_to(ReadOutCosine& row, std::size_t direction) const {
    if (row.statistic == ReadOutStatistic::pattern) {
      if (pattern.empty()) return;
      row.interval = pattern[direction].interval;
      row.interval_over = row.interval ? "training groups of Σ, the read-out held"
                                       : pattern[direction].why_undefined;
    } else if (row.statistic == ReadOutStatistic::filter && !filter.empty()) {
      row.interval = filter[direction].interval;
      row.interval_over = row.interval ? "groups of the rows whose gradients are averaged"
                                       : filter[direction].why_undefined;
    } else if (row.statistic == ReadOutStatistic::filter && !refit.empty()) {
      row.interval = refit[direction];
      row.interval_over = "training groups, the ridge head fitted anew";
    } else if (row.statistic == ReadOutStatistic::filter) {
      row.interval_over = "one vector for every text; a trained head is not trained anew";
    } else {
      row.interval_over = "not resampled";
    }
  }
};

}  // namespace

std::string_view read_out_statistic_name(ReadOutStatistic statistic) {
  switch (statistic) {
    case ReadOutStatistic::filter:
      return "filter";
    case ReadOutStatistic::pattern:
      return "pattern";
    case ReadOutStatistic::whitened:
      return "whitened";
    case ReadOutStatistic::projection:
      return "projection";
  }
  throw InternalError("read_out_statistic_name: not a statistic");
}

std::string_view read_out_statistic_definition(ReadOutStatistic statistic) {
  switch (statistic) {
    case ReadOutStatistic::filter:
      return "cos(w, u), the read-out w itself";
    case ReadOutStatistic::pattern:
      return "cos(Σw, u), what moves along with the report (Haufe et al. 2014)";
    case ReadOutStatistic::whitened:
      return "cos(Σ^½ w, Σ^-½ u), 1 where w is the best filter of a signal written along u";
    case ReadOutStatistic::projection:
      return "cos(Σ^½ w, Σ^½ u), the correlation of the two projections";
  }
  throw InternalError("read_out_statistic_definition: not a statistic");
}

ReadOutComparison compare_read_out(const std::string& place, const ReadOut& read_out,
                                   std::span<const Index> read_out_group,
                                   const StreamSample& stream,
                                   std::span<const ComparedDirection> directions,
                                   const Tensor<double>& refits, NormKind norm_kind,
                                   const ReadOutComparisonOptions& options) {
  if (std::ssize(read_out.mean) != stream.rows.cols) {
    throw ShapeError(fmt::format("compare_read_out: the read-out has {} numbers, the stream {}",
                                 read_out.mean.size(), stream.rows.cols));
  }
  const Comparison comparison(read_out.mean, stream, norm_kind);
  std::vector<Column> seen;
  for (const ComparedDirection& direction : directions)
    seen.push_back(comparison.space().of(direction.vector));

  Intervals intervals;
  if (comparison.any()) {
    intervals.pattern =
        pattern_intervals(read_out.mean, stream, seen, comparison.space(), options.bootstrap);
    if (!read_out.constant)
      intervals.filter =
          filter_intervals(read_out, read_out_group, seen, comparison.space(), options.bootstrap);
    if (read_out.constant && refits.size() > 0)
      intervals.refit = refit_intervals(refits, seen, comparison.space(), options.bootstrap.level);
  }
  std::array<Column, kStatistics.size()> random;
  if (options.n_random > 0) {
    Tensor<double> rows({stream.rows.rows, stream.rows.cols});
    for (Index i = 0; i < stream.rows.rows; ++i)
      std::ranges::copy(stream.rows.row(i), rows.matrix().row(i).begin());
    random = comparison.values(covariance_matched_directions(
        std::move(rows), options.n_random, Random(options.seed, "weights/random " + place)));
  }

  ReadOutComparison result;
  result.intensity = comparison.intensity();
  for (std::size_t u = 0; u < directions.size(); ++u) {
    check_interrupted();
    const ComparedDirection& direction = directions[u];
    const auto values = comparison.values(with_first(direction.vector, direction.others));
    for (std::size_t s = 0; s < kStatistics.size(); ++s) {
      if (kStatistics[s] == ReadOutStatistic::projection && direction.kind != DirectionKind::read)
        continue;
      ReadOutCosine row;
      row.place = place;
      row.direction = direction.name;
      row.kind = direction.kind;
      row.statistic = kStatistics[s];
      row.space = s < 2 ? comparison.space().name() : "whitened";
      row.why_no_others = direction.why_no_others;
      if (!comparison.any()) {
        row.why = "the mean read-out is 0";
      } else if (norm(seen[u]) == 0) {
        row.why = "the direction is 0";
      } else {
        row.value = values[s].front();
        const Column others(values[s].begin() + 1, values[s].end());
        if (!others.empty()) row.others = null_comparison(*row.value, others);
        if (!random[s].empty()) row.random = null_comparison(*row.value, random[s]);
        intervals.add_to(row, u);
      }
      result.table.push_back(std::move(row));
    }
  }
  return result;
}

void adjust_p_values(std::vector<ReadOutCosine>& table) {
  for (const auto null : {&ReadOutCosine::others, &ReadOutCosine::random}) {
    Column p;
    for (const ReadOutCosine& row : table) {
      if (row.*null) p.push_back((row.*null)->p);
    }
    const Column q = benjamini_hochberg(p);
    std::size_t next = 0;
    for (ReadOutCosine& row : table) {
      if (row.*null) (row.*null)->q = q[next++];
    }
  }
}

void add_start(std::vector<ReadOutCosine>& table, const std::vector<ReadOutCosine>& before) {
  for (ReadOutCosine& row : table) {
    const auto same = std::ranges::find_if(before, [&](const ReadOutCosine& other) {
      return other.place == row.place && other.direction == row.direction &&
             other.statistic == row.statistic;
    });
    if (same != before.end()) row.start = same->value;
  }
}

Tensor<double> ridge_refits(MatrixView<const double> features, std::span<const double> labels,
                            std::span<const Index> groups, double lambda, FeatureScaling scaling,
                            Index n_fit, std::uint64_t seed) {
  const Groups indexed = index_groups(groups);
  Random random(seed, "weights/refits");
  Tensor<double> heads({n_fit, features.cols});
  for (Index k = 0; k < n_fit; ++k) {
    check_interrupted();
    std::vector<Index> rows;
    for (Index g = 0; g < indexed.n_group; ++g) {
      const auto drawn = indexed.rows(
          static_cast<Index>(random.below(static_cast<std::uint64_t>(indexed.n_group))));
      rows.insert(rows.end(), drawn.begin(), drawn.end());
    }
    const RidgeFit fit =
        fit_ridge(take_rows(features, rows).matrix(), take(labels, rows), lambda, scaling);
    std::ranges::copy(fit.weight, heads.matrix().row(k).begin());
  }
  return heads;
}

}  // namespace gnomon
