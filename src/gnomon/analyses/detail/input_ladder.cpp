// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <utility>

#include "gnomon/analyses/detail/ladder_plan.h"
#include "gnomon/analyses/rounding.h"
#include "gnomon/kernels/activation.h"

namespace gnomon::detail {
namespace {

// The linear part of what a neuron reads, with each operation of the norm switched on or off: all
// that depends on the row are a few sums.
struct ReadTerms {
  Column at_pre, at_pre_weighted;    // resid_pre · w, resid_pre · (γ ⊙ w)
  Column at_mid, at_mid_weighted;    // of the stream that the MLP reads
  double sum = 0, sum_weighted = 0;  // Σ w, Σ γ ⊙ w
  double shift = 0;                  // β · w
  double bias = 0;
};

struct MeanTerms {
  Column pre, mid;  // mean over d_model of the two streams
};

ReadTerms read_terms(const Scored& scored, const Column& read, double bias) {
  const NeuronWeights& neuron = *scored.data.neuron;
  Column weighted(read.size());
  for (std::size_t i = 0; i < read.size(); ++i) weighted[i] = neuron.norm_weight[i] * read[i];
  ReadTerms terms;
  terms.at_pre = column_times(scored.pre_stream.matrix(), read);
  terms.at_pre_weighted = column_times(scored.pre_stream.matrix(), weighted);
  terms.at_mid = column_times(scored.read_stream.matrix(), read);
  terms.at_mid_weighted = column_times(scored.read_stream.matrix(), weighted);
  terms.sum = std::accumulate(read.begin(), read.end(), 0.0);
  terms.sum_weighted = std::accumulate(weighted.begin(), weighted.end(), 0.0);
  if (!neuron.norm_bias.empty()) terms.shift = dot(neuron.norm_bias, read);
  terms.bias = bias;
  return terms;
}

// Which of the operations of an input ladder are on.
struct ReadSwitches {
  bool attention = false, centre = false, scale = false, weight = false, shift = false,
       bias = false;
};

Column read_value(const Scored& scored, const ReadTerms& terms, const MeanTerms& means,
                  const ReadSwitches& on) {
  Column value = on.weight ? (on.attention ? terms.at_mid_weighted : terms.at_pre_weighted)
                           : (on.attention ? terms.at_mid : terms.at_pre);
  const Column& mean = on.attention ? means.mid : means.pre;
  const double sum = on.weight ? terms.sum_weighted : terms.sum;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (on.centre) value[i] -= mean[i] * sum;
    if (on.scale) value[i] /= scored.scale[i];
    if (on.shift) value[i] += terms.shift;
    if (on.bias) value[i] += terms.bias;
  }
  return value;
}

Column row_means(MatrixView<const double> rows) {
  Column means(static_cast<std::size_t>(rows.rows));
  for (Index i = 0; i < rows.rows; ++i) {
    means[static_cast<std::size_t>(i)] =
        std::accumulate(rows.row(i).begin(), rows.row(i).end(), 0.0) /
        static_cast<double>(rows.cols);
  }
  return means;
}

// Where an input ladder ends: at the pre-activation, or at the neuron after its activation
// function.
enum class InputEnd { pre_activation, gate_then_up, up_then_gate, both_branches, activation };

struct InputLadder {
  std::string direction;
  std::string symbol;  // of the direction: "w_in"
  Column read;
  double bias = 0;
  InputEnd end = InputEnd::activation;
};

Column apply_activation(const ModelConfig& config, Column values) {
  activation_forward<double>(config.activation, values, values);
  return values;
}

Column times(Column a, const Column& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] *= b[i];
  return a;
}

// The operations from the residual stream to the pre-activation, as far as the family has them.
struct ReadOperations {
  std::vector<Operation> operations;
  std::vector<bool ReadSwitches::*> switches;
};

