// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/compared_directions.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/analyses/detail/stream_space.h"
#include "gnomon/analyses/neuron_values.h"
#include "gnomon/base/error.h"
#include "gnomon/directions/null_directions.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/moments.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

ComparedDirection basis_direction(const StudyData& data, const ComparedDirectionOptions& options) {
  const Index i = data.target.index();
  ComparedDirection basis{"basis",
                          DirectionKind::write,
                          fmt::format("e_{}, the coordinate's own basis vector", i),
                          data.write(),
                          {},
                          {}};
  const std::vector<Index> others = others_of_layer(data.config.d_model, i, options.n_other,
                                                    Random(options.seed, "weights/others"));
  basis.others = Tensor<double>({std::ssize(others), data.config.d_model});
  for (std::size_t k = 0; k < others.size(); ++k)
    basis.others.matrix()(static_cast<Index>(k), others[k]) = 1;
  return basis;
}

// a gate + b up of every row.
Tensor<double> combined(const GatedInput& gradient, const Tensor<double>& gate,
                        const Tensor<double>& up) {
  Tensor<double> sum(gate.shape());
  for (std::size_t i = 0; i < sum.values().size(); ++i)
    sum.values()[i] = gradient.gate * gate.values()[i] + gradient.up * up.values()[i];
  return sum;
}

Tensor<double> one_row(const Column& vector) { return {{1, std::ssize(vector)}, Column(vector)}; }

}  // namespace

std::string_view direction_kind_name(DirectionKind kind) {
  switch (kind) {
    case DirectionKind::read:
      return "read";
    case DirectionKind::write:
      return "write";
    case DirectionKind::component:
      return "component";
  }
  throw InternalError("direction_kind_name: not a kind");
}

template <class T>
std::vector<ComparedDirection> target_directions(const StudyData& data, const Weights<T>& weights,
                                                 std::span<const Index> training_rows,
                                                 const ComparedDirectionOptions& options) {
  if (!data.neuron) return {basis_direction(data, options)};
  const ModelConfig& config = data.config;
  const NeuronWeights& own = *data.neuron;
  const Index layer = data.target.layer();
  const Index n = data.target.index();
  const std::vector<Index> others =
      others_of_layer(config.d_mlp, n, options.n_other, Random(options.seed, "weights/others"));
  const std::string why = others.empty() ? "the layer has no other neuron" : "";
  std::vector<ComparedDirection> directions;
  const auto add_read = [&](const std::string& name, const std::string& definition,
                            const Tensor<double>& read, const Tensor<double>& other_reads) {
    directions.push_back({name, DirectionKind::read, definition,
                          detail::row_of(folded_reads(read, own.norm_weight, config.norm), 0),
                          folded_reads(other_reads, own.norm_weight, config.norm), why});
  };
  const Tensor<double> reads = read_directions(config, weights, layer, others);
  if (!config.gated_mlp) {
    add_read("input", fmt::format("W_in[:, {}], the norm's weight folded in", n), one_row(own.read),
             reads);
  } else {
    const Tensor<double> ups = up_read_directions(weights, layer, others);
    if (data.target.kind == TargetKind::neuron_post) {
      const GatedInput gradient = mean_gated_gradient(data, training_rows);
      add_read("input",
               fmt::format("{:.4g} W_gate[:, {}] + {:.4g} W_in[:, {}], the neuron's mean gradient "
                           "over the training rows, the norm's weight folded in",
                           gradient.gate, n, gradient.up, n),
               combined(gradient, one_row(own.read), one_row(own.up_read)),
               combined(gradient, reads, ups));
    }
    add_read("input_gate", fmt::format("W_gate[:, {}], the norm's weight folded in", n),
             one_row(own.read), reads);
    add_read("input_up", fmt::format("W_in[:, {}], the norm's weight folded in", n),
             one_row(own.up_read), ups);
  }
  directions.push_back({"output", DirectionKind::write, fmt::format("W_out[{}]", n), own.write,
                        write_directions(weights, layer, others), why});
  return directions;
}

std::vector<ComparedDirection> stream_components(MatrixView<const double> stream,
                                                 const ComparedDirectionOptions& options) {
  CovarianceAccumulator accumulator(stream.cols);
  accumulator.add_rows(stream);
  const SymmetricEigen eigen = symmetric_eigen(accumulator.covariance().matrix());
  double total = 0;
  for (const double value : eigen.value) total += std::max(value, 0.0);
  std::vector<ComparedDirection> components;
  const Index n = std::min<Index>(options.n_component, std::min(stream.cols, stream.rows - 1));
  for (Index k = 0; k < n; ++k) {
    const Index from_end = stream.cols - 1 - k;
    const double share = total > 0 ? eigen.value[static_cast<std::size_t>(from_end)] / total : 0;
    components.push_back({fmt::format("pc{}", k + 1),
                          DirectionKind::component,
                          fmt::format("principal component {} of the stream, {:.3g} of its "
                                      "variance on the training rows",
                                      k + 1, share),
                          detail::row_of(eigen.vector, from_end),
                          {},
                          "a principal component has no counterpart among the layer's neurons"});
  }
  return components;
}

template std::vector<ComparedDirection> target_directions(const StudyData&, const Weights<float>&,
                                                          std::span<const Index>,
                                                          const ComparedDirectionOptions&);
template std::vector<ComparedDirection> target_directions(const StudyData&, const Weights<double>&,
                                                          std::span<const Index>,
                                                          const ComparedDirectionOptions&);

}  // namespace gnomon
