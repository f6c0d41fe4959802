// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "gnomon/tensor/tensor.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// The first four moments of numbers that arrive one by one or in parts, without storing them.
// Merging is by Chan, Golub and LeVeque 1979 for the variance and Pébay 2008 (Sandia report
// SAND2008-6212) for the rest: no cancellation for |mean| >> sd. The same values in the same order
// and parts give the same bits.
class Moments {
 public:
  void add(double value);  // throws NumericError for a value that is not finite
  void add(std::span<const double> values);
  void merge(const Moments& other);

  Index n() const { return n_; }
  // Empty where there are too few values (0; 2 for variance and sd) or, for skewness and kurtosis,
  // where all are equal.
  std::optional<double> mean() const;
  std::optional<double> variance() const;  // divides by n - 1
  std::optional<double> sd() const;
  std::optional<double> skewness() const;         // g1 = m3 / m2^(3/2), moments divide by n
  std::optional<double> excess_kurtosis() const;  // g2 = m4 / m2² - 3, 0 for a normal sample
  std::optional<double> min() const;
  std::optional<double> max() const;

 private:
  Index n_ = 0;
  double mean_ = 0;
  double m2_ = 0;  // Σ (x - mean)^k
  double m3_ = 0;
  double m4_ = 0;
  double min_ = 0;
  double max_ = 0;
};

// Mean and covariance of rows that arrive in parts. Takes 8 width² bytes. The same rows in the same
// parts give the same bits (for one library, machine and number of threads).
class CovarianceAccumulator {
 public:
  explicit CovarianceAccumulator(Index width);

  // Throw ShapeError for another width, NumericError for a value that is not finite; the
  // accumulator is then as it was.
  void add(std::span<const double> row);
  void add_rows(MatrixView<const double> rows);
  void add_rows(MatrixView<const float> rows);
  void merge(const CovarianceAccumulator& other);

  Index n() const { return n_; }
  Index width() const { return static_cast<Index>(mean_.size()); }
  const std::vector<double>& mean() const { return mean_; }  // zeros where n is 0
  // [width, width], divides by n - 1. Throws ArgumentError where n < 2.
  Tensor<double> covariance() const;

 private:
  template <class T>
  void add_in_blocks(MatrixView<const T> rows);
  void add_mean_shift(Index n, std::span<const double> mean);

  Index n_ = 0;
  std::vector<double> mean_;
  Tensor<double> products_;  // Σ (row - mean)(row - mean)ᵀ
};

}  // namespace gnomon
