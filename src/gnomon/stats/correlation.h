// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gnomon/stats/interval.h"
#include "gnomon/tensor/view.h"

// in: columns of numbers   out: correlations, their intervals and tests. See
// docs/methods/correlation.md.

namespace gnomon {

// A correlation coefficient, or why there is none.
struct Correlation {
  Index n = 0;                     // rows
  std::optional<double> r;         // in [-1, 1]
  std::string_view why_undefined;  // empty where r is defined
};

// Pearson's r = Σ (x - x̄)(y - ȳ) / sqrt(Σ (x - x̄)² Σ (y - ȳ)²).
//
// Means are corrected by a second pass, so that |mean| >> sd costs no digits; near ±1 r comes from
// the distance of the standardised columns, so that 1 - |r| is right to a few eps and y = a x gives
// ±1. Undefined for fewer than 2 rows and for a column that varies by no more than rounding error
// (4 eps max |x|). Throws ShapeError, NumericError for a value that is not finite.
Correlation pearson(std::span<const double> x, std::span<const double> y);

// Spearman's rank correlation: Pearson's r of the average ranks.
Correlation spearman(std::span<const double> x, std::span<const double> y);

// 1 for the smallest value; tied values share the mean of their ranks.
std::vector<double> average_ranks(std::span<const double> x);

// Two-sided test of zero correlation.
//
//   p = P(|R| >= |r|) = I_{1 - r²}((n - 2) / 2, 1 / 2), the regularised incomplete beta function
//
// Student's t test with n - 2 degrees of freedom in another form; exact where one column is normal
// given the other and rows are independent. For grouped rows give the number of groups as
// n_effective. log10_p is computed in log space and holds far below the smallest double.
struct CorrelationTest {
  double p_value = 1;
  double log10_p = 0;
  // p_value would be below the smallest normal double, which stands in its place as an upper bound:
  // p is never 0. log10_p has the number.
  bool p_value_is_bound = false;
  // |r| rounds to 1: log10_p is that of 1 - r² = 2.2e-16, an upper bound too.
  bool log10_p_is_bound = false;
};

// p is 1 where n_effective <= 2: two points always lie on a line.
// Throws ArgumentError for r outside [-1, 1] or an n_effective that is not finite.
CorrelationTest correlation_test(double r, double n_effective);

// Fisher's interval tanh(atanh r ± z / sqrt(n - 3)), z the normal quantile (Fisher 1921, Metron 1).
// Assumes independent bivariate normal rows; the reported interval is cluster_bootstrap's.
// [-1, 1] where n <= 3, which says nothing about r; [r, r] where |r| is 1. Throws ArgumentError.
Interval fisher_interval(double r, double n_effective, double level);

// Pearson's r of every pair of columns, all of the same rows.
struct CorrelationMatrix {
  Index n = 0;  // rows
  Index n_column = 0;
  std::vector<std::optional<double>> r;  // [n_column, n_column] symmetric; empty where undefined

  std::optional<double> at(Index i, Index j) const { return r[i * n_column + j]; }
};
CorrelationMatrix correlation_matrix(std::span<const std::span<const double>> columns);

}  // namespace gnomon
