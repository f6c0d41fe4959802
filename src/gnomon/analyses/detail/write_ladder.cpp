// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "gnomon/analyses/detail/ladder_plan.h"
#include "gnomon/analyses/rounding.h"
#include "gnomon/stats/regression.h"

namespace gnomon::detail {
namespace {

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
  const bool parallel = data.config.parallel_block;
  const std::string rest =
      site == HookKind::attn_out && !parallel ? "attn_out" : "(attn_out + mlp_out)";
  removals.push_back({{"without earlier stream", fmt::format("{} · {}", rest, symbol)}, pre});
  if (site == HookKind::attn_out) {
    if (parallel) {
      removals.push_back({{"without MLP", fmt::format("attn_out · {}", symbol)},
                          minus(column_times(scored.post_stream.matrix(), write), mid)});
    }
    return removals;
  }
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

Tensor<double> stream_after_attention(const StudyData& study, std::span<const Index> rows) {
  if (!study.config.parallel_block) return take_rows(study.resid_mid.matrix(), rows);
  Tensor<double> sum = take_rows(study.resid_pre.matrix(), rows);
  const Tensor<double> added = take_rows(study.attn_out.matrix(), rows);
  for (std::size_t i = 0; i < sum.values().size(); ++i) sum.values()[i] += added.values()[i];
  return sum;
}

}  // namespace

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

Scored::Scored(const StudyData& study, std::span<const Index> scored_rows)
    : data(study),
      rows(scored_rows.begin(), scored_rows.end()),
      pre_stream(take_rows(study.resid_pre.matrix(), scored_rows)),
      post_stream(take_rows(study.resid_post.matrix(), scored_rows)),
      final_stream(take_rows(study.resid_final.matrix(), scored_rows)),
      mid_stream(stream_after_attention(study, scored_rows)),
      read_stream(take_rows(study.mlp_stream().matrix(), scored_rows)),
      truth(take(study.activation, scored_rows)),
      group(take(study.group, scored_rows)),
      norm_kind(study.config.norm),
      scale(rows.size()) {
  Column mean(rows.size());
  norm_scale_forward<double>(norm_kind, mean, scale, read_stream.matrix(), study.config.norm_eps);
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

}  // namespace gnomon::detail
