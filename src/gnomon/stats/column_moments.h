// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon {

// `Moments` (stats/moments.h) of many columns at once, without the fourth: mean, variance and
// skewness of every column of rows that arrive in parts and are not kept. 48 bytes a column.
//
// A part's power sums are taken about the mean so far (of the first part: about its first row) and
// joined to what is there by Chan, Golub and LeVeque 1979 and Pébay 2008, SAND2008-6212. However
// large |mean| / sd, subtracting adds at most eps times the first part's number of rows to the
// relative error of the variance, and a few eps for every later part of no more rows than came
// before. The same rows in the same parts give the same bits.
class ColumnMoments {
 public:
  explicit ColumnMoments(Index width);

  // Rows [n_row, width]. Throw ShapeError for another width, NumericError for a value that is not
  // finite or whose cube is not; the moments are then as they were.
  template <class T>
  void add_rows(MatrixView<const T> rows);
  void merge(const ColumnMoments& other);

  Index n() const { return n_; }
  Index width() const { return static_cast<Index>(mean_.size()); }
  // Of column j; empty where there are too few values (0; 2 for variance and sd) or, for skewness,
  // where all are equal.
  std::optional<double> mean(Index j) const;
  std::optional<double> variance(Index j) const;  // divides by n - 1
  std::optional<double> sd(Index j) const;
  std::optional<double> skewness(Index j) const;  // g1 = m3 / m2^(3/2), moments divide by n
  std::optional<double> min(Index j) const;
  std::optional<double> max(Index j) const;
  std::optional<double> share_positive(Index j) const;  // of values above 0
  // Σ (x - mean)², 0 where there are no values.
  double sum_of_squares(Index j) const { return m2_[static_cast<std::size_t>(j)]; }

 private:
  void check_width(Index other) const;

  Index n_ = 0;
  std::vector<double> mean_;
  std::vector<double> m2_;  // Σ (x - mean)^k
  std::vector<double> m3_;
  std::vector<double> min_;
  std::vector<double> max_;
  std::vector<double> positive_;
};

}  // namespace gnomon
