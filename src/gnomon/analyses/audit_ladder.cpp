// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/audit_ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/kernels/activation.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

struct Operation {
  std::string name;
  std::string quantity;
  bool exact_zero = false;
};

// The quantity of every row with the operations of `mask` applied; bit k is operations[k].
using Evaluate = std::function<Column(unsigned mask)>;

struct LadderPlan {
  std::string direction;
  std::string starts_at;
  std::string first_quantity;
  std::vector<Operation> operations;
  Evaluate evaluate;
  Column rounding;  // bound on the rounding error of each row's activation and stream, for the
                    // tolerance
};

Column column_times(MatrixView<const double> rows, const Column& w) {
  Column result(static_cast<std::size_t>(rows.rows));
  for (Index i = 0; i < rows.rows; ++i) result[static_cast<std::size_t>(i)] = dot(rows.row(i), w);
  return result;
}

Column minus(const Column& a, const Column& b) {
  Column result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b[i];
  return result;
}

// Shapley values of the operations for the correlation: the mean, over all orders, of what each
// changes.
std::vector<double> shapley_values(std::span<const double> r_of_mask, std::size_t n) {
  std::vector<double> values(n);
  std::vector<double> factorial(n + 1, 1);
  for (std::size_t k = 1; k <= n; ++k) factorial[k] = factorial[k - 1] * static_cast<double>(k);
  for (unsigned mask = 0; mask < (1U << n); ++mask) {
    const auto size = static_cast<std::size_t>(std::popcount(mask));
    for (std::size_t k = 0; k < n; ++k) {
      if ((mask >> k & 1U) != 0) continue;
      const double weight = factorial[size] * factorial[n - size - 1] / factorial[n];
      values[k] += weight * (r_of_mask[mask | 1U << k] - r_of_mask[mask]);
    }
  }
  return values;
}

void add_shapley(Ladder& ladder, const LadderPlan& plan, std::span<const double> truth) {
  const std::size_t n = plan.operations.size();
  std::vector<double> r_of_mask;
  for (unsigned mask = 0; mask < (1U << n); ++mask) {
    const Correlation correlation = pearson(plan.evaluate(mask), truth);
    if (!correlation.r) return;
    r_of_mask.push_back(*correlation.r);
  }
  const std::vector<double> values = shapley_values(r_of_mask, n);
  for (std::size_t k = 0; k < n; ++k) ladder.rungs[k + 1].shapley = values[k];
}

// 1 - r of an activation that carries errors of at most `rounding`, to first order:
// r of y and y + e is 1 - Σ(e - ē)² / (2 Σ(y - ȳ)²).
double correlation_loss(std::span<const double> rounding, std::span<const double> truth) {
  const double mean =
      std::accumulate(truth.begin(), truth.end(), 0.0) / static_cast<double>(truth.size());
  double errors = 0;
  double squares = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    errors += rounding[i] * rounding[i];
    squares += (truth[i] - mean) * (truth[i] - mean);
  }
  return squares > 0 ? errors / (2 * squares) : 0;
}

