// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "gnomon/tensor/view.h"

namespace gnomon {

// Cross-entropy of a softmax with one right class, row by row:
//
//   loss[i] = log Σ_c exp(logits[i, c]) - logits[i, label[i]]
//
// logits [n_row, n_class]   label [n_row], each in [0, n_class)   loss [n_row], overwritten. The
// sum is in double after subtracting the row's largest logit. A class with logit -inf is ruled out.
// A row without a softmax (all -inf, +inf or NaN in it) has loss NaN. Threaded over rows: the same
// bits with any number of threads. Throws ShapeError; ArgumentError (out_of_range) for a label
// outside the classes.
template <class T>
void cross_entropy_forward(std::span<double> loss, MatrixView<const T> logits,
                           std::span<const Index> label);

// grad_logits[i, c] = row_weight[i] (softmax(logits[i])[c] - [c = label[i]]): the gradient of
// Σ_i row_weight[i] loss[i]. A row of weight 0 is zeros, whatever its logits. Overwrites
// grad_logits, which may be logits. Threads and errors as in the forward pass.
template <class T>
void cross_entropy_backward(MatrixView<T> grad_logits, MatrixView<const T> logits,
                            std::span<const Index> label, std::span<const double> row_weight);

// softmax(logits), row by row, in double. Overwrites probability [n_row, n_class]. Throws
// ShapeError.
template <class T>
void softmax_forward(MatrixView<double> probability, MatrixView<const T> logits);

}  // namespace gnomon
