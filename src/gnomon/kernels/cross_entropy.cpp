// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/cross_entropy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/detail/vector_math.h"

namespace gnomon {
namespace {

// Numbers that one thread computes at the least.
constexpr Index kThreadGrain = 1 << 13;

// Sums and maxima that run side by side; term c goes to number c mod 16.
constexpr Index kLanes = 16;

// The largest of a row, or 0 where all are -inf: subtracting that would give NaN. NaN is passed
// over; it reaches the sum.
struct Largest {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* result, const T* x, Index n) {
    constexpr T kMinusInfinity = -std::numeric_limits<T>::infinity();
    T largest[kLanes];
#pragma GCC unroll 1
    for (int lane = 0; lane < kLanes; ++lane) largest[lane] = kMinusInfinity;
    Index c = 0;
    for (; c + kLanes <= n; c += kLanes) {
#pragma GCC unroll 1
      for (int lane = 0; lane < kLanes; ++lane) {
        largest[lane] = x[c + lane] > largest[lane] ? x[c + lane] : largest[lane];
      }
    }
    for (Index lane = 0; c + lane < n; ++lane) largest[lane] = std::max(largest[lane], x[c + lane]);
    const T most = *std::max_element(largest, largest + kLanes);
    *result = most == kMinusInfinity ? T{0} : most;
  }
};

// Σ exp(x - shift); with kStore each term is written to `term`, which may be x.
template <bool kStore>
struct SumOfExp {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(double* result, T* term, const T* x, T shift, Index n) {
    double sum[kLanes] = {};
    Index c = 0;
    for (; c + kLanes <= n; c += kLanes) {
      T value[kLanes];
#pragma GCC unroll 1
      for (int lane = 0; lane < kLanes; ++lane) {
        value[lane] = detail::vector_exp(x[c + lane] - shift);
      }
#pragma GCC unroll 1
      for (int lane = 0; lane < kLanes; ++lane) sum[lane] += static_cast<double>(value[lane]);
      if constexpr (kStore) {
#pragma GCC unroll 1
        for (int lane = 0; lane < kLanes; ++lane) term[c + lane] = value[lane];
      }
    }
    for (Index lane = 0; c + lane < n; ++lane) {
      const T value = detail::vector_exp(x[c + lane] - shift);
      sum[lane] += static_cast<double>(value);
      if constexpr (kStore) term[c + lane] = value;
    }
    for (Index width = kLanes / 2; width > 0; width /= 2) {
      for (Index lane = 0; lane < width; ++lane) sum[lane] += sum[lane + width];
    }
    *result = sum[0];
  }
};

struct Scale {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* x, T factor, Index n) {
    for (Index c = 0; c < n; ++c) x[c] *= factor;
  }
};

template <class T>
T largest_of(std::span<const T> row) {
  T result;
  detail::dispatch<Largest>(&result, row.data(), static_cast<Index>(row.size()));
  return result;
}

template <class T>
void check_labels(std::string_view op, const MatrixView<const T>& logits,
                  std::span<const Index> label) {
  if (static_cast<Index>(label.size()) != logits.rows) {
    throw ShapeError(
        fmt::format("{}: label has {} values, expected n_row = {}", op, label.size(), logits.rows));
  }
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (label[i] < 0 || label[i] >= logits.cols) {
      throw ArgumentError(ErrorCode::out_of_range,
                          fmt::format("{}: label {} is {}, expected 0 to n_class - 1 = {}", op, i,
                                      label[i], logits.cols - 1));
    }
  }
}

template <class A, class B>
void check_same_shape(std::string_view op, std::string_view name, const MatrixView<A>& output,
                      const MatrixView<B>& logits) {
  if (output.rows != logits.rows || output.cols != logits.cols) {
    throw ShapeError(fmt::format("{}: {} is [{}, {}], expected [n_row, n_class] = [{}, {}]", op,
                                 name, output.rows, output.cols, logits.rows, logits.cols));
  }
}

