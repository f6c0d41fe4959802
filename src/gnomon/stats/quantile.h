// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gnomon/tensor/tensor.h"

namespace gnomon {

// Quantiles of a sample by linear interpolation between order statistics, at (n - 1) probability:
// type 7 of Hyndman and Fan 1996 (The American Statistician 50), the default of NumPy and R.
// Throws ArgumentError for no values or a probability outside [0, 1], NumericError for a value that
// is not finite.
double quantile(std::span<const double> values, double probability);
std::vector<double> quantiles(std::span<const double> values,
                              std::span<const double> probabilities);

// The same of every column of `columns` [n_row, n_col], which are sorted in the process: element
// (k, j) of the result is quantile probabilities[k] of column j. Throws ArgumentError as above;
// values must be finite. One thread.
template <class T>
Tensor<double> quantiles_of_columns(MatrixView<T> columns, std::span<const double> probabilities);

// Where `value` stands in a null sample: (number below + half the number equal) / n, from 0 to 1.
// 1/2 for a value in the middle, whatever the ties. A description; its test is permutation_p_value.
// Throws ArgumentError for no values, NumericError for a value that is not finite.
double percentile_rank(std::span<const double> null_values, double value);

}  // namespace gnomon
