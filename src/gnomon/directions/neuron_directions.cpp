// SPDX-License-Identifier: Apache-2.0
#include "gnomon/directions/neuron_directions.h"

#include <algorithm>
#include <numeric>

namespace gnomon {
namespace {

// Column `neuron` of a projection into the neurons: what that neuron reads.
template <class T>
std::vector<double> read_column(const WeightView<T>& weight, Index neuron) {
  std::vector<double> column(static_cast<std::size_t>(weight.n_in));
  for (Index i = 0; i < weight.n_in; ++i)
    column[static_cast<std::size_t>(i)] = static_cast<double>(weight(i, neuron));
  return column;
}

// Row `neuron` of a projection out of the neurons: what that neuron writes.
template <class T>
std::vector<double> write_row(const WeightView<T>& weight, Index neuron) {
  std::vector<double> row(static_cast<std::size_t>(weight.n_out));
  for (Index o = 0; o < weight.n_out; ++o)
    row[static_cast<std::size_t>(o)] = static_cast<double>(weight(neuron, o));
  return row;
}

template <class T, class Pick>
Tensor<double> stack(std::span<const Index> neurons, Index width, const Pick& pick) {
  Tensor<double> directions({static_cast<Index>(neurons.size()), width});
  for (std::size_t i = 0; i < neurons.size(); ++i) {
    const std::vector<double> one = pick(neurons[i]);
    std::copy(one.begin(), one.end(), directions.matrix().row(static_cast<Index>(i)).begin());
  }
  return directions;
}

template <class T>
const LinearWeights<T>& read_projection(const ModelConfig& config, const BlockWeights<T>& block) {
  return config.gated_mlp ? block.gate_proj : block.up_proj;
}

}  // namespace

template <class T>
NeuronWeights neuron_weights(const ModelConfig& config, const Weights<T>& weights, Index layer,
                             Index neuron) {
  const BlockWeights<T>& block = weights.block(layer);
  const LinearWeights<T>& read = read_projection(config, block);
  NeuronWeights result;
  result.read = read_column(read.weight, neuron);
  result.read_bias = static_cast<double>(read.bias_of(neuron));
  if (config.gated_mlp) result.up_read = read_column(block.up_proj.weight, neuron);
  result.write = write_row(block.down_proj.weight, neuron);
  result.output_bias.assign(static_cast<std::size_t>(config.d_model), 0);
  std::copy(block.down_proj.bias.begin(), block.down_proj.bias.end(), result.output_bias.begin());
  result.norm_weight.assign(block.ln_2.weight.begin(), block.ln_2.weight.end());
  result.norm_bias.assign(block.ln_2.bias.begin(), block.ln_2.bias.end());
  return result;
}

template <class T>
Tensor<double> read_directions(const ModelConfig& config, const Weights<T>& weights, Index layer,
                               std::span<const Index> neurons) {
  const WeightView<T>& view = read_projection(config, weights.block(layer)).weight;
  return stack<T>(neurons, view.n_in, [&](Index n) { return read_column(view, n); });
}

template <class T>
Tensor<double> up_read_directions(const Weights<T>& weights, Index layer,
                                  std::span<const Index> neurons) {
  const WeightView<T>& view = weights.block(layer).up_proj.weight;
  return stack<T>(neurons, view.n_in, [&](Index n) { return read_column(view, n); });
}

template <class T>
Tensor<double> write_directions(const Weights<T>& weights, Index layer,
                                std::span<const Index> neurons) {
  const WeightView<T>& view = weights.block(layer).down_proj.weight;
  return stack<T>(neurons, view.n_out, [&](Index n) { return write_row(view, n); });
}

std::vector<double> folded_read(const std::vector<double>& read,
                                const std::vector<double>& norm_weight, NormKind norm_kind) {
  std::vector<double> folded(read.size());
  for (std::size_t i = 0; i < read.size(); ++i) folded[i] = norm_weight[i] * read[i];
  if (norm_kind == NormKind::layer_norm) {
    const double mean =
        std::accumulate(folded.begin(), folded.end(), 0.0) / static_cast<double>(folded.size());
    for (double& w : folded) w -= mean;
  }
  return folded;
}

Tensor<double> folded_reads(const Tensor<double>& reads, const std::vector<double>& norm_weight,
                            NormKind norm_kind) {
  Tensor<double> folded(reads.shape());
  for (Index k = 0; k < reads.matrix().rows; ++k) {
    const std::span<const double> read = reads.matrix().row(k);
    const std::vector<double> one = folded_read({read.begin(), read.end()}, norm_weight, norm_kind);
    std::copy(one.begin(), one.end(), folded.matrix().row(k).begin());
  }
  return folded;
}

#define GNOMON_INSTANTIATE(T)                                                                   \
  template NeuronWeights neuron_weights(const ModelConfig&, const Weights<T>&, Index, Index);   \
  template Tensor<double> read_directions(const ModelConfig&, const Weights<T>&, Index,         \
                                          std::span<const Index>);                              \
  template Tensor<double> up_read_directions(const Weights<T>&, Index, std::span<const Index>); \
  template Tensor<double> write_directions(const Weights<T>&, Index, std::span<const Index>);
GNOMON_INSTANTIATE(float)
GNOMON_INSTANTIATE(double)
#undef GNOMON_INSTANTIATE

}  // namespace gnomon
