// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/matmul.h"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/product.h"

// OpenBLAS has this function and other libraries have not: then its address is null.
extern "C" __attribute__((weak)) char* openblas_get_config(void);

namespace gnomon {
namespace {

// Numbers that one thread writes, or multiplies, at the least.
constexpr Index kAddGrain = 1 << 15;
constexpr Index kMultiplyGrain = 1 << 18;

template <class T>
void check_shapes(const MatrixView<T>& y, const MatrixView<const T>& x, const WeightView<T>& weight,
                  std::span<const T> bias) {
  if (weight.n_in < 0 || weight.n_out < 0) {
    throw ShapeError(
        fmt::format("linear_forward: weight is {} to {} numbers, expected sizes of 0 or more",
                    weight.n_in, weight.n_out));
  }
  if (x.cols != weight.n_in) {
    throw ShapeError(
        fmt::format("linear_forward: x has {} columns, expected n_in = {}", x.cols, weight.n_in));
  }
  if (y.rows != x.rows || y.cols != weight.n_out) {
    throw ShapeError(
        fmt::format("linear_forward: y is [{}, {}], expected [n_row, n_out] = [{}, {}]", y.rows,
                    y.cols, x.rows, weight.n_out));
  }
  if (!bias.empty() && static_cast<Index>(bias.size()) != weight.n_out) {
    throw ShapeError(fmt::format("linear_forward: bias has {} values, expected n_out = {} or none",
                                 bias.size(), weight.n_out));
  }
  const Index n_stored_row = weight.layout == WeightLayout::in_out ? weight.n_in : weight.n_out;
  const Index row_size = weight.layout == WeightLayout::in_out ? weight.n_out : weight.n_in;
  if (n_stored_row > 1 && weight.stride < row_size) {
    throw ShapeError(fmt::format("linear_forward: weight has stride {}, expected at least {}",
                                 weight.stride, row_size));
  }
}

template <class T>
void reference_product(MatrixView<T> y, MatrixView<const T> x, const WeightView<T>& weight,
                       std::span<const T> bias) {
  const Index grain = kMultiplyGrain / std::max<Index>(1, weight.n_in * weight.n_out) + 1;
  parallel_for(0, x.rows, grain, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      for (Index o = 0; o < weight.n_out; ++o) {
        double sum = 0;
        for (Index k = 0; k < weight.n_in; ++k) {
          sum += static_cast<double>(x(i, k)) * static_cast<double>(weight(k, o));
        }
        if (!bias.empty()) sum += static_cast<double>(bias[static_cast<std::size_t>(o)]);
        y(i, o) = static_cast<T>(sum);
      }
    }
  });
}

template <class T>
void add_bias(MatrixView<T> y, std::span<const T> bias) {
  if (bias.empty()) return;
  const Index grain = kAddGrain / std::max<Index>(1, y.cols) + 1;
  parallel_for(0, y.rows, grain, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      T* row = y.row(i).data();
      for (Index o = 0; o < y.cols; ++o) row[o] += bias[static_cast<std::size_t>(o)];
    }
  });
}

blasint blas_size(Index size) {
  if (size > std::numeric_limits<blasint>::max()) {
    throw ShapeError(
        fmt::format("linear_forward: a size of {} is beyond this CBLAS, expected at most {}", size,
                    std::numeric_limits<blasint>::max()),
        "use backend \"packed\"");
  }
  return static_cast<blasint>(size);
}

void gemm(CBLAS_TRANSPOSE transpose, blasint m, blasint n, blasint k, const float* x,
          blasint x_stride, const float* w, blasint w_stride, float* y, blasint y_stride) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose, m, n, k, 1, x, x_stride, w, w_stride, 0, y,
              y_stride);
}

void gemm(CBLAS_TRANSPOSE transpose, blasint m, blasint n, blasint k, const double* x,
          blasint x_stride, const double* w, blasint w_stride, double* y, blasint y_stride) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, transpose, m, n, k, 1, x, x_stride, w, w_stride, 0, y,
              y_stride);
}

template <class T>
void blas_product(MatrixView<T> y, MatrixView<const T> x, const WeightView<T>& weight) {
  if (weight.n_in == 0) {
    for (Index i = 0; i < y.rows; ++i) std::ranges::fill(y.row(i), T{0});
    return;
  }
  const bool transpose = weight.layout == WeightLayout::out_in;
  // A single row may come with any stride; CBLAS wants one that could hold it.
  const Index x_stride = std::max(x.stride, x.cols);
  const Index y_stride = std::max(y.stride, y.cols);
  const Index w_stride = std::max(weight.stride, transpose ? weight.n_in : weight.n_out);
  gemm(transpose ? CblasTrans : CblasNoTrans, blas_size(y.rows), blas_size(y.cols),
       blas_size(weight.n_in), x.data, blas_size(x_stride), weight.data, blas_size(w_stride),
       y.data, blas_size(y_stride));
}

template <class T>
void packed_product(MatrixView<T> y, MatrixView<const T> x, const WeightView<T>& weight) {
  const bool in_out = weight.layout == WeightLayout::in_out;
  const detail::Factor<T> w{weight.data, in_out ? weight.stride : 1, in_out ? 1 : weight.stride};
  detail::multiply(y, detail::Factor<T>{x.data, x.stride, 1}, w, weight.n_in);
}

}  // namespace

std::string_view backend_name(Backend backend) {
  switch (backend) {
    case Backend::reference:
      return "reference";
    case Backend::blas:
      return "blas";
    case Backend::packed:
      return "packed";
  }
  throw InternalError(fmt::format("backend_name: no backend {}", static_cast<int>(backend)));
}

std::string blas_description() {
  return openblas_get_config != nullptr ? openblas_get_config() : "CBLAS";
}

template <class T>
void linear_forward(MatrixView<T> y, MatrixView<const T> x, const WeightView<T>& weight,
                    std::span<const T> bias, Backend backend) {
  check_shapes(y, x, weight, bias);
  if (y.rows == 0 || y.cols == 0) return;
  switch (backend) {
    case Backend::reference:
      return reference_product(y, x, weight, bias);
    case Backend::blas:
      blas_product(y, x, weight);
      return add_bias(y, bias);
    case Backend::packed:
      packed_product(y, x, weight);
      return add_bias(y, bias);
  }
  throw InternalError(fmt::format("linear_forward: no backend {}", static_cast<int>(backend)));
}

template void linear_forward(MatrixView<float>, MatrixView<const float>, const WeightView<float>&,
                             std::span<const float>, Backend);
template void linear_forward(MatrixView<double>, MatrixView<const double>,
                             const WeightView<double>&, std::span<const double>, Backend);

}  // namespace gnomon
