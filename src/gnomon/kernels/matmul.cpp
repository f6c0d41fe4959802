// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/matmul.h"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/blas_threads.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/detail/product.h"

// OpenBLAS has this function and other libraries have not: then its address is null.
extern "C" __attribute__((weak)) char* openblas_get_config(void);

namespace gnomon {
namespace {

// Numbers that one thread writes, or multiplies, at the least.
constexpr Index kAddGrain = 1 << 15;
constexpr Index kMultiplyGrain = 1 << 18;

// The sizes of a projection, as `weight` or `grad_weight` states them.
template <class Weight>
void check_weight(std::string_view op, std::string_view name, const Weight& weight) {
  if (weight.n_in < 0 || weight.n_out < 0) {
    throw ShapeError(fmt::format("{}: {} is {} to {} numbers, expected sizes of 0 or more", op,
                                 name, weight.n_in, weight.n_out));
  }
  const OutputGroups& groups = weight.groups;
  if (groups.size < 0 ||
      (groups.size > 0 && (weight.n_out % groups.size != 0 || groups.distance < groups.size))) {
    throw ShapeError(fmt::format(
        "{}: {} has {} outputs in groups of {}, {} apart, expected whole groups that do "
        "not overlap",
        op, name, weight.n_out, groups.size, groups.distance));
  }
  const Index n_stored_row = weight.layout == WeightLayout::in_out ? weight.n_in : weight.n_out;
  const Index row_size = weight.layout == WeightLayout::in_out ? weight.n_out : weight.n_in;
  if (n_stored_row > 1 && weight.stride < row_size) {
    throw ShapeError(fmt::format("{}: {} has stride {}, expected at least {}", op, name,
                                 weight.stride, row_size));
  }
}

// `in` stands at the projection's entry and `out` at its exit.
template <class In, class Out, class Weight>
void check_sides(std::string_view op, std::string_view in_name, const In& in,
                 std::string_view out_name, const Out& out, const Weight& weight) {
  if (in.cols != weight.n_in) {
    throw ShapeError(fmt::format("{}: {} has {} columns, expected n_in = {}", op, in_name, in.cols,
                                 weight.n_in));
  }
  if (out.rows != in.rows || out.cols != weight.n_out) {
    throw ShapeError(fmt::format("{}: {} is [{}, {}], expected [n_row, n_out] = [{}, {}]", op,
                                 out_name, out.rows, out.cols, in.rows, weight.n_out));
  }
}

template <class Weight>
void check_bias(std::string_view op, std::string_view name, std::size_t size,
                const Weight& weight) {
  const Index expected = weight.n_out == 0 ? 0 : weight.groups.stored(weight.n_out - 1) + 1;
  if (size != 0 && static_cast<Index>(size) != expected) {
    throw ShapeError(
        fmt::format("{}: {} has {} values, expected n_out = {} or none", op, name, size, expected));
  }
}

template <class Weight>
bool is_grouped(const Weight& weight) {
  return weight.groups.size > 0 && weight.groups.size < weight.n_out;
}

// Calls `each` with every group of outputs as a projection of its own, its bias, and its first
// output.
template <class Weight, class T, class Each>
void for_groups(const Weight& whole, std::span<T> bias, const Each& each) {
  const Index size = whole.groups.size;
  for (Index first = 0; first < whole.n_out; first += size) {
    const Index at = whole.groups.stored(first);
    Weight part = whole;
    part.groups = {};
    part.n_out = size;
    if (whole.data != nullptr)
      part.data += whole.layout == WeightLayout::in_out ? at : at * whole.stride;
    each(part,
         bias.empty() ? bias
                      : bias.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(size)),
         first);
  }
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

// c = a b + bias, or c += a b + bias, where the factors are read by two strides of which one is 1.
template <class T>
struct Product {
  std::string_view op;
  MatrixView<T> c;
  detail::Factor<T> a, b;
  Index n_inner;
  Output output;
  std::span<const T> bias;  // of the columns of c; empty for none
};

template <class T>
void reference_product(const Product<T>& p) {
  const Index grain = kMultiplyGrain / std::max<Index>(1, p.n_inner * p.c.cols) + 1;
  parallel_for(0, p.c.rows, grain, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      for (Index j = 0; j < p.c.cols; ++j) {
        double sum = p.output == Output::add ? static_cast<double>(p.c(i, j)) : 0;
        for (Index k = 0; k < p.n_inner; ++k) {
          sum += static_cast<double>(*p.a.at(i, k)) * static_cast<double>(*p.b.at(k, j));
        }
        if (!p.bias.empty()) sum += static_cast<double>(p.bias[static_cast<std::size_t>(j)]);
        p.c(i, j) = static_cast<T>(sum);
      }
    }
  });
}

