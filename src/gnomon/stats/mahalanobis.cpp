// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/mahalanobis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/kernels/linear_algebra.h"

namespace gnomon {
namespace {

// Right-hand sides solved for together.
constexpr Index kRowsTogether = 4096;

}  // namespace

NaturalRows::NaturalRows(MatrixView<const double> rows)
    : mean_(static_cast<std::size_t>(rows.cols)), covariance_(shrunk_covariance(rows)) {
  for (Index i = 0; i < rows.rows; ++i) {
    for (Index c = 0; c < rows.cols; ++c) mean_[static_cast<std::size_t>(c)] += rows(i, c);
  }
  for (double& value : mean_) value /= static_cast<double>(rows.rows);
  double trace = 0;
  for (Index c = 0; c < rows.cols; ++c) trace += covariance_.covariance.matrix()(c, c);
  if (!(trace > 0)) throw NumericError("NaturalRows: no column varies, expected a spread");
}

std::vector<double> NaturalRows::distances(MatrixView<const double> rows) const {
  if (rows.cols != width())
    throw ShapeError(
        fmt::format("NaturalRows: rows of {} numbers, expected {}", rows.cols, width()));
  std::vector<double> result;
  for (Index first = 0; first < rows.rows; first += kRowsTogether) {
    const Index n = std::min(kRowsTogether, rows.rows - first);
    Tensor<double> centred({width(), n});
    for (Index c = 0; c < width(); ++c) {
      for (Index i = 0; i < n; ++i)
        centred.matrix()(c, i) = rows(first + i, c) - mean_[static_cast<std::size_t>(c)];
    }
    const Tensor<double> solved =
        cholesky_solve(covariance_.shrunk.matrix(), std::as_const(centred).matrix());
    std::vector<double> squares(static_cast<std::size_t>(n));
    for (Index c = 0; c < width(); ++c) {
      for (Index i = 0; i < n; ++i)
        squares[static_cast<std::size_t>(i)] += centred.matrix()(c, i) * solved.matrix()(c, i);
    }
    for (const double square : squares) result.push_back(std::sqrt(std::max(0.0, square)));
  }
  return result;
}

}  // namespace gnomon
