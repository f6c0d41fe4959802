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

// Σ (x - centre)^power for power 1 (centre ignored) or 2, in double. Element i goes to sum i mod
// 16, and the sixteen are added as a tree: a fixed order that vectorises.
template <int kPower, class T>
GNOMON_ALWAYS_INLINE double lane_sum(const T* x, Index n, double centre) {
  constexpr Index kLanes = 16;
  double sum[kLanes] = {};
  const auto term = [centre](T value) __attribute__((always_inline)) {
    if constexpr (kPower == 1) return static_cast<double>(value);
    const double difference = static_cast<double>(value) - centre;
    return difference * difference;
  };
  Index i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (Index lane = 0; lane < kLanes; ++lane) sum[lane] += term(x[i + lane]);
  }
  for (Index lane = 0; i + lane < n; ++lane) sum[lane] += term(x[i + lane]);
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
      const double centre = centred ? lane_sum<1>(row, d, 0) / static_cast<double>(d) : 0;
      const double square = lane_sum<2>(row, d, centre) / static_cast<double>(d);
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

Index rows_per_thread(Index d) { return kThreadGrain / std::max<Index>(d, 1) + 1; }

template <class T>
void check_same_shape(std::string_view op, std::string_view output, const MatrixView<T>& y,
                      const MatrixView<const T>& x) {
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

}  // namespace gnomon
