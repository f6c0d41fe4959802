// SPDX-License-Identifier: Apache-2.0
// in: a read-out, the stream it is read from, directions   out: how alike they are, against nulls
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/compared_directions.h"
#include "gnomon/analyses/read_out.h"
#include "gnomon/stats/bootstrap.h"
#include "gnomon/stats/ridge.h"

namespace gnomon {

// How a read-out w is compared with a direction u; Σ is the covariance of the stream at the
// read-out's site and token over the training rows.
//   filter      cos(w, u)
//   pattern     cos(Σ w, u): what moves along with the report (Haufe et al. 2014, NeuroImage 87)
//   whitened    cos(Σ^½ w, Σ^-½ u) = w·u / sqrt(wᵀΣw uᵀΣ⁻¹u): 1 where w is the best linear filter
//               of a signal that is written along u
//   projection  cos(Σ^½ w, Σ^½ u): the correlation of w·x and u·x, for directions that are read
// Filter and pattern compare vectors as the norms see the stream, centred over d_model where they
// subtract its mean; the other two compare them as they are.
enum class ReadOutStatistic { filter, pattern, whitened, projection };
std::string_view read_out_statistic_name(ReadOutStatistic statistic);
std::string_view read_out_statistic_definition(ReadOutStatistic statistic);

// Where a statistic stands among the same statistic of directions that have nothing to do with the
// target.
struct NullComparison {
  double percentile = 0;    // of |value| among theirs, 0 to 100
  double abs_upper = 0;     // 97.5 % quantile of theirs
  double p = 1;             // two-sided, (1 + n at least as large in magnitude) / (1 + n)
  std::optional<double> q;  // p after Benjamini and Hochberg over the table
  Index n = 0;
};

struct ReadOutCosine {
  std::string place;      // of the read-out: "feature", "written"
  std::string direction;  // ComparedDirection::name
  DirectionKind kind = DirectionKind::read;
  ReadOutStatistic statistic = ReadOutStatistic::filter;
  std::string space;  // "raw", "centred", "whitened"
  std::optional<double> value;
  std::string why;                       // why there is no value
  std::optional<NullComparison> others;  // the layer's other neurons
  std::string why_no_others;
  std::optional<NullComparison> random;  // with the covariance of the stream
  std::optional<Interval> interval;
  std::string interval_over;    // what was resampled, or why nothing was
  std::optional<double> start;  // before training
};

// The stream that a read-out is read from.
struct StreamSample {
  MatrixView<const double> rows;  // [n_row, d_model] training rows
  std::vector<Index> group;       // [n_row]
};

struct ReadOutComparisonOptions {
  std::uint64_t seed = 0;
  Index n_random = 1000;
  BootstrapOptions bootstrap = {1000, 0.95, 0};
};

struct ReadOutComparison {
  std::vector<ReadOutCosine> table;
  double intensity = 0;  // of the shrunk Σ that the whitened cosine uses (shrunk_covariance)
};

// `read_out_group` are the groups of read_out.rows. `refits` [n_fit, d_model], which may be empty,
// are heads fitted anew to resampled training groups: they give the interval of a constant
// read-out's filter cosine.
//
// Intervals: pattern, resampling groups of training rows with w held; filter of a read-out that
// differs from row to row, resampling groups of its rows; of a constant one, the refits. Others
// have none. Throws ArgumentError (bad_data) for fewer than 3 rows of the stream, ShapeError where
// widths differ.
ReadOutComparison compare_read_out(const std::string& place, const ReadOut& read_out,
                                   std::span<const Index> read_out_group,
                                   const StreamSample& stream,
                                   std::span<const ComparedDirection> directions,
                                   const Tensor<double>& refits, NormKind norm_kind,
                                   const ReadOutComparisonOptions& options);

// Benjamini and Hochberg over the whole table, each null by itself.
void adjust_p_values(std::vector<ReadOutCosine>& table);

// Puts the values of `before` into `start` of the rows of the same place, direction and statistic.
void add_start(std::vector<ReadOutCosine>& table, const std::vector<ReadOutCosine>& before);

// Ridge heads [n_fit, d] fitted to resampled groups of the rows at the penalty `lambda`: how much
// of a head is the sample's doing. Throws as fit_ridge.
Tensor<double> ridge_refits(MatrixView<const double> features, std::span<const double> labels,
                            std::span<const Index> groups, double lambda, FeatureScaling scaling,
                            Index n_fit, std::uint64_t seed);

}  // namespace gnomon