// body(i) for every row, side by side.
template <class Body>
void for_each_row(Index n_row, Index n_class, const Body& body) {
  parallel_for(0, n_row, kThreadGrain / std::max<Index>(n_class, 1) + 1,
               [&](Index first, Index last) {
                 for (Index i = first; i < last; ++i) body(i, static_cast<std::size_t>(i));
               });
}

}  // namespace

template <class T>
void cross_entropy_forward(std::span<double> loss, MatrixView<const T> logits,
                           std::span<const Index> label) {
  constexpr std::string_view kOp = "cross_entropy_forward";
  check_labels(kOp, logits, label);
  if (static_cast<Index>(loss.size()) != logits.rows) {
    throw ShapeError(
        fmt::format("{}: loss has {} values, expected n_row = {}", kOp, loss.size(), logits.rows));
  }
  for_each_row(logits.rows, logits.cols, [&](Index i, std::size_t at) {
    const T shift = largest_of<T>(logits.row(i));
    double sum = 0;
    detail::dispatch<SumOfExp<false>>(&sum, static_cast<T*>(nullptr), logits.row(i).data(), shift,
                                      logits.cols);
    loss[at] =
        std::log(sum) - (static_cast<double>(logits(i, label[at])) - static_cast<double>(shift));
  });
}

template <class T>
void cross_entropy_backward(MatrixView<T> grad_logits, MatrixView<const T> logits,
                            std::span<const Index> label, std::span<const double> row_weight) {
  constexpr std::string_view kOp = "cross_entropy_backward";
  check_labels(kOp, logits, label);
  check_same_shape(kOp, "grad_logits", grad_logits, logits);
  if (static_cast<Index>(row_weight.size()) != logits.rows) {
    throw ShapeError(fmt::format("{}: row_weight has {} values, expected n_row = {}", kOp,
                                 row_weight.size(), logits.rows));
  }
  for_each_row(logits.rows, logits.cols, [&](Index i, std::size_t at) {
    const std::span<T> grad = grad_logits.row(i);
    if (row_weight[at] == 0) {
      std::ranges::fill(grad, T{0});
      return;
    }
    double sum = 0;
    detail::dispatch<SumOfExp<true>>(&sum, grad.data(), logits.row(i).data(),
                                     largest_of<T>(logits.row(i)), logits.cols);
    T& at_label = grad[static_cast<std::size_t>(label[at])];
    // Σ_{c != label} exp, over the sum: the label's 1 - softmax without cancellation where it is
    // the largest by far.
    const double rest = sum - static_cast<double>(at_label);
    detail::dispatch<Scale>(grad.data(), static_cast<T>(row_weight[at] / sum), logits.cols);
    at_label = static_cast<T>(-row_weight[at] * (rest / sum));
  });
}

template <class T>
void softmax_forward(MatrixView<double> probability, MatrixView<const T> logits) {
  check_same_shape("softmax_forward", "probability", probability, logits);
  for_each_row(logits.rows, logits.cols, [&](Index i, std::size_t) {
    const std::span<double> row = probability.row(i);
    std::ranges::copy(logits.row(i), row.begin());
    double sum = 0;
    detail::dispatch<SumOfExp<true>>(&sum, row.data(), static_cast<const double*>(row.data()),
                                     largest_of<double>(row), logits.cols);
    for (double& value : row) value /= sum;
  });
}

template void cross_entropy_forward(std::span<double>, MatrixView<const float>,
                                    std::span<const Index>);
template void cross_entropy_forward(std::span<double>, MatrixView<const double>,
                                    std::span<const Index>);
template void cross_entropy_backward(MatrixView<float>, MatrixView<const float>,
                                     std::span<const Index>, std::span<const double>);
template void cross_entropy_backward(MatrixView<double>, MatrixView<const double>,
                                     std::span<const Index>, std::span<const double>);
template void softmax_forward(MatrixView<double>, MatrixView<const float>);
template void softmax_forward(MatrixView<double>, MatrixView<const double>);

}  // namespace gnomon
