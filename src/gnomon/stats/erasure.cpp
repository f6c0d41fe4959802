// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/erasure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/kernels/linear_algebra.h"

namespace gnomon {
namespace {

double product(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

std::vector<double> column_means(MatrixView<const double> rows) {
  std::vector<double> mean(static_cast<std::size_t>(rows.cols));
  for (Index i = 0; i < rows.rows; ++i) {
    for (Index c = 0; c < rows.cols; ++c) mean[static_cast<std::size_t>(c)] += rows(i, c);
  }
  for (double& value : mean) value /= static_cast<double>(rows.rows);
  return mean;
}

// Component of a row along what is removed.
double component(const RankOneErasure& erasure, std::span<const double> row) {
  if (row.size() != erasure.read.size())
    throw ShapeError(fmt::format("RankOneErasure: a row of {} numbers, expected {}", row.size(),
                                 erasure.read.size()));
  double sum = 0;
  for (std::size_t c = 0; c < row.size(); ++c) sum += (row[c] - erasure.mean[c]) * erasure.read[c];
  return sum;
}

}  // namespace

std::vector<double> RankOneErasure::erased(std::span<const double> row) const {
  const double along = component(*this, row);
  std::vector<double> result(row.begin(), row.end());
  for (std::size_t c = 0; c < row.size(); ++c) result[c] -= along * remove[c];
  return result;
}

std::vector<double> RankOneErasure::kept(std::span<const double> row) const {
  const double along = component(*this, row);
  std::vector<double> result = mean;
  for (std::size_t c = 0; c < row.size(); ++c) result[c] += along * remove[c];
  return result;
}

RankOneErasure mean_projection(MatrixView<const double> rows, std::span<const double> direction) {
  if (static_cast<Index>(direction.size()) != rows.cols)
    throw ShapeError(fmt::format("mean_projection: a direction of {} numbers, expected {}",
                                 direction.size(), rows.cols));
  const double length = std::sqrt(product(direction, direction));
  if (rows.rows < 1 || !(length > 0))
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("mean_projection: {} rows and a direction of length {}, "
                                    "expected rows and a length above 0",
                                    rows.rows, length));
  RankOneErasure erasure;
  erasure.mean = column_means(rows);
  for (const double value : direction) erasure.read.push_back(value / length);
  erasure.remove = erasure.read;
  return erasure;
}

RankOneErasure leace(MatrixView<const double> rows, std::span<const double> z) {
  if (static_cast<Index>(z.size()) != rows.rows)
    throw ShapeError(fmt::format("leace: {} labels for {} rows", z.size(), rows.rows));
  if (rows.rows < 2)
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("leace: {} rows, expected at least 2", rows.rows));
  const auto [lowest, highest] = std::ranges::minmax(z);
  if (!(lowest < highest))
    throw ArgumentError(ErrorCode::bad_data, "leace: the labels are all the same",
                        "there is nothing to erase");
  RankOneErasure erasure;
  erasure.mean = column_means(rows);
  const auto d = static_cast<std::size_t>(rows.cols);
  const auto n = static_cast<double>(rows.rows);
  double z_mean = 0;
  for (const double value : z) z_mean += value / n;
  Tensor<double> centred({rows.rows, rows.cols});
  erasure.remove.assign(d, 0.0);
  for (Index i = 0; i < rows.rows; ++i) {
    for (Index c = 0; c < rows.cols; ++c) {
      const auto k = static_cast<std::size_t>(c);
      centred.matrix()(i, c) = rows(i, c) - erasure.mean[k];
      erasure.remove[k] +=
          centred.matrix()(i, c) * (z[static_cast<std::size_t>(i)] - z_mean) / (n - 1);
    }
  }
  Tensor<double> gram({rows.cols, rows.cols});
  gram_of_columns(gram.matrix(), std::as_const(centred).matrix());
  const SymmetricEigen eigen = symmetric_eigen(std::as_const(gram).matrix());
  const double smallest = static_cast<double>(std::max(rows.rows, rows.cols)) *
                          std::numeric_limits<double>::epsilon() * eigen.value.back();
  erasure.read.assign(d, 0.0);
  for (std::size_t k = 0; k < d; ++k) {
    if (!(eigen.value[k] > smallest)) continue;
    const std::span<const double> vector = eigen.vector.matrix().row(static_cast<Index>(k));
    const double share = product(vector, erasure.remove) * (n - 1) / eigen.value[k];
    for (std::size_t c = 0; c < d; ++c) erasure.read[c] += share * vector[c];
  }
  const double scale = product(erasure.read, erasure.remove);
  if (!(scale > 0))
    throw ArgumentError(ErrorCode::bad_data,
                        "leace: the labels have no covariance with any column of the rows",
                        "there is nothing to erase");
  for (double& value : erasure.read) value /= scale;
  return erasure;
}

}  // namespace gnomon
