// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gnomon/directions/direction.h"
#include "gnomon/model/weights.h"

namespace gnomon {

// The weights of the MLP around one neuron, in double: all that its identities need.
//
//   pre  = ln2_out · read + read_bias            (gated: read is the gate's column, W_gate[:, n])
//   up   = ln2_out · up_read                     (gated only: W_in[:, n])
//   post = act(pre), gated act(pre) up
//   mlp_out = Σ_j post_j W_out[j] + b_out,       the neuron writes `write` = W_out[n]
struct NeuronWeights {
  std::vector<double> read;
  double read_bias = 0;
  std::vector<double> up_read;  // empty unless gated
  std::vector<double> write;
  std::vector<double> output_bias;  // b_out; zeros where the family has none
  std::vector<double> norm_weight;  // of ln2
  std::vector<double> norm_bias;    // empty where the family has none
};

template <class T>
NeuronWeights neuron_weights(const ModelConfig& config, const Weights<T>& weights, Index layer,
                             Index neuron);

// Columns of the read projection (gate where gated, else W_in) and rows of W_out, for the nulls
// made of the layer's other neurons. [neurons.size(), d_model]
template <class T>
Tensor<double> read_directions(const ModelConfig& config, const Weights<T>& weights, Index layer,
                               std::span<const Index> neurons);
template <class T>
Tensor<double> up_read_directions(const Weights<T>& weights, Index layer,
                                  std::span<const Index> neurons);
template <class T>
Tensor<double> write_directions(const Weights<T>& weights, Index layer,
                                std::span<const Index> neurons);

// What the neuron reads from the residual stream before ln2, the same for every text up to the
// scale 1/σ: the norm's weight folded in, and the mean over d_model taken out where the norm
// subtracts one.
//   pre = x · folded_read / σ + constant, x = resid_mid, or resid_pre in a parallel block
std::vector<double> folded_read(const std::vector<double>& read,
                                const std::vector<double>& norm_weight, NormKind norm);
// The same of every row of `reads` [n, d_model].
Tensor<double> folded_reads(const Tensor<double>& reads, const std::vector<double>& norm_weight,
                            NormKind norm);

}  // namespace gnomon
