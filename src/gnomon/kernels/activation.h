// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace gnomon {

// gelu_new  x/2 (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))    Hendrycks and Gimpel 2016, arXiv:1606.08415
// gelu      x/2 (1 + erf(x / sqrt 2))                      the same, exact form
// silu      x / (1 + exp(-x))
// relu      max(x, 0)
enum class Activation { gelu_new, gelu, silu, relu };

std::string_view activation_name(Activation activation);

// y[i] = f(x[i]). Overwrites y, which may be x. In float the relative error of exp and tanh is at most a
// few units in the last place (stated and tested per function); in double the standard library's.
template <class T>
void activation_forward(Activation activation, std::span<T> y, std::span<const T> x);

// y[i] = a[i] b[i]. Overwrites y, which may be a or b.
template <class T>
void multiply_forward(std::span<T> y, std::span<const T> a, std::span<const T> b);

}  // namespace gnomon
