// SPDX-License-Identifier: Apache-2.0
// in: a model   out: the same function of its texts with weights rewritten, step by step
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/model.h"

namespace gnomon {

// The steps of TransformerLens's weight processing, in the order in which it takes them. W is a
// projection [n_in, n_out], w and b the weight and bias of the norm before it, C takes out a mean.
//
//   fold_ln                 every projection that reads a norm (queries, keys, values, the MLP's
//                           inputs, the unembedding):  W' = diag(w) W,  b' = b_W + b W;  where the
//                           norm is a LayerNorm, W' = C_d_model(diag(w) W) column by column, since
//                           what it reads has mean 0. The norms are left with weight 1 and bias 0.
//   center_writing_weights  LayerNorm models: everything that writes into the stream is centred
//   over
//                           d_model: rows of W_E, W_pos, W_O and W_out, and b_O and b_out
//   center_unembed          W_U' = C_d_vocab(W_U) row by row, b_U' = C(b_U)
//   fold_value_biases       b_O' = b_O + Σ_h b_V[h] W_O[h],  b_V' = 0
//
// What the model predicts stays the same: log-probabilities, patterns, neurons' values. What of the
// rest changes is in docs/methods/weight_processing.md.
//
// Of a gated MLP fold_ln puts a norm's bias into both of its projections, which is exact;
// TransformerLens's GatedMLP adds it after their product.
enum class WeightStep { fold_ln, center_writing_weights, center_unembed, fold_value_biases };

std::string_view weight_step_name(WeightStep step);

// Some of the steps, each at most once, in the order of WeightStep; none: the weights as stored.
struct WeightProcessing {
  std::vector<WeightStep> steps;

  bool raw() const { return steps.empty(); }
  bool has(WeightStep step) const;
  friend bool operator==(const WeightProcessing&, const WeightProcessing&) = default;
};

// "raw"; "transformerlens", every step that TransformerLens takes by default for a model of this
// configuration: all of them, without center_writing_weights where norms are RMSNorms; or names of
// steps with commas between them, in any order. Throws ArgumentError for another name or one that
// stands twice, UnsupportedError for center_writing_weights in a model with RMSNorm, whose value it
// would change.
WeightProcessing parse_weight_processing(std::string_view text, const ModelConfig& config);

// "raw", or the steps: "fold_ln,center_unembed".
std::string weight_processing_name(const WeightProcessing& processing);

// The model with the steps taken, computed in double from the weights as stored; its
// source().weights is the name of the processing. The processed weights are held in double and, for
// runs in float, rounded once. The model itself where there is no step. Throws ArgumentError for a
// model whose parameters were replaced.
Model process_weights(const Model& model, const WeightProcessing& processing);

}  // namespace gnomon