ReadOperations read_operations(const StudyData& data, const std::string& symbol, double bias) {
  ReadOperations result;
  const auto add = [&](const std::string& name, const std::string& quantity,
                       bool ReadSwitches::*flag, bool constant) {
    result.operations.push_back({name, quantity, constant});
    result.switches.push_back(flag);
  };
  const bool layer_norm = data.config.norm == NormKind::layer_norm;
  // In a parallel block the MLP reads the stream before attention.
  const bool parallel = data.config.parallel_block;
  if (!parallel)
    add("+ attention", fmt::format("resid_mid · {}", symbol), &ReadSwitches::attention, false);
  if (layer_norm) {
    add("norm: centring",
        fmt::format("centred {} · {}", parallel ? "resid_pre" : "resid_mid", symbol),
        &ReadSwitches::centre, false);
  }
  add("norm: scale 1/σ", fmt::format("ln2.hook_normalized · {}", symbol), &ReadSwitches::scale,
      false);
  add("norm: weight", fmt::format("(ln2.hook_normalized ⊙ weight) · {}", symbol),
      &ReadSwitches::weight, false);
  if (!data.neuron->norm_bias.empty())
    add("norm: bias", fmt::format("ln2.hook_out · {}", symbol), &ReadSwitches::shift, true);
  if (layer_norm || bias != 0) add("+ b_in", "mlp.hook_pre", &ReadSwitches::bias, true);
  return result;
}

LadderPlan input_plan(const Scored& scored, const InputLadder& input,
                      const GatedInput& mean_gradient) {
  const StudyData& data = scored.data;
  const NeuronWeights& neuron = *data.neuron;
  const MeanTerms means = {row_means(scored.pre_stream.matrix()),
                           row_means(scored.read_stream.matrix())};
  const ReadTerms terms = read_terms(scored, input.read, input.bias);
  ReadOperations read = read_operations(data, input.symbol, input.bias);

  LadderPlan plan;
  plan.direction = input.direction;
  plan.starts_at = fmt::format("blocks.{}.hook_resid_pre", data.target.layer());
  plan.first_quantity = fmt::format("resid_pre · {}", input.symbol);
  plan.operations = read.operations;
  const std::string activation(activation_name(data.config.activation));
  const auto n_read = static_cast<unsigned>(read.operations.size());
  const auto switched = [switches = read.switches](unsigned mask) {
    ReadSwitches on;
    for (std::size_t k = 0; k < switches.size(); ++k) on.*switches[k] = (mask >> k & 1U) != 0;
    return on;
  };
  const auto linear = [&scored, terms, means, switched](unsigned mask) {
    return read_value(scored, terms, means, switched(mask));
  };
  switch (input.end) {
    case InputEnd::pre_activation:
      plan.evaluate = linear;
      break;
    case InputEnd::activation:
      plan.operations.push_back({activation, "mlp.hook_post"});
      plan.evaluate = [linear, n_read, config = data.config](unsigned mask) {
        Column value = linear(mask);
        return (mask >> n_read & 1U) != 0 ? apply_activation(config, std::move(value)) : value;
      };
      break;
    case InputEnd::gate_then_up: {
      plan.operations.push_back({activation, fmt::format("{}(gate)", activation)});
      plan.operations.push_back({"× up branch", "mlp.hook_post"});
      const Column up = normed_read(data, neuron.up_read, 0).value;
      plan.evaluate = [linear, n_read, config = data.config,
                       up = take(up, scored.rows)](unsigned mask) {
        Column value = linear(mask);
        if ((mask >> n_read & 1U) != 0) value = apply_activation(config, std::move(value));
        return (mask >> (n_read + 1) & 1U) != 0 ? times(std::move(value), up) : value;
      };
      break;
    }
    case InputEnd::up_then_gate: {
      plan.operations.push_back({fmt::format("× {}(gate)", activation), "mlp.hook_post"});
      const Column gate =
          apply_activation(data.config, normed_read(data, neuron.read, neuron.read_bias).value);
      plan.evaluate = [linear, n_read, gate = take(gate, scored.rows)](unsigned mask) {
        Column value = linear(mask);
        return (mask >> n_read & 1U) != 0 ? times(std::move(value), gate) : value;
      };
      break;
    }
    case InputEnd::both_branches: {
      plan.operations.push_back({"product of the branches", "mlp.hook_post"});
      const ReadTerms gate_terms = read_terms(scored, neuron.read, neuron.read_bias);
      const ReadTerms up_terms = read_terms(scored, neuron.up_read, 0);
      plan.evaluate = [&scored, means, switched, n_read, gate_terms, up_terms, mean_gradient,
                       config = data.config](unsigned mask) {
        Column gate = read_value(scored, gate_terms, means, switched(mask));
        const Column up = read_value(scored, up_terms, means, switched(mask));
        if ((mask >> n_read & 1U) != 0) return times(apply_activation(config, std::move(gate)), up);
        for (std::size_t i = 0; i < gate.size(); ++i)
          gate[i] = mean_gradient.gate * gate[i] + mean_gradient.up * up[i];
        return gate;
      };
      break;
    }
  }
  return plan;
}

