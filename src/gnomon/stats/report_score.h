// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>

#include "gnomon/stats/bootstrap.h"
#include "gnomon/stats/interval.h"
#include "gnomon/tensor/view.h"

// in: reports, the truth and the groups of their rows   out: how good the reports are as they
// stand. See docs/methods/evaluation.md.

namespace gnomon {

// Reports against the truth, both in the truth's unit. Intervals are cluster bootstraps over the
// groups, all from the same resamples, except the one by Fisher's z.
struct ReportScore {
  Index n = 0;        // rows
  Index n_group = 0;  // groups: the n of Fisher's interval and of p

  std::optional<double> r;  // Pearson's
  std::optional<Interval> r_interval;
  std::optional<Interval> r_fisher;
  std::optional<double> p;
  std::optional<double> log10_p;  // holds where p would underflow

  std::optional<double> r2_fit;       // r²: slope and offset free
  std::optional<double> r2_identity;  // 1 - SSE / SST, the reports as they stand
  std::optional<Interval> r2_identity_interval;

  double mean_absolute_error = 0;
  double root_mean_square_error = 0;
  double mean_error = 0;  // report - truth

  // Of the truth on the report: 1 and 0 where the reports are calibrated.
  std::optional<double> slope;
  std::optional<Interval> slope_interval;
  std::optional<double> intercept;
  std::optional<Interval> intercept_interval;

  std::optional<double> spearman;

  std::string why;  // why something is absent, parts separated by "; "; empty where nothing is
};

// Throws ArgumentError (bad_data) for no rows, ShapeError, NumericError for a value that is not
// finite.
ReportScore score_reports(std::span<const double> report, std::span<const double> truth,
                          std::span<const Index> groups, const BootstrapOptions& options);

// Reports that are compared by their R²(identity), each against a truth of its own, on the same
// rows.
struct ReportColumn {
  std::span<const double> report;
  std::span<const double> truth;
};

// R²(identity) of a minus that of b, and a's as a fraction of b's, from the same resamples: two
// separate intervals may overlap where the difference is sure.
struct R2Comparison {
  BootstrapInterval difference;
  // Undefined where R² of b is not above 0: on the rows themselves, or in a resample.
  BootstrapInterval fraction;

  // The interval of the difference exists and does not hold 0.
  bool excludes_zero() const;
};
R2Comparison compare_r2(const ReportColumn& a, const ReportColumn& b, std::span<const Index> groups,
                        const BootstrapOptions& options);

}  // namespace gnomon