Ladder climb(const LadderPlan& plan, const Column& truth, std::span<const Index> group,
             const StudyData& data, const LadderOptions& options) {
  Ladder ladder;
  ladder.direction = plan.direction;
  ladder.starts_at = plan.starts_at;
  std::vector<Column> columns;
  for (std::size_t k = 0; k <= plan.operations.size(); ++k)
    columns.push_back(plan.evaluate((1U << k) - 1));
  std::vector<std::span<const double>> views(columns.begin(), columns.end());
  const std::vector<BootstrapInterval> intervals =
      bootstrap_correlations(views, truth, group, options.bootstrap);

  for (std::size_t k = 0; k < columns.size(); ++k) {
    Rung& rung = ladder.rungs.emplace_back();
    rung.name = k == 0 ? "start" : plan.operations[k - 1].name;
    rung.quantity = k == 0 ? plan.first_quantity : plan.operations[k - 1].quantity;
    rung.exact_zero = k > 0 && plan.operations[k - 1].exact_zero;
    rung.r = intervals[k].estimate;
    rung.interval = intervals[k].interval;
    rung.r2_identity = r2_identity(columns[k], truth);
    if (k == 0 || rung.exact_zero) {
      rung.delta = 0;
    } else if (rung.r && ladder.rungs[k - 1].r) {
      rung.delta = *rung.r - *ladder.rungs[k - 1].r;
    }
  }
  add_shapley(ladder, plan, truth);

  constexpr double kLargestGap = 1e-9;
  const double rounding_loss = correlation_loss(plan.rounding, truth);
  ladder.tolerance = kLargestGap;
  ladder.tolerance_why = "1e-9 in double precision";
  if (data.precision == Precision::float32 && rounding_loss > kLargestGap) {
    ladder.tolerance = rounding_loss;
    ladder.tolerance_why = "bound on what the rounding of a float32 forward pass takes from r";
  }
  const Correlation last = pearson(columns.back(), truth);
  if (last.r) ladder.one_minus_r = 1 - *last.r;
  ladder.closes = ladder.one_minus_r && *ladder.one_minus_r < ladder.tolerance;
  return ladder;
}

// The scored rows of a study, with what the ladders share.
struct Scored {
  const StudyData& data;
  std::vector<Index> rows;
  Tensor<double> pre_stream, mid_stream, post_stream, final_stream;
  Column truth;
  std::vector<Index> group;
  NormKind norm_kind = NormKind::layer_norm;
  Column scale;  // σ of ln2 at resid_mid

  Scored(const StudyData& study, std::span<const Index> scored_rows)
      : data(study),
        rows(scored_rows.begin(), scored_rows.end()),
        pre_stream(take_rows(study.resid_pre.matrix(), scored_rows)),
        mid_stream(take_rows(study.resid_mid.matrix(), scored_rows)),
        post_stream(take_rows(study.resid_post.matrix(), scored_rows)),
        final_stream(take_rows(study.resid_final.matrix(), scored_rows)),
        truth(take(study.activation, scored_rows)),
        group(take(study.group, scored_rows)),
        norm_kind(study.config.norm),
        scale(rows.size()) {
    Column mean(rows.size());
    norm_scale_forward<double>(norm_kind, mean, scale, mid_stream.matrix(), study.config.norm_eps);
  }
};

// The linear part of what a neuron reads, with each operation of the norm switched on or off: all
// that depends on the row are a few sums.
struct ReadTerms {
  Column at_pre, at_pre_weighted;  // resid_pre · w, resid_pre · (γ ⊙ w)
  Column at_mid, at_mid_weighted;
  double sum = 0, sum_weighted = 0;  // Σ w, Σ γ ⊙ w
  double shift = 0;                  // β · w
  double bias = 0;
};

struct MeanTerms {
  Column pre, mid;  // mean over d_model of the streams
};

ReadTerms read_terms(const Scored& scored, const Column& read, double bias) {
  const NeuronWeights& neuron = *scored.data.neuron;
  Column weighted(read.size());
  for (std::size_t i = 0; i < read.size(); ++i) weighted[i] = neuron.norm_weight[i] * read[i];
  ReadTerms terms;
  terms.at_pre = column_times(scored.pre_stream.matrix(), read);
  terms.at_pre_weighted = column_times(scored.pre_stream.matrix(), weighted);
  terms.at_mid = column_times(scored.mid_stream.matrix(), read);
  terms.at_mid_weighted = column_times(scored.mid_stream.matrix(), weighted);
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
  add("+ attention", fmt::format("resid_mid · {}", symbol), &ReadSwitches::attention, false);
  if (layer_norm)
    add("norm: centring", fmt::format("centred resid_mid · {}", symbol), &ReadSwitches::centre,
        false);
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
                           row_means(scored.mid_stream.matrix())};
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

// Terms that are taken away one after another from a projection of the residual stream.
struct Removal {
  Operation operation;
  Column term;
};

