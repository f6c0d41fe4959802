// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

namespace gnomon {

struct AdamwStep {
  double learning_rate = 0;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double grad_scale = 1;  // multiplies the gradient first: the factor of a clipped norm
  std::int64_t step = 1;  // of this update, from 1
};

// One update of decoupled weight decay Adam, Loshchilov and Hutter 2019, arXiv:1711.05101,
// algorithm 2, in the arrangement of PyTorch's AdamW:
//
//   g = grad_scale grad                    value = value (1 - learning_rate weight_decay)
//   m = beta1 m + (1 - beta1) g            v = beta2 v + (1 - beta2) g²
//   value -= learning_rate / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
//
// All [n]. Throws ShapeError.
template <class T>
void adamw_step(std::span<T> value, std::span<const T> grad, std::span<T> m, std::span<T> v,
                const AdamwStep& step);

// One update of gradient descent with heavy-ball momentum:
//
//   g = grad_scale grad + weight_decay value     b = momentum b + g     value -= learning_rate b
template <class T>
void sgd_step(std::span<T> value, std::span<const T> grad, std::span<T> b, double learning_rate,
              double momentum, double weight_decay, double grad_scale);

// Σ x², in double; the same bits with any number of threads.
template <class T>
double sum_of_squares(std::span<const T> x);

// Index of the first number that is not finite, or -1.
template <class T>
std::int64_t first_not_finite(std::span<const T> x);

}  // namespace gnomon
