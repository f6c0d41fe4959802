// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/neuron_values.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "gnomon/analyses/rounding.h"
#include "gnomon/kernels/activation.h"
#include "gnomon/kernels/norm.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

Column apply_activation(const ModelConfig& config, Column values) {
  activation_forward<double>(config.activation, values, values);
  return values;
}

Column stream_coordinate(const StudyData& data, const Tensor<double>& stream) {
  Column values;
  for (Index i = 0; i < stream.matrix().rows; ++i)
    values.push_back(stream.matrix()(i, data.target.index()));
  return values;
}

Column recomputed_coordinate(const StudyData& data) {
  const auto minus = [&](Column values, const Tensor<double>& before) {
    const Column subtracted = stream_coordinate(data, before);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] -= subtracted[i];
    return values;
  };
  const auto difference = [&](const Tensor<double>& after, const Tensor<double>& before) {
    return minus(stream_coordinate(data, after), before);
  };
  const bool parallel = data.config.parallel_block;
  switch (data.target.at.site.kind) {
    case HookKind::resid_pre:
      return stream_coordinate(data, data.resid_pre);
    case HookKind::attn_out:
      return parallel ? stream_coordinate(data, data.attn_out)
                      : difference(data.resid_mid, data.resid_pre);
    case HookKind::resid_mid:
      return stream_coordinate(data, data.resid_mid);
    case HookKind::mlp_out:
      return parallel ? minus(difference(data.resid_post, data.resid_pre), data.attn_out)
                      : difference(data.resid_post, data.resid_mid);
    default:
      return stream_coordinate(data, data.resid_post);
  }
}

}  // namespace

std::optional<Column> recomputed_target(const StudyData& data) {
  if (data.mlp_stream().size() == 0 || (data.target.is_neuron() && !data.neuron))
    return std::nullopt;
  if (!data.target.is_neuron()) return recomputed_coordinate(data);
  const NeuronWeights& neuron = *data.neuron;
  if (data.target.kind == TargetKind::neuron_pre_linear)
    return normed_read(data, neuron.up_read, 0).value;
  const Column pre = normed_read(data, neuron.read, neuron.read_bias).value;
  if (data.target.kind == TargetKind::neuron_pre) return pre;
  const Column pre_linear =
      data.config.gated_mlp ? normed_read(data, neuron.up_read, 0).value : Column{};
  return neuron_post(data.config, pre, pre_linear);
}

NormedStream normed_stream(const StudyData& data) {
  const MatrixView<const double> stream = data.mlp_stream().matrix();
  const auto n_row = static_cast<std::size_t>(stream.rows);
  NormedStream normed{Tensor<double>({stream.rows, stream.cols}), Column(n_row), Column(n_row)};
  const MatrixView<double> out = normed.out.matrix();
  norm_scale_forward<double>(data.config.norm, normed.mean, normed.scale, stream,
                             data.config.norm_eps);
  norm_normalize_forward<double>(out, stream, normed.mean, normed.scale);
  norm_affine_forward<double>(out, out, data.neuron->norm_weight, data.neuron->norm_bias);
  return normed;
}

NormedRead normed_read(const StudyData& data, const std::vector<double>& read, double bias) {
  const NeuronWeights& neuron = *data.neuron;
  const MatrixView<const double> stream = data.mlp_stream().matrix();
  const NormedStream normed = normed_stream(data);

  NormedRead result;
  for (Index i = 0; i < stream.rows; ++i) {
    // Of every number that is rounded on the way: centring and the norm's bias may cancel.
    double magnitude = std::abs(bias);
    for (Index c = 0; c < stream.cols; ++c) {
      const auto k = static_cast<std::size_t>(c);
      const auto row = static_cast<std::size_t>(i);
      const double normalized =
          (std::abs(stream(i, c)) + std::abs(normed.mean[row])) / normed.scale[row];
      const double shift = neuron.norm_bias.empty() ? 0 : std::abs(neuron.norm_bias[k]);
      magnitude += (normalized * std::abs(neuron.norm_weight[k]) + shift) * std::abs(read[k]);
    }
    result.value.push_back(dot(normed.out.matrix().row(i), read) + bias);
    result.bound.push_back(sum_rounding_bound(stream.cols, magnitude, data.precision));
  }
  return result;
}

std::vector<double> neuron_post(const ModelConfig& config, std::span<const double> pre,
                                std::span<const double> pre_linear) {
  Column post = apply_activation(config, Column(pre.begin(), pre.end()));
  if (!config.gated_mlp) return post;
  for (std::size_t i = 0; i < post.size(); ++i) post[i] *= pre_linear[i];
  return post;
}

GatedInput mean_gated_gradient(const StudyData& data, std::span<const Index> rows) {
  if (!data.config.gated_mlp || !data.neuron || rows.empty()) return {1, 0};
  // Central difference: the activation functions are smooth, its error is about step² = 1e-10.
  constexpr double kStep = 1e-5;
  const Column gate = take(data.pre, rows);
  Column above = gate;
  Column below = gate;
  for (std::size_t i = 0; i < gate.size(); ++i) {
    above[i] += kStep;
    below[i] -= kStep;
  }
  const Column value = apply_activation(data.config, gate);
  above = apply_activation(data.config, std::move(above));
  below = apply_activation(data.config, std::move(below));
  const Column up = take(data.pre_linear, rows);
  GatedInput mean;
  for (std::size_t i = 0; i < gate.size(); ++i) {
    mean.gate += (above[i] - below[i]) / (2 * kStep) * up[i];
    mean.up += value[i];
  }
  mean.gate /= static_cast<double>(rows.size());
  mean.up /= static_cast<double>(rows.size());
  return mean;
}

}  // namespace gnomon
