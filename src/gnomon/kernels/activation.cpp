// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/activation.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <numbers>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/detail/vector_math.h"

namespace gnomon {
namespace {

// Numbers that one thread computes at the least.
constexpr std::int64_t kThreadGrain = 1 << 14;

// x / (1 + exp(-s)). exp takes -|s| only, so that it cannot overflow where the result is still
// normal.
template <class T>
GNOMON_ALWAYS_INLINE T times_sigmoid(T x, T s) {
  const T e = detail::vector_exp(s < 0 ? s : -s);
  return (s < 0 ? x * e : x) / (1 + e);
}

// σ(s) = 1 / (1 + exp(-s)), and 1 - σ(s) without cancellation.
template <class T>
struct Sigmoid {
  T value, rest;
};

template <class T>
GNOMON_ALWAYS_INLINE Sigmoid<T> sigmoid(T s) {
  const T e = detail::vector_exp(s < 0 ? s : -s);
  const T large = 1 / (1 + e);
  const T small = e * large;
  return {s < 0 ? small : large, s < 0 ? large : small};
}

// Derivatives are taken at |x| <= most, from where on they are 0 or 1 to the last bit: so infinite
// and very large x do not meet the product of 0 and infinity. NaN passes.
template <class T>
GNOMON_ALWAYS_INLINE T clamped(T x, T most) {
  x = x > most ? most : x;
  return x < -most ? -most : x;
}

struct GeluNew {
  template <class T>
  static constexpr T kScale = static_cast<T>(2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
  template <class T>
  static constexpr T kCubic = static_cast<T>(0.044715);

  template <class T>
  static GNOMON_ALWAYS_INLINE T of(T x) {
    // (1 + tanh u) / 2 = 1 / (1 + exp(-2u)): the same function without the cancellation where tanh
    // approaches -1.
    return times_sigmoid(x, kScale<T> * (x + kCubic<T> * (x * x * x)));
  }

  // σ + x σ (1 - σ) ds/dx
  template <class T>
  static GNOMON_ALWAYS_INLINE T derivative(T value) {
    const T x = clamped(value, T{30});
    const T square = kCubic<T> * (x * x);
    const auto s = sigmoid(kScale<T> * (x + square * x));
    return s.value * (1 + s.rest * (kScale<T> * x) * (1 + 3 * square));
  }
};

struct Gelu {
  template <class T>
  static GNOMON_ALWAYS_INLINE T of(T x) {
    return x * detail::vector_normal_cdf(x);
  }

  template <class T>
  static GNOMON_ALWAYS_INLINE T derivative(T value) {
    const T x = clamped(value, T{40});
    return detail::vector_normal_cdf(x) + x * detail::vector_normal_density(x);
  }
};

struct Silu {
  template <class T>
  static GNOMON_ALWAYS_INLINE T of(T x) {
    return times_sigmoid(x, x);
  }

  template <class T>
  static GNOMON_ALWAYS_INLINE T derivative(T value) {
    const T x = clamped(value, T{800});
    const auto s = sigmoid(x);
    return s.value * (1 + x * s.rest);
  }
};

struct Relu {
  template <class T>
  static GNOMON_ALWAYS_INLINE T of(T x) {
    return x <= 0 ? T{0} : x;  // so that NaN passes
  }

  template <class T>
  static GNOMON_ALWAYS_INLINE T derivative(T x) {
    const T at_positive = x > 0 ? T{1} : x;
    return x <= 0 ? T{0} : at_positive;
  }
};

template <class Function>
struct Elementwise {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* y, const T* x, std::int64_t n) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) y[i] = Function::of(x[i]);
  }
};

template <class Function>
struct ElementwiseBackward {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* grad_x, const T* grad_y, const T* x, std::int64_t n) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) grad_x[i] = Function::derivative(x[i]) * grad_y[i];
  }
};

struct Multiply {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* y, const T* a, const T* b, std::int64_t n) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (std::int64_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
  }
};

