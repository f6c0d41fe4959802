// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "gnomon/tensor/view.h"

namespace gnomon {

enum class NormKind { layer_norm, rms_norm };

// Normalisation over the last axis, in the three steps that are hook points.
//
//   layer_norm   mean = Σ x / d   scale = sqrt(Σ (x - mean)² / d + eps)
//   rms_norm     mean = 0         scale = sqrt(Σ x² / d + eps)
//   normalized = (x - mean) / scale
//   y = normalized weight + bias
//
// Ba et al. 2016, arXiv:1607.06450; Zhang and Sennrich 2019, arXiv:1910.07467.
//
// x, normalized, y [n_row, d]   mean, scale [n_row]   weight, bias [d]. Sums in double, two passes.
// Each step overwrites its outputs; normalized may be x, y may be normalized. Throws ShapeError.
template <class T>
void norm_scale_forward(NormKind kind, std::span<T> mean, std::span<T> scale, MatrixView<const T> x,
                        double eps);
template <class T>
void norm_normalize_forward(MatrixView<T> normalized, MatrixView<const T> x,
                            std::span<const T> mean, std::span<const T> scale);
// An empty bias is none.
template <class T>
void norm_affine_forward(MatrixView<T> y, MatrixView<const T> normalized, std::span<const T> weight,
                         std::span<const T> bias);

// Gradients of the loss, step by step backwards. In each, inputs are those of the forward step.

// grad_normalized = grad_y weight. Adds Σ_row grad_y normalized into grad_weight and Σ_row grad_y
// into grad_bias; where one is empty it is not computed. grad_normalized may be grad_y. The sums
// over rows are not split across threads.
template <class T>
void norm_affine_backward(MatrixView<T> grad_normalized, std::span<T> grad_weight,
                          std::span<T> grad_bias, MatrixView<const T> grad_y,
                          MatrixView<const T> normalized, std::span<const T> weight);

// With c = x - mean:   grad_c = grad_normalized / scale   grad_scale = -Σ grad_normalized c /
// scale² where c / scale is `normalized`. Overwrites both; grad_c may be grad_normalized.
// grad_scale sums in double.
template <class T>
void norm_normalize_backward(MatrixView<T> grad_c, std::span<T> grad_scale,
                             MatrixView<const T> grad_normalized, MatrixView<const T> normalized,
                             std::span<const T> scale);

// The whole gradient with respect to x, added into grad_x:
//
//   layer_norm   g = grad_c + grad_scale c / (d scale),  grad_x += g - Σ g / d
//   rms_norm     g = grad_c + grad_scale x / (d scale),  grad_x += g
//
// where c / scale, x / scale is `normalized`. Sums in double.
template <class T>
void norm_scale_backward(NormKind kind, MatrixView<T> grad_x, MatrixView<const T> grad_c,
                         std::span<const T> grad_scale, MatrixView<const T> normalized);

}  // namespace gnomon
