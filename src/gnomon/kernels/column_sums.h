// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "gnomon/tensor/view.h"

// Sums over the rows of each column, for statistics of values that are seen once. Each works on one
// thread: who calls divides the columns among threads. Terms are added row by row, so that a
// column's bits depend on its own values alone.

namespace gnomon {

// Of every column j, all [x.cols].
struct ColumnPowerSums {
  std::span<double> sum1;      // Σ d        d = x(i, j) - origin[j] in double
  std::span<double> sum2;      // Σ d²
  std::span<double> sum3;      // Σ d³
  std::span<double> least;     // the smallest x(i, j); +infinity where there are no rows
  std::span<double> most;      // the largest; -infinity where there are no rows
  std::span<double> positive;  // the number of x(i, j) > 0
};

// Overwrites `sums`. An origin near the column's mean keeps the sums free of cancellation.
// Throws ShapeError where a span has another length than x has columns.
template <class T>
void column_power_sums(const ColumnPowerSums& sums, MatrixView<const T> x,
                       std::span<const double> origin);

// most[j] = max_i x(i, j), -infinity where there are no rows. Overwrites `most`; throws ShapeError.
// A value that is not a number is passed over.
template <class T>
void column_maxima(std::span<T> most, MatrixView<const T> x);

// sum[j] += Σ_k x(row[k], j), in the order of `row`. Throws ShapeError; the rows named must exist.
template <class T>
void add_rows_to_sum(std::span<double> sum, MatrixView<const T> x, std::span<const Index> row);

}  // namespace gnomon