template <class Function, class T>
void apply(std::span<T> y, std::span<const T> x) {
  parallel_for(0, static_cast<std::int64_t>(x.size()), kThreadGrain,
               [&](std::int64_t first, std::int64_t last) {
                 detail::dispatch<Elementwise<Function>>(y.data() + first, x.data() + first,
                                                         last - first);
               });
}

template <class Function, class T>
void apply_backward(std::span<T> grad_x, std::span<const T> grad_y, std::span<const T> x) {
  parallel_for(0, static_cast<std::int64_t>(x.size()), kThreadGrain,
               [&](std::int64_t first, std::int64_t last) {
                 detail::dispatch<ElementwiseBackward<Function>>(
                     grad_x.data() + first, grad_y.data() + first, x.data() + first, last - first);
               });
}

}  // namespace

std::string_view activation_name(Activation activation) {
  switch (activation) {
    case Activation::gelu_new:
      return "gelu_new";
    case Activation::gelu:
      return "gelu";
    case Activation::silu:
      return "silu";
    case Activation::relu:
      return "relu";
  }
  throw InternalError(
      fmt::format("activation_name: no activation {}", static_cast<int>(activation)));
}

template <class T>
void activation_forward(Activation activation, std::span<T> y, std::span<const T> x) {
  if (y.size() != x.size()) {
    throw ShapeError(fmt::format("activation_forward: y has {} values, expected as many as x: {}",
                                 y.size(), x.size()));
  }
  switch (activation) {
    case Activation::gelu_new:
      return apply<GeluNew>(y, x);
    case Activation::gelu:
      return apply<Gelu>(y, x);
    case Activation::silu:
      return apply<Silu>(y, x);
    case Activation::relu:
      return apply<Relu>(y, x);
  }
  throw InternalError(
      fmt::format("activation_forward: no activation {}", static_cast<int>(activation)));
}

template <class T>
void activation_backward(Activation activation, std::span<T> grad_x, std::span<const T> grad_y,
                         std::span<const T> x) {
  if (grad_x.size() != x.size() || grad_y.size() != x.size()) {
    throw ShapeError(fmt::format(
        "activation_backward: grad_x and grad_y have {} and {} values, expected as many as x: {}",
        grad_x.size(), grad_y.size(), x.size()));
  }
  switch (activation) {
    case Activation::gelu_new:
      return apply_backward<GeluNew>(grad_x, grad_y, x);
    case Activation::gelu:
      return apply_backward<Gelu>(grad_x, grad_y, x);
    case Activation::silu:
      return apply_backward<Silu>(grad_x, grad_y, x);
    case Activation::relu:
      return apply_backward<Relu>(grad_x, grad_y, x);
  }
  throw InternalError(
      fmt::format("activation_backward: no activation {}", static_cast<int>(activation)));
}

template <class T>
void multiply_forward(std::span<T> y, std::span<const T> a, std::span<const T> b) {
  if (a.size() != b.size() || y.size() != a.size()) {
    throw ShapeError(
        fmt::format("multiply_forward: y, a and b have {}, {} and {} values, expected equal sizes",
                    y.size(), a.size(), b.size()));
  }
  parallel_for(0, static_cast<std::int64_t>(y.size()), kThreadGrain,
               [&](std::int64_t first, std::int64_t last) {
                 detail::dispatch<Multiply>(y.data() + first, a.data() + first, b.data() + first,
                                            last - first);
               });
}

template void activation_forward(Activation, std::span<float>, std::span<const float>);
template void activation_forward(Activation, std::span<double>, std::span<const double>);
template void activation_backward(Activation, std::span<float>, std::span<const float>,
                                  std::span<const float>);
template void activation_backward(Activation, std::span<double>, std::span<const double>,
                                  std::span<const double>);
template void multiply_forward(std::span<float>, std::span<const float>, std::span<const float>);
template void multiply_forward(std::span<double>, std::span<const double>, std::span<const double>);

}  // namespace gnomon
