// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"

namespace gnomon {
namespace {

// Numbers that one thread computes at the least.
constexpr Index kThreadGrain = 1 << 15;

// Σ term(j) over j < n, in double. Term j goes to sum j mod 16, and the sixteen are added as a
// tree: a fixed order that vectorises.
template <class Term>
GNOMON_ALWAYS_INLINE double lane_sum(Index n, Term term) {
  constexpr Index kLanes = 16;
  double sum[kLanes] = {};
  Index j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    for (Index lane = 0; lane < kLanes; ++lane) sum[lane] += term(j + lane);
  }
  for (Index lane = 0; j + lane < n; ++lane) sum[lane] += term(j + lane);
  for (Index width = kLanes / 2; width > 0; width /= 2) {
    for (Index lane = 0; lane < width; ++lane) sum[lane] += sum[lane + width];
  }
  return sum[0];
}

// Two passes, not E[x²] - E[x]²: with |mean| >> sd the difference cancels (norm_test, LargeMean).
// The second pass reads from the first-level cache.
struct Scale {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(bool centred, T* mean, T* scale, const T* x, Index stride,
                                       Index n_row, Index d, double eps) {
    for (Index i = 0; i < n_row; ++i) {
      const T* row = x + i * stride;
      const auto value = [row](Index j) __attribute__((always_inline)) {
        return static_cast<double>(row[j]);
      };
      const double centre = centred ? lane_sum(d, value) / static_cast<double>(d) : 0;
      const auto square_term = [ row, centre ](Index j) __attribute__((always_inline)) {
        const double difference = static_cast<double>(row[j]) - centre;
        return difference * difference;
      };
      const double square = lane_sum(d, square_term) / static_cast<double>(d);
      mean[i] = static_cast<T>(centre);
      scale[i] = static_cast<T>(std::sqrt(square + eps));
    }
  }
};

struct Normalize {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* y, const T* x, Index d, T mean, T scale) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (Index j = 0; j < d; ++j) y[j] = (x[j] - mean) / scale;
  }
};

struct Affine {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* y, const T* x, const T* weight, const T* bias, Index d) {
    if (bias == nullptr) {
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < d; ++j) y[j] = x[j] * weight[j];
    } else {
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < d; ++j) y[j] = x[j] * weight[j] + bias[j];
    }
  }
};

// Columns of a stripe whose sums over rows are kept in double; stripes go to threads.
constexpr Index kStripe = 128;

// grad_normalized of the columns of one stripe, and its sums. A null sum is none.
struct AffineBackward {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* grad_normalized, Index out_stride, T* grad_weight,
                                       T* grad_bias, const T* grad_y, Index grad_stride,
                                       const T* normalized, Index stride, const T* weight,
                                       Index n_row, Index n_col) {
    double weight_sum[kStripe] = {};
    double bias_sum[kStripe] = {};
    for (Index i = 0; i < n_row; ++i) {
      const T* g = grad_y + i * grad_stride;
      if (grad_weight != nullptr) {
        const T* x = normalized + i * stride;
        for (Index j = 0; j < n_col; ++j) {
          weight_sum[j] += static_cast<double>(g[j]) * static_cast<double>(x[j]);
        }
      }
      if (grad_bias != nullptr) {
        for (Index j = 0; j < n_col; ++j) bias_sum[j] += static_cast<double>(g[j]);
      }
      T* out = grad_normalized + i * out_stride;
      GNOMON_INDEPENDENT_ITERATIONS
      for (Index j = 0; j < n_col; ++j) out[j] = g[j] * weight[j];
    }
    for (Index j = 0; j < n_col && grad_weight != nullptr; ++j) {
      grad_weight[j] += static_cast<T>(weight_sum[j]);
    }
    for (Index j = 0; j < n_col && grad_bias != nullptr; ++j) {
      grad_bias[j] += static_cast<T>(bias_sum[j]);
    }
  }
};

struct NormalizeBackward {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* grad_c, T* grad_scale, const T* grad_normalized,
                                       const T* normalized, T scale, Index d) {
    const double product = lane_sum(
        d, [ grad_normalized, normalized ](Index j) __attribute__((always_inline)) {
          return static_cast<double>(grad_normalized[j]) * static_cast<double>(normalized[j]);
        });
    *grad_scale = static_cast<T>(-product / static_cast<double>(scale));
    GNOMON_INDEPENDENT_ITERATIONS
    for (Index j = 0; j < d; ++j) grad_c[j] = grad_normalized[j] / scale;
  }
};