blasint blas_size(std::string_view op, Index size) {
  if (size > std::numeric_limits<blasint>::max()) {
    throw ShapeError(fmt::format("{}: a size of {} is beyond this CBLAS, expected at most {}", op,
                                 size, std::numeric_limits<blasint>::max()),
                     "use backend \"packed\"");
  }
  return static_cast<blasint>(size);
}

// A factor as CBLAS names it.
struct BlasFactor {
  CBLAS_TRANSPOSE transpose;
  blasint stride;
};

// A single row may come with any stride; CBLAS wants one that could hold it.
template <class T>
BlasFactor blas_factor(std::string_view op, const detail::Factor<T>& factor, Index rows,
                       Index cols) {
  if (factor.col == 1) {
    return {CblasNoTrans, blas_size(op, std::max({factor.row, cols, Index{1}}))};
  }
  return {CblasTrans, blas_size(op, std::max({factor.col, rows, Index{1}}))};
}

void gemm(const BlasFactor& a, const BlasFactor& b, blasint m, blasint n, blasint k,
          const float* a_data, const float* b_data, float beta, float* c, blasint c_stride) {
  cblas_sgemm(CblasRowMajor, a.transpose, b.transpose, m, n, k, 1, a_data, a.stride, b_data,
              b.stride, beta, c, c_stride);
}

void gemm(const BlasFactor& a, const BlasFactor& b, blasint m, blasint n, blasint k,
          const double* a_data, const double* b_data, double beta, double* c, blasint c_stride) {
  cblas_dgemm(CblasRowMajor, a.transpose, b.transpose, m, n, k, 1, a_data, a.stride, b_data,
              b.stride, beta, c, c_stride);
}

template <class T>
void blas_product(const Product<T>& p) {
  if (p.n_inner == 0) {
    for (Index i = 0; i < p.c.rows && p.output == Output::overwrite; ++i) {
      std::ranges::fill(p.c.row(i), T{0});
    }
    return;
  }
  const detail::BlasThreads all_threads(threads());
  gemm(blas_factor(p.op, p.a, p.c.rows, p.n_inner), blas_factor(p.op, p.b, p.n_inner, p.c.cols),
       blas_size(p.op, p.c.rows), blas_size(p.op, p.c.cols), blas_size(p.op, p.n_inner), p.a.data,
       p.b.data, p.output == Output::add ? T{1} : T{0}, p.c.data,
       blas_size(p.op, std::max(p.c.stride, p.c.cols)));
}

template <class T>
void multiply(const Product<T>& p, Backend backend) {
  if (p.c.rows == 0 || p.c.cols == 0) return;
  switch (backend) {
    case Backend::reference:
      return reference_product(p);
    case Backend::blas:
      blas_product(p);
      return add_bias(p.c, p.bias);
    case Backend::packed:
      detail::multiply(p.c, p.a, p.b, p.n_inner, p.output);
      return add_bias(p.c, p.bias);
  }
  throw InternalError(fmt::format("{}: no backend {}", p.op, static_cast<int>(backend)));
}

// W [n_in, n_out] of either layout.
template <class T>
detail::Factor<T> factor_of(const WeightView<T>& weight) {
  if (weight.layout == WeightLayout::in_out) return {weight.data, weight.stride, 1};
  return {weight.data, 1, weight.stride};
}

template <class T>
detail::Factor<T> factor_of(const MatrixView<const T>& matrix) {
  return {matrix.data, matrix.stride, 1};
}

template <class T>
detail::Factor<T> transposed(const detail::Factor<T>& factor) {
  return {factor.data, factor.col, factor.row};
}

// grad_bias += Σ_row grad_y, each column's sum in double and by one thread.
struct AddColumnSums {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* grad_bias, const T* grad_y, Index stride, Index n_row,
                                       Index n_col) {
    constexpr Index kBlock = 256;
    double sum[kBlock];
    for (Index j0 = 0; j0 < n_col; j0 += kBlock) {
      const Index n_j = std::min(kBlock, n_col - j0);
      for (Index j = 0; j < n_j; ++j) sum[j] = 0;
      for (Index i = 0; i < n_row; ++i) {
        const T* row = grad_y + i * stride + j0;
        GNOMON_INDEPENDENT_ITERATIONS
        for (Index j = 0; j < n_j; ++j) sum[j] += static_cast<double>(row[j]);
      }
      for (Index j = 0; j < n_j; ++j) grad_bias[j0 + j] += static_cast<T>(sum[j]);
    }
  }
};

