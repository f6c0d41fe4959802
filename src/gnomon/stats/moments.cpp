// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/moments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/kernels/linear_algebra.h"

namespace gnomon {

void Moments::add(double value) {
  if (!std::isfinite(value)) {
    throw NumericError(fmt::format("Moments: value {} is {}, expected a finite number", n_, value));
  }
  Moments single;
  single.n_ = 1;
  single.mean_ = single.min_ = single.max_ = value;
  merge(single);
}

void Moments::add(std::span<const double> values) {
  for (const double value : values) add(value);
}

void Moments::merge(const Moments& other) {
  if (other.n_ == 0) return;
  if (n_ == 0) {
    *this = other;
    return;
  }
  const auto a = static_cast<double>(n_);
  const auto b = static_cast<double>(other.n_);
  const double n = a + b;
  const double shift = other.mean_ - mean_;
  const double step = shift / n;
  m4_ += other.m4_ + shift * step * step * step * a * b * (a * a - a * b + b * b) +
         6 * step * step * (a * a * other.m2_ + b * b * m2_) + 4 * step * (a * other.m3_ - b * m3_);
  m3_ += other.m3_ + shift * step * step * a * b * (a - b) + 3 * step * (a * other.m2_ - b * m2_);
  m2_ += other.m2_ + shift * step * a * b;
  mean_ += step * b;
  n_ += other.n_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

std::optional<double> Moments::mean() const {
  if (n_ == 0) return std::nullopt;
  return mean_;
}

std::optional<double> Moments::variance() const {
  if (n_ < 2) return std::nullopt;
  return m2_ / static_cast<double>(n_ - 1);
}

std::optional<double> Moments::sd() const {
  if (n_ < 2) return std::nullopt;
  return std::sqrt(*variance());
}

std::optional<double> Moments::skewness() const {
  if (!(m2_ > 0)) return std::nullopt;
  const auto n = static_cast<double>(n_);
  return m3_ / n / std::pow(m2_ / n, 1.5);
}

std::optional<double> Moments::excess_kurtosis() const {
  if (!(m2_ > 0)) return std::nullopt;
  return static_cast<double>(n_) * (m4_ / m2_) / m2_ - 3;
}

std::optional<double> Moments::min() const {
  if (n_ == 0) return std::nullopt;
  return min_;
}

std::optional<double> Moments::max() const {
  if (n_ == 0) return std::nullopt;
  return max_;
}

CovarianceAccumulator::CovarianceAccumulator(Index width)
    : mean_(static_cast<std::size_t>(width), 0.0), products_({width, width}) {}

void CovarianceAccumulator::add(std::span<const double> row) {
  add_rows(MatrixView<const double>(row.data(), 1, static_cast<Index>(row.size())));
}

void CovarianceAccumulator::add_rows(MatrixView<const double> rows) { add_in_blocks(rows); }

void CovarianceAccumulator::add_rows(MatrixView<const float> rows) { add_in_blocks(rows); }

template <class T>
void CovarianceAccumulator::add_in_blocks(MatrixView<const T> rows) {
  if (rows.cols != width()) {
    throw ShapeError(fmt::format("CovarianceAccumulator: rows have {} columns, expected {}",
                                 rows.cols, width()));
  }
  for (Index i = 0; i < rows.rows; ++i) {
    for (Index j = 0; j < rows.cols; ++j) {
      if (!std::isfinite(rows(i, j))) {
        throw NumericError(
            fmt::format("CovarianceAccumulator: row {}, column {} is {}, expected a finite number",
                        n_ + i, j, rows(i, j)));
      }
    }
  }
  // Enough rows for the matrix product to run at full speed, few enough to stay in cache.
  const Index block_size = 256;
  for (Index first = 0; first < rows.rows; first += block_size) {
    const Index n = std::min(block_size, rows.rows - first);
    std::vector<double> mean(mean_.size(), 0.0);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < width(); ++j) mean[j] += static_cast<double>(rows(first + i, j));
    }
    for (double& value : mean) value /= static_cast<double>(n);
    Tensor<double> centred({n, width()});
    std::vector<double> correction(mean_.size(), 0.0);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < width(); ++j) {
        correction[j] += static_cast<double>(rows(first + i, j)) - mean[j];
      }
    }
    for (Index j = 0; j < width(); ++j) mean[j] += correction[j] / static_cast<double>(n);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < width(); ++j) {
        centred.matrix()(i, j) = static_cast<double>(rows(first + i, j)) - mean[j];
      }
    }
    gram_of_columns(products_.matrix(), centred.matrix(), Output::add);
    add_mean_shift(n, mean);
  }
}

void CovarianceAccumulator::merge(const CovarianceAccumulator& other) {
  if (other.width() != width()) {
    throw ShapeError(fmt::format("CovarianceAccumulator: merging width {}, expected {}",
                                 other.width(), width()));
  }
  if (other.n_ == 0) return;
  for (Index k = 0; k < products_.size(); ++k) products_.data()[k] += other.products_.data()[k];
  add_mean_shift(other.n_, other.mean_);
}

// Joins n rows of that mean to this mean: Σ of both parts has been added already.
void CovarianceAccumulator::add_mean_shift(Index n, std::span<const double> mean) {
  const auto a = static_cast<double>(n_);
  const auto b = static_cast<double>(n);
  n_ += n;
  if (a == 0) {
    mean_.assign(mean.begin(), mean.end());
    return;
  }
  std::vector<double> shift(mean_.size());
  const double weight = std::sqrt(a * b / (a + b));
  for (std::size_t j = 0; j < mean_.size(); ++j) {
    const double difference = mean[j] - mean_[j];
    shift[j] = difference * weight;
    mean_[j] += difference * (b / (a + b));
  }
  gram_of_columns(products_.matrix(), MatrixView<const double>(shift.data(), 1, width()),
                  Output::add);
}

Tensor<double> CovarianceAccumulator::covariance() const {
  if (n_ < 2) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("CovarianceAccumulator: {} rows, expected at least 2 for a covariance", n_));
  }
  Tensor<double> covariance = products_;
  for (double& value : covariance.values()) value /= static_cast<double>(n_ - 1);
  return covariance;
}

}  // namespace gnomon