struct ScaleBackward {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(bool centred, T* grad_x, const T* grad_c, T grad_scale,
                                       const T* normalized, Index d) {
    const double share = static_cast<double>(grad_scale) / static_cast<double>(d);
    const auto g = [ grad_c, normalized, share ](Index j) __attribute__((always_inline)) {
      return static_cast<double>(grad_c[j]) + share * static_cast<double>(normalized[j]);
    };
    const double mean = centred ? lane_sum(d, g) / static_cast<double>(d) : 0;
    GNOMON_INDEPENDENT_ITERATIONS
    for (Index j = 0; j < d; ++j) grad_x[j] += static_cast<T>(g(j) - mean);
  }
};

Index rows_per_thread(Index d) { return kThreadGrain / std::max<Index>(d, 1) + 1; }

template <class Y, class X>
void check_same_shape(std::string_view op, std::string_view output, const MatrixView<Y>& y,
                      const MatrixView<X>& x) {
  if (y.rows != x.rows || y.cols != x.cols) {
    throw ShapeError(fmt::format("{}: {} is [{}, {}], expected [n_row, d] = [{}, {}]", op, output,
                                 y.rows, y.cols, x.rows, x.cols));
  }
}

void check_size(std::string_view op, std::string_view name, std::size_t size, Index expected,
                std::string_view axis) {
  if (static_cast<Index>(size) != expected) {
    throw ShapeError(
        fmt::format("{}: {} has {} values, expected {} = {}", op, name, size, axis, expected));
  }
}

}  // namespace

template <class T>
void norm_scale_forward(NormKind kind, std::span<T> mean, std::span<T> scale, MatrixView<const T> x,
                        double eps) {
  check_size("norm_scale_forward", "mean", mean.size(), x.rows, "n_row");
  check_size("norm_scale_forward", "scale", scale.size(), x.rows, "n_row");
  if (x.cols < 1) {
    throw ShapeError(
        fmt::format("norm_scale_forward: x has {} columns, expected at least 1", x.cols));
  }
  parallel_for(0, x.rows, rows_per_thread(x.cols), [&](Index first, Index last) {
    detail::dispatch<Scale>(kind == NormKind::layer_norm, mean.data() + first, scale.data() + first,
                            x.data + first * x.stride, x.stride, last - first, x.cols, eps);
  });
}

template <class T>
void norm_normalize_forward(MatrixView<T> normalized, MatrixView<const T> x,
                            std::span<const T> mean, std::span<const T> scale) {
  check_same_shape("norm_normalize_forward", "normalized", normalized, x);
  check_size("norm_normalize_forward", "mean", mean.size(), x.rows, "n_row");
  check_size("norm_normalize_forward", "scale", scale.size(), x.rows, "n_row");
  parallel_for(0, x.rows, rows_per_thread(x.cols), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const auto row = static_cast<std::size_t>(i);
      detail::dispatch<Normalize>(normalized.row(i).data(), x.row(i).data(), x.cols, mean[row],
                                  scale[row]);
    }
  });
}

template <class T>
void norm_affine_forward(MatrixView<T> y, MatrixView<const T> normalized, std::span<const T> weight,
                         std::span<const T> bias) {
  check_same_shape("norm_affine_forward", "y", y, normalized);
  check_size("norm_affine_forward", "weight", weight.size(), normalized.cols, "d");
  if (!bias.empty()) check_size("norm_affine_forward", "bias", bias.size(), normalized.cols, "d");
  parallel_for(0, y.rows, rows_per_thread(y.cols), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      detail::dispatch<Affine>(y.row(i).data(), normalized.row(i).data(), weight.data(),
                               bias.empty() ? nullptr : bias.data(), y.cols);
    }
  });
}

