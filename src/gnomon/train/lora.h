// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/model/parameters.h"

namespace gnomon {

// A low-rank change of one projection, Hu et al. 2021, arXiv:2106.09685:
//
//   W' = W + alpha / rank (B A)ᵀ     for W [n_in, n_out]: y = x W' = x W + alpha / rank (x Aᵀ) Bᵀ
//
// A [rank, n_in] starts random, B [n_out, rank] as zeros, so that the model starts as it was. The
// forward pass runs with W' itself: there is one forward pass.
template <class T>
struct LoraMatrix {
  ParameterRow row;  // of W
  Tensor<T> base;    // W as the model has it, laid out as in its file
  Tensor<T> a, b;
  Tensor<T> grad_a, grad_b;
};

template <class T>
class LoraAdapter {
 public:
  // A is uniform in ±sqrt(3 / n_in), the variance of PEFT's default (Kaiming, a = sqrt 5).
  LoraAdapter(const ParameterSet<T>& base, Index rank, double alpha, Random random);

  std::vector<LoraMatrix<T>>& matrices() { return matrices_; }
  const std::vector<LoraMatrix<T>>& matrices() const { return matrices_; }
  double alpha() const { return alpha_; }
  Index rank() const { return rank_; }

  // Writes W' into the parameters that the model runs with.
  void apply(ParameterSet<T>& effective) const;
  // From the gradient of W' to those of A and B, which are overwritten.
  void gradients(const ParameterSet<T>& grad);

 private:
  Index rank_;
  double alpha_;
  std::vector<LoraMatrix<T>> matrices_;
};

}  // namespace gnomon
