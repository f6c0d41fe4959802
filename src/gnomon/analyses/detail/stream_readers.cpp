// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/detail/stream_readers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "gnomon/directions/direction.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/kernels/linear_algebra.h"

namespace gnomon::detail {
namespace {

template <class T>
Tensor<double> columns_of(const std::vector<const WeightView<T>*>& weights, Index d_model) {
  Index n = 0;
  for (const WeightView<T>* weight : weights) n += weight->n_out;
  Tensor<double> reads({n, d_model});
  Index row = 0;
  for (const WeightView<T>* weight : weights) {
    for (Index o = 0; o < weight->n_out; ++o, ++row) {
      for (Index i = 0; i < d_model; ++i)
        reads.matrix()(row, i) = static_cast<double>((*weight)(i, o));
    }
  }
  return reads;
}

Tensor<double> stacked(const Tensor<double>& above, const Tensor<double>& below) {
  std::vector<double> values(above.values().begin(), above.values().end());
  values.insert(values.end(), below.values().begin(), below.values().end());
  return Tensor<double>({above.matrix().rows + below.matrix().rows, above.matrix().cols},
                        std::move(values));
}

}  // namespace

template <class T>
StreamReaders next_readers(const Model& model, const Site& site) {
  const ModelConfig& config = model.config();
  const bool mid = site.kind == HookKind::resid_mid;
  const Index layer = site.layer + (site.kind == HookKind::resid_post ? 1 : 0);
  StreamReaders readers;
  if (layer >= config.n_layers) {
    readers.why = "no block follows";
    return readers;
  }
  const BlockWeights<T>& block = model.weights<T>().block(layer);
  const auto folded = [&](const std::vector<const WeightView<T>*>& weights,
                          const NormWeights<T>& norm) {
    return folded_reads(columns_of<T>(weights, config.d_model),
                        {norm.weight.begin(), norm.weight.end()}, config.norm);
  };
  std::vector<const WeightView<T>*> mlp = {&block.up_proj.weight};
  if (config.gated_mlp) mlp.push_back(&block.gate_proj.weight);
  const std::string mlp_name = config.gated_mlp ? "W_in, W_gate" : "W_in";
  if (mid) {
    readers.name = fmt::format("{} of block {}", mlp_name, layer);
    readers.reads = folded(mlp, block.ln_2);
    return readers;
  }
  readers.name = "W_Q, W_K, W_V";
  readers.reads =
      folded({&block.q_proj.weight, &block.k_proj.weight, &block.v_proj.weight}, block.ln_1);
  if (config.parallel_block) {
    readers.name += ", " + mlp_name;
    readers.reads = stacked(readers.reads, folded(mlp, block.ln_2));
  }
  readers.name += fmt::format(" of block {}", layer);
  return readers;
}

std::vector<double> row_space_part(MatrixView<const double> reads,
                                   std::span<const double> direction, Index& rank) {
  Tensor<double> gram({reads.cols, reads.cols});
  gram_of_columns(gram.matrix(), reads);
  const SymmetricEigen eigen = symmetric_eigen(std::as_const(gram).matrix());
  const double smallest = static_cast<double>(std::max(reads.rows, reads.cols)) *
                          std::numeric_limits<double>::epsilon() * eigen.value.back();
  std::vector<double> part(direction.size());
  rank = 0;
  for (std::size_t k = 0; k < eigen.value.size(); ++k) {
    if (!(eigen.value[k] > smallest)) continue;
    ++rank;
    const std::span<const double> vector = eigen.vector.matrix().row(static_cast<Index>(k));
    const double along = dot(vector, direction);
    for (std::size_t c = 0; c < part.size(); ++c) part[c] += along * vector[c];
  }
  return part;
}

template StreamReaders next_readers<float>(const Model&, const Site&);
template StreamReaders next_readers<double>(const Model&, const Site&);

}  // namespace gnomon::detail
