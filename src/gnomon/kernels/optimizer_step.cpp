// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/optimizer_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"

namespace gnomon {
namespace {

constexpr std::int64_t kGrain = 1 << 14;
// Numbers of one partial sum: fixed, so that sums do not depend on threads.
constexpr std::int64_t kSumBlock = 1 << 14;

struct Adamw {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* value, const T* grad, T* m, T* v, std::int64_t n,
                                       T grad_scale, T keep, T beta1, T beta2, T rate, T root2,
                                       T epsilon) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) {
      const T g = grad_scale * grad[i];
      const T first = beta1 * m[i] + (1 - beta1) * g;
      const T second = beta2 * v[i] + (1 - beta2) * g * g;
      m[i] = first;
      v[i] = second;
      value[i] = keep * value[i] - rate * first / (std::sqrt(second) * root2 + epsilon);
    }
  }
};

struct Sgd {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* value, const T* grad, T* b, std::int64_t n, T grad_scale,
                                       T decay, T momentum, T rate) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) {
      const T sum = momentum * b[i] + (grad_scale * grad[i] + decay * value[i]);
      b[i] = sum;
      value[i] -= rate * sum;
    }
  }
};

struct SumOfSquares {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(const T* x, std::int64_t n, double* result) {
    // Eight chains, added in order at the end: vectorises without reordering.
    double sums[8] = {};
    std::int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
      for (int c = 0; c < 8; ++c) {
        const auto value = static_cast<double>(x[i + c]);
        sums[c] += value * value;
      }
    }
    for (; i < n; ++i) sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    double sum = 0;
    for (const double part : sums) sum += part;
    *result = sum;
  }
};

void check_sizes(std::string_view op, std::size_t value, std::size_t grad, std::size_t state) {
  if (value == grad && value == state) return;
  throw ShapeError(fmt::format("{}: {} values, {} gradients and {} of state, expected equal sizes",
                               op, value, grad, state));
}

}  // namespace

template <class T>
void adamw_step(std::span<T> value, std::span<const T> grad, std::span<T> m, std::span<T> v,
                const AdamwStep& step) {
  check_sizes("adamw_step", value.size(), grad.size(), m.size());
  check_sizes("adamw_step", value.size(), grad.size(), v.size());
  const auto t = static_cast<double>(step.step);
  const double rate = step.learning_rate / (1 - std::pow(step.beta1, t));
  const double root2 = 1 / std::sqrt(1 - std::pow(step.beta2, t));
  const double keep = 1 - step.learning_rate * step.weight_decay;
  parallel_for(0, static_cast<std::int64_t>(value.size()), kGrain,
               [&](std::int64_t first, std::int64_t last) {
                 detail::dispatch<Adamw>(
                     value.data() + first, grad.data() + first, m.data() + first, v.data() + first,
                     last - first, static_cast<T>(step.grad_scale), static_cast<T>(keep),
                     static_cast<T>(step.beta1), static_cast<T>(step.beta2), static_cast<T>(rate),
                     static_cast<T>(root2), static_cast<T>(step.epsilon));
               });
}

template <class T>
void sgd_step(std::span<T> value, std::span<const T> grad, std::span<T> b, double learning_rate,
              double momentum, double weight_decay, double grad_scale) {
  check_sizes("sgd_step", value.size(), grad.size(), b.size());
  parallel_for(0, static_cast<std::int64_t>(value.size()), kGrain,
               [&](std::int64_t first, std::int64_t last) {
                 detail::dispatch<Sgd>(value.data() + first, grad.data() + first, b.data() + first,
                                       last - first, static_cast<T>(grad_scale),
                                       static_cast<T>(weight_decay), static_cast<T>(momentum),
                                       static_cast<T>(learning_rate));
               });
}

template <class T>
double sum_of_squares(std::span<const T> x) {
  const auto n = static_cast<std::int64_t>(x.size());
  const std::int64_t n_block = (n + kSumBlock - 1) / kSumBlock;
  std::vector<double> sums(static_cast<std::size_t>(n_block));
  parallel_for(0, n_block, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::int64_t begin = block * kSumBlock;
      const std::int64_t size = std::min(kSumBlock, n - begin);
      detail::dispatch<SumOfSquares>(x.data() + begin, size,
                                     &sums[static_cast<std::size_t>(block)]);
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

template <class T>
std::int64_t first_not_finite(std::span<const T> x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) return static_cast<std::int64_t>(i);
  }
  return -1;
}

template void adamw_step(std::span<float>, std::span<const float>, std::span<float>,
                         std::span<float>, const AdamwStep&);
template void adamw_step(std::span<double>, std::span<const double>, std::span<double>,
                         std::span<double>, const AdamwStep&);
template void sgd_step(std::span<float>, std::span<const float>, std::span<float>, double, double,
                       double, double);
template void sgd_step(std::span<double>, std::span<const double>, std::span<double>, double,
                       double, double, double);
template double sum_of_squares(std::span<const float>);
template double sum_of_squares(std::span<const double>);
template std::int64_t first_not_finite(std::span<const float>);
template std::int64_t first_not_finite(std::span<const double>);

}  // namespace gnomon