// Bound on the rounding of the activation itself, of each scored row.
Column activation_rounding(const Scored& scored) {
  const StudyData& data = scored.data;
  const NeuronWeights& neuron = *data.neuron;
  const NormedRead gate = normed_read(data, neuron.read, neuron.read_bias);
  // The slope of the activation functions is below 1.13 everywhere (GELU's maximum).
  constexpr double kLargestSlope = 1.13;
  Column bound = take(gate.bound, scored.rows);
  if (data.config.gated_mlp) {
    const NormedRead up = normed_read(data, neuron.up_read, 0);
    const Column up_value = take(up.value, scored.rows);
    const Column up_bound = take(up.bound, scored.rows);
    if (data.target.kind == TargetKind::neuron_pre_linear) return up_bound;
    if (data.target.kind == TargetKind::neuron_pre) return bound;
    const Column gate_value = apply_activation(data.config, take(gate.value, scored.rows));
    for (std::size_t i = 0; i < bound.size(); ++i) {
      bound[i] =
          kLargestSlope * bound[i] * std::abs(up_value[i]) + std::abs(gate_value[i]) * up_bound[i];
    }
  } else if (data.target.kind == TargetKind::neuron_post) {
    for (double& b : bound) b *= kLargestSlope;
  }
  for (std::size_t i = 0; i < bound.size(); ++i) {
    bound[i] += 4 * unit_roundoff(data.precision) * std::abs(scored.truth[i]);
  }
  return bound;
}

}  // namespace

std::vector<LadderPlan> input_plans(const Scored& scored, const GatedInput& mean_gradient) {
  const StudyData& data = scored.data;
  std::vector<LadderPlan> plans;
  if (!data.neuron) return plans;
  const NeuronWeights& neuron = *data.neuron;
  const TargetKind kind = data.target.kind;
  const auto add = [&](const std::string& direction, const std::string& symbol, const Column& read,
                       double bias, InputEnd end) {
    plans.push_back(input_plan(scored, {direction, symbol, read, bias, end}, mean_gradient));
    plans.back().rounding = activation_rounding(scored);
  };
  if (!data.config.gated_mlp) {
    add("input", "w_in", neuron.read, neuron.read_bias,
        kind == TargetKind::neuron_pre ? InputEnd::pre_activation : InputEnd::activation);
  } else if (kind == TargetKind::neuron_pre) {
    add("input", "w_gate", neuron.read, neuron.read_bias, InputEnd::pre_activation);
  } else if (kind == TargetKind::neuron_pre_linear) {
    add("input", "w_up", neuron.up_read, 0, InputEnd::pre_activation);
  } else {
    Column mean_read(neuron.read.size());
    for (std::size_t i = 0; i < mean_read.size(); ++i) {
      mean_read[i] = mean_gradient.gate * neuron.read[i] + mean_gradient.up * neuron.up_read[i];
    }
    add("input", "w_mean", mean_read, mean_gradient.gate * neuron.read_bias,
        InputEnd::both_branches);
    add("input_gate", "w_gate", neuron.read, neuron.read_bias, InputEnd::gate_then_up);
    add("input_up", "w_up", neuron.up_read, 0, InputEnd::up_then_gate);
  }
  return plans;
}

}  // namespace gnomon::detail
