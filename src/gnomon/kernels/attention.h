// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "gnomon/tensor/view.h"

namespace gnomon {

struct AttentionShape {
  Index n_heads = 0;
  // Divides n_heads; query head h reads key-value head h n_kv_heads / n_heads, rounded down.
  Index n_kv_heads = 0;
  Index d_head = 0;
  double scale = 0;  // multiplies q·k; 1 / sqrt(d_head) in both families
};

// Causal attention of one text, in the three steps that are hook points.
//
//   scores[h, i, j]  = scale q[i, h] · k[j, h]   for j <= q_position[i], else -inf
//   pattern[h, i, :] = softmax(scores[h, i, :])  over j; a row of -inf alone gives zeros
//   z[i, h]          = Σ_j pattern[h, i, j] v[j, h]
//
// Vaswani et al. 2017, arXiv:1706.03762; grouped queries: Ainslie et al. 2023, arXiv:2305.13245.
//
// q, z [n_q, n_heads d_head]   k, v [n_k, n_kv_heads d_head]   q_position [n_q], each in [0, n_k)
// scores, pattern [n_heads n_q, n_k], row h n_q + i. All overwrite their output; pattern may be
// scores. Throws ShapeError.
template <class T>
void attention_scores_forward(MatrixView<T> scores, MatrixView<const T> q, MatrixView<const T> k,
                              std::span<const Index> q_position, const AttentionShape& shape);
template <class T>
void attention_pattern_forward(MatrixView<T> pattern, MatrixView<const T> scores);
template <class T>
void attention_values_forward(MatrixView<T> z, MatrixView<const T> pattern, MatrixView<const T> v,
                              const AttentionShape& shape);

// The three steps without storing scores of the whole text: bit for bit what they give one after
// another. A query's bits depend on itself and on the keys and values up to its position alone, not
// on other queries nor on what stands later in the text, NaN included. Not threaded: callers run
// texts side by side.
template <class T>
void attention_forward(MatrixView<T> z, MatrixView<const T> q, MatrixView<const T> k,
                       MatrixView<const T> v, std::span<const Index> q_position,
                       const AttentionShape& shape);

// Gradients of the three steps, backwards. In each, inputs are those of the forward step.

// grad_pattern = grad_z vᵀ, head by head, overwritten, 0 where the key lies after the query;
// grad_v += patternᵀ grad_z, summed over the query heads that share the key-value head, and over
// cells after the query where pattern is not 0 there.
template <class T>
void attention_values_backward(MatrixView<T> grad_pattern, MatrixView<T> grad_v,
                               MatrixView<const T> grad_z, MatrixView<const T> pattern,
                               MatrixView<const T> v, std::span<const Index> q_position,
                               const AttentionShape& shape);
// grad_scores = pattern (grad_pattern - Σ_j pattern grad_pattern), overwritten; it may be
// grad_pattern. The sum is in double.
template <class T>
void attention_pattern_backward(MatrixView<T> grad_scores, MatrixView<const T> grad_pattern,
                                MatrixView<const T> pattern);
// grad_q = scale grad_scores k, overwritten;   grad_k += scale grad_scoresᵀ q. Cells after the
// query do not count, whatever grad_scores is there.
template <class T>
void attention_scores_backward(MatrixView<T> grad_q, MatrixView<T> grad_k,
                               MatrixView<const T> grad_scores, MatrixView<const T> q,
                               MatrixView<const T> k, std::span<const Index> q_position,
                               const AttentionShape& shape);

// The three steps without storing the pattern of the whole text: recomputes it from q and k as
// attention_forward does. Overwrites grad_q, adds into grad_k and grad_v. Up to rounding what the
// three steps give. Keys and values after a query change nothing of what it gives, NaN included.
// Not threaded: callers run texts side by side. Throws ShapeError.
template <class T>
void attention_backward(MatrixView<T> grad_q, MatrixView<T> grad_k, MatrixView<T> grad_v,
                        MatrixView<const T> grad_z, MatrixView<const T> q, MatrixView<const T> k,
                        MatrixView<const T> v, std::span<const Index> q_position,
                        const AttentionShape& shape);

}  // namespace gnomon