template <class T>
void norm_affine_backward(MatrixView<T> grad_normalized, std::span<T> grad_weight,
                          std::span<T> grad_bias, MatrixView<const T> grad_y,
                          MatrixView<const T> normalized, std::span<const T> weight) {
  constexpr std::string_view kOp = "norm_affine_backward";
  check_same_shape(kOp, "grad_y", grad_y, normalized);
  check_same_shape(kOp, "grad_normalized", grad_normalized, normalized);
  check_size(kOp, "weight", weight.size(), normalized.cols, "d");
  if (!grad_weight.empty())
    check_size(kOp, "grad_weight", grad_weight.size(), normalized.cols, "d");
  if (!grad_bias.empty()) check_size(kOp, "grad_bias", grad_bias.size(), normalized.cols, "d");
  const Index n_stripe = (normalized.cols + kStripe - 1) / kStripe;
  const Index grain = kThreadGrain / std::max<Index>(kStripe * normalized.rows, 1) + 1;
  parallel_for(0, n_stripe, grain, [&](Index first, Index last) {
    for (Index stripe = first; stripe < last; ++stripe) {
      const Index j = stripe * kStripe;
      detail::dispatch<AffineBackward>(grad_normalized.data + j, grad_normalized.stride,
                                       grad_weight.empty() ? nullptr : grad_weight.data() + j,
                                       grad_bias.empty() ? nullptr : grad_bias.data() + j,
                                       grad_y.data + j, grad_y.stride, normalized.data + j,
                                       normalized.stride, weight.data() + j, normalized.rows,
                                       std::min(kStripe, normalized.cols - j));
    }
  });
}

template <class T>
void norm_normalize_backward(MatrixView<T> grad_c, std::span<T> grad_scale,
                             MatrixView<const T> grad_normalized, MatrixView<const T> normalized,
                             std::span<const T> scale) {
  constexpr std::string_view kOp = "norm_normalize_backward";
  check_same_shape(kOp, "grad_normalized", grad_normalized, normalized);
  check_same_shape(kOp, "grad_c", grad_c, normalized);
  check_size(kOp, "grad_scale", grad_scale.size(), normalized.rows, "n_row");
  check_size(kOp, "scale", scale.size(), normalized.rows, "n_row");
  parallel_for(0, normalized.rows, rows_per_thread(normalized.cols), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const auto row = static_cast<std::size_t>(i);
      detail::dispatch<NormalizeBackward>(grad_c.row(i).data(), &grad_scale[row],
                                          grad_normalized.row(i).data(), normalized.row(i).data(),
                                          scale[row], normalized.cols);
    }
  });
}

template <class T>
void norm_scale_backward(NormKind kind, MatrixView<T> grad_x, MatrixView<const T> grad_c,
                         std::span<const T> grad_scale, MatrixView<const T> normalized) {
  constexpr std::string_view kOp = "norm_scale_backward";
  check_same_shape(kOp, "grad_c", grad_c, normalized);
  check_same_shape(kOp, "grad_x", grad_x, normalized);
  check_size(kOp, "grad_scale", grad_scale.size(), normalized.rows, "n_row");
  parallel_for(0, normalized.rows, rows_per_thread(normalized.cols), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      detail::dispatch<ScaleBackward>(kind == NormKind::layer_norm, grad_x.row(i).data(),
                                      grad_c.row(i).data(), grad_scale[static_cast<std::size_t>(i)],
                                      normalized.row(i).data(), normalized.cols);
    }
  });
}

template void norm_scale_forward(NormKind, std::span<float>, std::span<float>,
                                 MatrixView<const float>, double);
template void norm_scale_forward(NormKind, std::span<double>, std::span<double>,
                                 MatrixView<const double>, double);
template void norm_normalize_forward(MatrixView<float>, MatrixView<const float>,
                                     std::span<const float>, std::span<const float>);
template void norm_normalize_forward(MatrixView<double>, MatrixView<const double>,
                                     std::span<const double>, std::span<const double>);
template void norm_affine_forward(MatrixView<float>, MatrixView<const float>,
                                  std::span<const float>, std::span<const float>);
template void norm_affine_forward(MatrixView<double>, MatrixView<const double>,
                                  std::span<const double>, std::span<const double>);

template void norm_affine_backward(MatrixView<float>, std::span<float>, std::span<float>,
                                   MatrixView<const float>, MatrixView<const float>,
                                   std::span<const float>);
template void norm_normalize_backward(MatrixView<float>, std::span<float>, MatrixView<const float>,
                                      MatrixView<const float>, std::span<const float>);
template void norm_scale_backward(NormKind, MatrixView<float>, MatrixView<const float>,
                                  std::span<const float>, MatrixView<const float>);
template void norm_affine_backward(MatrixView<double>, std::span<double>, std::span<double>,
                                   MatrixView<const double>, MatrixView<const double>,
                                   std::span<const double>);
template void norm_normalize_backward(MatrixView<double>, std::span<double>,
                                      MatrixView<const double>, MatrixView<const double>,
                                      std::span<const double>);
template void norm_scale_backward(NormKind, MatrixView<double>, MatrixView<const double>,
                                  std::span<const double>, MatrixView<const double>);

}  // namespace gnomon