std::atomic<Backend>& backend_setting() {
  static std::atomic<Backend> setting{Backend::packed};
  return setting;
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

void set_default_backend(Backend backend) { backend_setting() = backend; }

Backend default_backend() { return backend_setting(); }

std::string kernels_description() {
  return fmt::format("{}; matrix products: {}", detail::instruction_set_name(),
                     backend_name(default_backend()));
}

std::string blas_description() {
  return openblas_get_config != nullptr ? openblas_get_config() : "CBLAS";
}

template <class T>
void linear_forward(MatrixView<T> y, MatrixView<const T> x, const WeightView<T>& weight,
                    std::span<const T> bias, Backend backend) {
  constexpr std::string_view kOp = "linear_forward";
  check_weight(kOp, "weight", weight);
  check_sides(kOp, "x", x, "y", y, weight);
  check_bias(kOp, "bias", bias.size(), weight);
  if (is_grouped(weight)) {
    return for_groups(weight, bias, [&](const auto& part, std::span<const T> own, Index first) {
      linear_forward<T>(y.columns(first, part.n_out), x, part, own, backend);
    });
  }
  const Product<T> product{kOp, y, factor_of(x), factor_of(weight), weight.n_in, Output::overwrite,
                           bias};
  multiply(product, backend);
}

template <class T>
void linear_backward_input(MatrixView<T> grad_x, MatrixView<const T> grad_y,
                           const WeightView<T>& weight, Output output, Backend backend) {
  constexpr std::string_view kOp = "linear_backward_input";
  check_weight(kOp, "weight", weight);
  check_sides(kOp, "grad_x", grad_x, "grad_y", grad_y, weight);
  if (is_grouped(weight)) {
    // Each group adds to what those before it gave.
    return for_groups(weight, std::span<const T>(),
                      [&](const auto& part, std::span<const T>, Index first) {
                        linear_backward_input<T>(grad_x, grad_y.columns(first, part.n_out), part,
                                                 first == 0 ? output : Output::add, backend);
                      });
  }
  const Product<T> product{
      kOp, grad_x, factor_of(grad_y), transposed(factor_of(weight)), weight.n_out, output, {}};
  multiply(product, backend);
}

template <class T>
void linear_backward_weight(const GradWeightView<T>& grad_weight, std::span<T> grad_bias,
                            MatrixView<const T> x, MatrixView<const T> grad_y, Backend backend) {
  constexpr std::string_view kOp = "linear_backward_weight";
  if (grad_weight.data != nullptr) check_weight(kOp, "grad_weight", grad_weight);
  check_sides(kOp, "x", x, "grad_y", grad_y, grad_weight);
  check_bias(kOp, "grad_bias", grad_bias.size(), grad_weight);
  if (is_grouped(grad_weight)) {
    return for_groups(grad_weight, grad_bias, [&](const auto& part, std::span<T> own, Index first) {
      linear_backward_weight<T>(part, own, x, grad_y.columns(first, part.n_out), backend);
    });
  }
  if (grad_weight.data != nullptr) {
    const bool in_out = grad_weight.layout == WeightLayout::in_out;
    const MatrixView<const T>& rows = in_out ? x : grad_y;
    const MatrixView<const T>& columns = in_out ? grad_y : x;
    const Product<T> product{kOp,
                             {grad_weight.data, rows.cols, columns.cols, grad_weight.stride},
                             transposed(factor_of(rows)),
                             factor_of(columns),
                             x.rows,
                             Output::add,
                             {}};
    multiply(product, backend);
  }
  const Index grain = std::max<Index>(64, kAddGrain / std::max<Index>(1, grad_y.rows));
  parallel_for(0, static_cast<Index>(grad_bias.size()), grain, [&](Index first, Index last) {
    detail::dispatch<AddColumnSums>(grad_bias.data() + first, grad_y.data + first, grad_y.stride,
                                    grad_y.rows, last - first);
  });
}

template void linear_forward(MatrixView<float>, MatrixView<const float>, const WeightView<float>&,
                             std::span<const float>, Backend);
template void linear_forward(MatrixView<double>, MatrixView<const double>,
                             const WeightView<double>&, std::span<const double>, Backend);

template void linear_backward_input(MatrixView<float>, MatrixView<const float>,
                                    const WeightView<float>&, Output, Backend);
template void linear_backward_input(MatrixView<double>, MatrixView<const double>,
                                    const WeightView<double>&, Output, Backend);
template void linear_backward_weight(const GradWeightView<float>&, std::span<float>,
                                     MatrixView<const float>, MatrixView<const float>, Backend);
template void linear_backward_weight(const GradWeightView<double>&, std::span<double>,
                                     MatrixView<const double>, MatrixView<const double>, Backend);

}  // namespace gnomon