std::vector<Removal> write_removals(const Scored& scored, const Column& write,
                                    const std::string& symbol) {
  const StudyData& data = scored.data;
  const HookKind site = data.target.at.site.kind;
  std::vector<Removal> removals;
  const bool is_stream =
      site == HookKind::resid_pre || site == HookKind::resid_mid || site == HookKind::resid_post;
  if (is_stream) return removals;
  const Column pre = column_times(scored.pre_stream.matrix(), write);
  const Column mid = column_times(scored.mid_stream.matrix(), write);
  const std::string rest = site == HookKind::attn_out ? "attn_out" : "(attn_out + mlp_out)";
  removals.push_back({{"without earlier stream", fmt::format("{} · {}", rest, symbol)}, pre});
  if (site == HookKind::attn_out) return removals;
  removals.push_back({{"without attention", fmt::format("mlp_out · {}", symbol)}, minus(mid, pre)});
  if (!data.neuron) return removals;
  const double bias = dot(data.neuron->output_bias, write);
  if (data.config.norm == NormKind::layer_norm) {
    removals.push_back({{"without b_out", fmt::format("(mlp_out - b_out) · {}", symbol), true},
                        Column(mid.size(), bias)});
  }
  const Column post = column_times(scored.post_stream.matrix(), write);
  Column others = minus(post, mid);
  const Column own = take(data.post, scored.rows);
  const double length_squared = dot(write, write);
  for (std::size_t i = 0; i < others.size(); ++i) others[i] -= bias + own[i] * length_squared;
  removals.push_back({{"without other neurons", "the neuron's own write: post |w_out|²"}, others});
  return removals;
}

LadderPlan write_plan(const Scored& scored, bool at_final) {
  const StudyData& data = scored.data;
  const Column write = data.write();
  const std::string symbol = data.neuron ? "w_out" : fmt::format("e_{}", data.target.index());
  LadderPlan plan;
  plan.direction = at_final ? "final" : "output";
  const Site site = at_final ? Site{HookKind::resid_post, data.config.n_layers - 1, std::nullopt}
                             : data.write_site();
  plan.starts_at = site_name(site, data.config);
  plan.first_quantity = fmt::format("{} · {}", at_final ? "resid_final" : "stream", symbol);

  const HookKind written = data.write_site().kind;
  const Tensor<double>& stream = written == HookKind::resid_pre   ? scored.pre_stream
                                 : written == HookKind::resid_mid ? scored.mid_stream
                                                                  : scored.post_stream;
  const Column at_write = column_times(stream.matrix(), write);
  const Column start = at_final ? column_times(scored.final_stream.matrix(), write) : at_write;
  std::vector<Removal> removals;
  if (at_final)
    removals.push_back(
        {{"without later layers", fmt::format("stream · {}", symbol)}, minus(start, at_write)});
  for (Removal& removal : write_removals(scored, write, symbol))
    removals.push_back(std::move(removal));
  for (const Removal& removal : removals) plan.operations.push_back(removal.operation);

  const bool before_activation = data.target.kind == TargetKind::neuron_pre ||
                                 data.target.kind == TargetKind::neuron_pre_linear;
  if (before_activation) plan.operations.push_back({"undo the activation", "the target itself"});
  plan.rounding.resize(scored.rows.size());
  // A neuron's ladder ends at its own activation times a constant: the rounding of the stream went
  // into what is called the other neurons.
  for (std::size_t i = 0; !data.neuron && i < plan.rounding.size(); ++i) {
    for (const Removal& removal : removals) plan.rounding[i] += std::abs(removal.term[i]);
    plan.rounding[i] = 2 * unit_roundoff(data.precision) * (plan.rounding[i] + std::abs(start[i]));
  }
  plan.evaluate = [start, removals, before_activation, truth = scored.truth](unsigned mask) {
    if (before_activation && (mask >> removals.size() & 1U) != 0) return truth;
    Column value = start;
    for (std::size_t k = 0; k < removals.size(); ++k) {
      if ((mask >> k & 1U) != 0) value = minus(value, removals[k].term);
    }
    return value;
  };
  return plan;
}

