// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace gnomon {

// gelu_new  x/2 (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))
// gelu      x/2 (1 + erf(x / sqrt 2))
// silu      x / (1 + exp(-x))
// relu      max(x, 0)
//
// Hendrycks and Gimpel 2016, arXiv:1606.08415 (gelu_new is its section 2's approximation of gelu).
enum class Activation { gelu_new, gelu, silu, relu };

std::string_view activation_name(Activation activation);

// y[i] = f(x[i]). Overwrites y, which may be x. In double: the standard library's exp and erfc. In
// float the relative error against the exact function is at most, where the result is a normal
// number,
//
//   gelu_new  6e-7 for |x| <= 1, 3e-6 for x in [-5, -1], 3e-5 beyond; 2e-7 for x > 1
//   gelu      8 units in the last place (5e-7), in the far tail too
//   silu      4 units in the last place (3e-7)
//
// NaN stays NaN. At -inf gelu_new, gelu and silu are NaN, as their formulas are (-inf times 0).
template <class T>
void activation_forward(Activation activation, std::span<T> y, std::span<const T> x);

// grad_x[i] = f'(x[i]) grad_y[i]. Overwrites grad_x, which may be grad_y. The derivative of relu at
// 0 is 0; at infinite x every derivative is its limit, 1 or 0. NaN stays NaN. In float f' errs by
// at most 6e-7. Throws ShapeError.
template <class T>
void activation_backward(Activation activation, std::span<T> grad_x, std::span<const T> grad_y,
                         std::span<const T> x);

// y[i] = a[i] b[i]. Overwrites y, which may be a or b.
template <class T>
void multiply_forward(std::span<T> y, std::span<const T> a, std::span<const T> b);

}  // namespace gnomon
