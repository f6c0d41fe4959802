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

}  // namespace gnomon
