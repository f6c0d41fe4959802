// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/linear_algebra.h"

#include <cblas.h>
#include <fmt/format.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/kernels/detail/blas_threads.h"
#include "gnomon/kernels/detail/product.h"

namespace gnomon {
namespace {

int blas_size(std::string_view function, Index n) {
  if (n > std::numeric_limits<int>::max()) {
    throw ShapeError(fmt::format("{}: a dimension is {}, expected at most {}", function, n,
                                 std::numeric_limits<int>::max()));
  }
  return static_cast<int>(n);
}

void check_square(std::string_view function, MatrixView<const double> a) {
  if (a.rows != a.cols) {
    throw ShapeError(
        fmt::format("{}: the matrix is [{}, {}], expected square", function, a.rows, a.cols));
  }
}

void check_shape(std::string_view function, std::string_view name, MatrixView<const double> a,
                 Index rows, Index cols) {
  if (a.rows != rows || a.cols != cols) {
    throw ShapeError(fmt::format("{}: {} is [{}, {}], expected [{}, {}]", function, name, a.rows,
                                 a.cols, rows, cols));
  }
}

void check_finite(std::string_view function, std::string_view name, Index i, Index j,
                  double value) {
  if (!std::isfinite(value)) {
    throw NumericError(
        fmt::format("{}: {}[{}, {}] is {}, expected a finite number", function, name, i, j, value));
  }
}

Tensor<double> copy_lower_triangle(std::string_view function, MatrixView<const double> a) {
  check_square(function, a);
  blas_size(function, a.rows);
  Tensor<double> copy({a.rows, a.rows});
  const MatrixView<double> c = copy.matrix();
  for (Index i = 0; i < a.rows; ++i) {
    for (Index j = 0; j <= i; ++j) {
      check_finite(function, "a", i, j, a(i, j));
      c(i, j) = a(i, j);
    }
  }
  return copy;
}

using detail::Factor;

Factor<double> factor_of(MatrixView<const double> a, Op op) {
  if (op == Op::transposed) return {a.data, 1, a.stride};
  return {a.data, a.stride, 1};
}

// g = a aᵀ, or g += a aᵀ, where a is [g.rows, n_inner]. The lower triangle is computed and
// mirrored.
void gram(std::string_view function, MatrixView<double> g, const Factor<double>& a, Index n,
          Index n_inner, Output output) {
  constexpr Index kBand = 96;  // rows at a time, whose part right of the diagonal is not computed
  check_shape(function, "g", g, n, n);
  const Factor<double> turned{a.data, a.col, a.row};
  for (Index first = 0; first < n; first += kBand) {
    const Index last = std::min(first + kBand, n);
    detail::multiply<double>({&g(first, 0), last - first, last, g.stride},
                             {a.at(first, 0), a.row, a.col}, turned, n_inner, output);
  }
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < i; ++j) g(j, i) = g(i, j);
  }
}

void fix_sign(std::span<double> vector) {
  const auto largest = std::max_element(
      vector.begin(), vector.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  if (*largest < 0) {
    for (double& value : vector) value = -value;
  }
}

}  // namespace

void multiply(MatrixView<double> c, MatrixView<const double> a, Op op_a, MatrixView<const double> b,
              Op op_b, Output output) {
  const bool turn_a = op_a == Op::transposed;
  const bool turn_b = op_b == Op::transposed;
  const Index m = turn_a ? a.cols : a.rows;
  const Index k = turn_a ? a.rows : a.cols;
  const Index n = turn_b ? b.rows : b.cols;
  check_shape("multiply", "b", b, turn_b ? n : k, turn_b ? k : n);
  check_shape("multiply", "c", c, m, n);
  detail::multiply(c, factor_of(a, op_a), factor_of(b, op_b), k, output);
}

void gram_of_columns(MatrixView<double> g, MatrixView<const double> x, Output output) {
  gram("gram_of_columns", g, factor_of(x, Op::transposed), x.cols, x.rows, output);
}

void gram_of_rows(MatrixView<double> g, MatrixView<const double> x) {
  gram("gram_of_rows", g, factor_of(x, Op::plain), x.rows, x.cols, Output::overwrite);
}

SymmetricEigen symmetric_eigen(MatrixView<const double> a) {
  SymmetricEigen eigen;
  eigen.vector = copy_lower_triangle("symmetric_eigen", a);
  eigen.value.resize(static_cast<std::size_t>(a.rows));
  if (a.rows == 0) return eigen;
  const int n = static_cast<int>(a.rows);
  const detail::BlasThreads one_thread(1);
  // Read by columns, our lower triangle is LAPACK's upper one, and its eigenvector columns come
  // back as our rows: no transposition either way.
  const int info =
      LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', n, eigen.vector.data(), n, eigen.value.data());
  if (info != 0) {
    throw NumericError(
        fmt::format("symmetric_eigen: the eigenvalues of a [{}, {}] matrix did not converge "
                    "(dsyevd returned {})",
                    n, n, info),
        "look for entries of very different magnitude, and scale the columns");
  }
  const MatrixView<double> vectors = eigen.vector.matrix();
  for (Index k = 0; k < a.rows; ++k) fix_sign(vectors.row(k));
  return eigen;
}

Tensor<double> cholesky_solve(MatrixView<const double> a, MatrixView<const double> b) {
  Tensor<double> factor = copy_lower_triangle("cholesky_solve", a);
  check_shape("cholesky_solve", "b", b, a.rows, b.cols);
  Tensor<double> x({b.rows, b.cols});
  for (Index i = 0; i < b.rows; ++i) {
    for (Index j = 0; j < b.cols; ++j) {
      check_finite("cholesky_solve", "b", i, j, b(i, j));
      x.matrix()(i, j) = b(i, j);
    }
  }
  if (x.size() == 0) return x;
  const int n = static_cast<int>(a.rows);
  const int k = blas_size("cholesky_solve", b.cols);
  const detail::BlasThreads one_thread(1);
  const int info = LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', n, factor.data(), n);
  if (info != 0) {
    throw NumericError(
        fmt::format(
            "cholesky_solve: the leading {} by {} part of a [{}, {}] matrix is not positive "
            "definite, expected positive eigenvalues",
            info, info, n, n),
        "add a ridge to the diagonal, or leave out columns that depend on others");
  }
  for (const CBLAS_TRANSPOSE transpose : {CblasNoTrans, CblasTrans}) {
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, transpose, CblasNonUnit, n, k, 1,
                factor.data(), n, x.data(), k);
  }
  return x;
}

}  // namespace gnomon