LadderPlan head_plan(const Scored& scored, const LinearHead& head,
                     std::span<const Index> training_rows) {
  const StudyData& data = scored.data;
  const Tensor<double> training_features = take_rows(data.resid_final.matrix(), training_rows);
  Column training_report = column_times(training_features.matrix(), head.weight);
  for (double& report : training_report) report += head.bias;
  const SimpleRegression line = ols(training_report, take(data.activation, training_rows));
  const double slope = line.slope.value_or(1);
  const double intercept = line.intercept.value_or(0);

  LadderPlan plan;
  plan.direction = "head";
  plan.starts_at = fmt::format("blocks.{}.hook_resid_post", data.config.n_layers - 1);
  plan.first_quantity = "resid_final · w_head";
  plan.operations = {{"+ b", "the report", true},
                     {"calibrated on training rows", "slope and offset refitted", slope > 0},
                     {"+ what the features miss", "the target itself"}};
  plan.rounding.assign(scored.rows.size(), 0);
  const Column projection = column_times(scored.final_stream.matrix(), head.weight);
  plan.evaluate = [projection, bias = head.bias, slope, intercept,
                   truth = scored.truth](unsigned mask) {
    if ((mask & 4U) != 0) return truth;
    Column value = projection;
    for (double& v : value) {
      if ((mask & 1U) != 0) v += bias;
      if ((mask & 2U) != 0) v = slope * v + intercept;
    }
    return value;
  };
  return plan;
}

}  // namespace

NormedRead normed_read(const StudyData& data, const std::vector<double>& read, double bias) {
  const NeuronWeights& neuron = *data.neuron;
  const MatrixView<const double> stream = data.resid_mid.matrix();
  Tensor<double> normed({stream.rows, stream.cols});
  Column mean(static_cast<std::size_t>(stream.rows));
  Column scale(static_cast<std::size_t>(stream.rows));
  norm_scale_forward<double>(data.config.norm, mean, scale, stream, data.config.norm_eps);
  norm_normalize_forward<double>(normed.matrix(), stream, mean, scale);
  norm_affine_forward<double>(normed.matrix(), normed.matrix(), neuron.norm_weight,
                              neuron.norm_bias);

  NormedRead result;
  for (Index i = 0; i < stream.rows; ++i) {
    // Of every number that is rounded on the way: centring and the norm's bias may cancel.
    double magnitude = std::abs(bias);
    for (Index c = 0; c < stream.cols; ++c) {
      const auto k = static_cast<std::size_t>(c);
      const auto row = static_cast<std::size_t>(i);
      const double normalized = (std::abs(stream(i, c)) + std::abs(mean[row])) / scale[row];
      const double shift = neuron.norm_bias.empty() ? 0 : std::abs(neuron.norm_bias[k]);
      magnitude += (normalized * std::abs(neuron.norm_weight[k]) + shift) * std::abs(read[k]);
    }
    result.value.push_back(dot(normed.matrix().row(i), read) + bias);
    result.bound.push_back(sum_rounding_bound(stream.cols, magnitude, data.precision));
  }
  return result;
}

std::vector<double> neuron_post(const ModelConfig& config, std::span<const double> pre,
                                std::span<const double> pre_linear) {
  Column post = apply_activation(config, Column(pre.begin(), pre.end()));
  if (!config.gated_mlp) return post;
  return times(std::move(post), Column(pre_linear.begin(), pre_linear.end()));
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

std::vector<Ladder> audit_ladders(const StudyData& data, const LinearHead& head,
                                  const GatedInput& mean_gradient,
                                  std::span<const Index> scored_rows,
                                  std::span<const Index> training_rows,
                                  const LadderOptions& options) {
  const Scored scored(data, scored_rows);
  std::vector<LadderPlan> plans = input_plans(scored, mean_gradient);
  if (norm(data.write()) > 0) {
    plans.push_back(write_plan(scored, false));
    plans.push_back(write_plan(scored, true));
  }
  plans.push_back(head_plan(scored, head, training_rows));
  std::vector<Ladder> ladders;
  for (const LadderPlan& plan : plans)
    ladders.push_back(climb(plan, scored.truth, scored.group, data, options));
  return ladders;
}

}  // namespace gnomon
