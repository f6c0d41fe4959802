// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/column_moments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/kernels/column_sums.h"

namespace gnomon {
namespace {

template <class T>
[[noreturn]] void throw_not_finite(MatrixView<const T> rows) {
  for (Index i = 0; i < rows.rows; ++i) {
    for (Index j = 0; j < rows.cols; ++j) {
      if (std::isfinite(rows(i, j))) continue;
      throw NumericError(fmt::format(
          "ColumnMoments: row {}, column {} is {}, expected a finite number", i, j, rows(i, j)));
    }
  }
  throw NumericError("ColumnMoments: values too large, expected finite sums of their cubes");
}

}  // namespace

ColumnMoments::ColumnMoments(Index width) {
  for (std::vector<double>* values : {&mean_, &m2_, &m3_, &min_, &max_, &positive_})
    values->resize(static_cast<std::size_t>(width));
}

void ColumnMoments::check_width(Index other) const {
  if (other != width()) {
    throw ShapeError(
        fmt::format("ColumnMoments: rows have {} columns, expected {}", other, width()));
  }
}

template <class T>
void ColumnMoments::add_rows(MatrixView<const T> rows) {
  check_width(rows.cols);
  if (rows.rows == 0) return;
  ColumnMoments part(width());
  part.n_ = rows.rows;
  std::vector<double> origin = mean_;
  if (n_ == 0) std::ranges::copy(rows.row(0), origin.begin());
  column_power_sums<T>({part.mean_, part.m2_, part.m3_, part.min_, part.max_, part.positive_}, rows,
                       origin);
  const auto n = static_cast<double>(rows.rows);
  double check = 0;
  for (std::size_t j = 0; j < origin.size(); ++j) {
    const double mean = part.mean_[j] / n;  // of the distances from the origin
    const double sum2 = part.m2_[j];
    check += part.mean_[j] * 0 + part.m3_[j] * 0;  // NaN where one of them is not finite
    part.m2_[j] = std::max(0.0, sum2 - n * mean * mean);
    part.m3_[j] += mean * (2 * n * mean * mean - 3 * sum2);
    part.mean_[j] = origin[j] + mean;
  }
  if (check != 0) throw_not_finite(rows);
  merge(part);
}

void ColumnMoments::merge(const ColumnMoments& other) {
  check_width(other.width());
  if (other.n_ == 0) return;
  if (n_ == 0) {
    *this = other;
    return;
  }
  const auto a = static_cast<double>(n_);
  const auto b = static_cast<double>(other.n_);
  const double n = a + b;
  for (std::size_t j = 0; j < mean_.size(); ++j) {
    const double shift = other.mean_[j] - mean_[j];
    const double step = shift / n;
    m3_[j] += other.m3_[j] + shift * step * step * a * b * (a - b) +
              3 * step * (a * other.m2_[j] - b * m2_[j]);
    m2_[j] += other.m2_[j] + shift * step * a * b;
    mean_[j] += step * b;
    min_[j] = std::min(min_[j], other.min_[j]);
    max_[j] = std::max(max_[j], other.max_[j]);
    positive_[j] += other.positive_[j];
  }
  n_ += other.n_;
}

std::optional<double> ColumnMoments::mean(Index j) const {
  if (n_ == 0) return std::nullopt;
  return mean_[static_cast<std::size_t>(j)];
}

std::optional<double> ColumnMoments::variance(Index j) const {
  if (n_ < 2) return std::nullopt;
  return sum_of_squares(j) / static_cast<double>(n_ - 1);
}

std::optional<double> ColumnMoments::sd(Index j) const {
  if (n_ < 2) return std::nullopt;
  return std::sqrt(*variance(j));
}

std::optional<double> ColumnMoments::skewness(Index j) const {
  if (!(sum_of_squares(j) > 0)) return std::nullopt;
  const auto n = static_cast<double>(n_);
  return m3_[static_cast<std::size_t>(j)] / n / std::pow(sum_of_squares(j) / n, 1.5);
}

std::optional<double> ColumnMoments::min(Index j) const {
  if (n_ == 0) return std::nullopt;
  return min_[static_cast<std::size_t>(j)];
}

std::optional<double> ColumnMoments::max(Index j) const {
  if (n_ == 0) return std::nullopt;
  return max_[static_cast<std::size_t>(j)];
}

std::optional<double> ColumnMoments::share_positive(Index j) const {
  if (n_ == 0) return std::nullopt;
  return positive_[static_cast<std::size_t>(j)] / static_cast<double>(n_);
}

template void ColumnMoments::add_rows(MatrixView<const float>);
template void ColumnMoments::add_rows(MatrixView<const double>);

}  // namespace gnomon
