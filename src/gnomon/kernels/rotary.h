// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "gnomon/tensor/view.h"

namespace gnomon {

// Rotary position embedding, Su et al. 2021, arXiv:2104.09864, in the pairing of Hugging Face's
// `rotate_half`: with m = n_rotary / 2, channel i < m is paired with channel i + m.
//
//   angle = position frequency[i]
//   y[i]     = x[i] cos(angle) - x[i + m] sin(angle)
//   y[i + m] = x[i + m] cos(angle) + x[i] sin(angle)
//
// x, y [n_row, n_heads d_head], of which the first 2 frequencies.size() channels of each head turn
// and the others are copied   position [n_row]   frequency [n_rotary / 2]. Angles, sines and
// cosines in double. Overwrites y, which may be x. Throws ShapeError.
template <class T>
void rotary_forward(MatrixView<T> y, MatrixView<const T> x, std::span<const Index> position,
                    std::span<const double> frequency, Index d_head);

// grad_x: the gradient turned back by the same angles. Overwrites grad_x, which may be grad_y.
// Throws ShapeError.
template <class T>
void rotary_backward(MatrixView<T> grad_x, MatrixView<const T> grad_y,
                     std::span<const Index> position, std::span<const double> frequency,
                     Index d_head);

}  // namespace gnomon
