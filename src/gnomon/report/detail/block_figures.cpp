// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "gnomon/base/file.h"
#include "gnomon/charts/block_diagram.h"
#include "gnomon/charts/distributions.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/report/detail/csv_columns.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/evaluation_files.h"
#include "gnomon/report/study_files.h"

namespace gnomon::detail {
namespace {

constexpr const char* kProjections = "analysis/projections.json";
constexpr const char* kProjectionRows = "analysis/projections.csv";
// Where `gnomon run` and `gnomon projections` keep the study.
constexpr const char* kStudies[] = {"analysis/study.safetensors", "data/activations.safetensors"};

class DiagramBuilder {
 public:
  DiagramBuilder(const ModelConfig& config, const Target& target,
                 const ProjectionAnalysis& analysis)
      : config_(config), target_(target), analysis_(analysis) {}

  DiagramOperation operation(const std::string& label, std::initializer_list<HookKind> kinds,
                             Index layer) const {
    DiagramOperation operation;
    operation.label = label;
    for (const HookKind kind : kinds)
      if (exists_in(hook_point(kind), config_)) operation.hooks.push_back(hook(kind, layer));
    return operation;
  }

  DiagramOperation on_stream(HookKind kind, Index layer) const {
    DiagramOperation stream = operation("residual stream", {kind}, layer);
    stream.on_stream = true;
    return stream;
  }

  static DiagramOperation added(DiagramOperation operation) {
    operation.added_to_stream = true;
    return operation;
  }

  DiagramOperation of_tokens(const std::string& label, HookKind kind) const {
    DiagramOperation embedding = added(operation(label, {kind}, 0));
    embedding.reads_tokens = true;
    return embedding;
  }

  static DiagramOperation gap(Index first, Index last) {
    DiagramOperation gap;
    gap.is_gap = true;
    gap.label = first == last ? fmt::format("block {}", first)
                              : fmt::format("blocks {} to {}", first, last);
    return gap;
  }

 private:
  DiagramHook hook(HookKind kind, Index layer) const {
    DiagramHook hook;
    const Site site{kind, hook_point(kind).per_block ? layer : -1, std::nullopt};
    hook.name = site_name(site, config_);
    hook.is_target = kind == target_.at.site.kind && site.layer == target_.at.site.layer;
    if (hook.is_target) hook.readings.push_back("reported: " + site_at_name(target_.at, config_));
    for (const DirectionResult& direction : analysis_.directions) {
      if (!direction.defined() || direction.site != hook.name) continue;
      std::string reading = direction_title(direction.name) + ": ";
      reading += direction.r ? fmt::format("r = {:+.2f}", *direction.r) : "r is not defined";
      if (direction.interval)
        reading += fmt::format(" [{:.2f}, {:.2f}]", direction.interval->ci_low,
                               direction.interval->ci_high);
      hook.readings.push_back(with_minus_signs(reading));
    }
    return hook;
  }

  const ModelConfig& config_;
  const Target& target_;
  const ProjectionAnalysis& analysis_;
};

}  // namespace

Figure block_figure(const ModelConfig& config, const Target& target,
                    const ProjectionAnalysis& analysis) {
  const DiagramBuilder builder(config, target, analysis);
  const Index layer = target.layer();
  const Index last = config.n_layers - 1;
  BlockDiagram diagram;
  std::vector<DiagramOperation>& all = diagram.operations;
  all.push_back(builder.of_tokens("embedding", HookKind::embed));
  if (exists_in(hook_point(HookKind::pos_embed), config))
    all.push_back(builder.of_tokens("position embedding", HookKind::pos_embed));
  if (layer > 0) all.push_back(DiagramBuilder::gap(0, layer - 1));
  all.push_back(builder.on_stream(HookKind::resid_pre, layer));
  all.push_back(
      builder.operation("norm 1",
                        {HookKind::attn_in, HookKind::q_input, HookKind::k_input, HookKind::v_input,
                         HookKind::ln1_scale, HookKind::ln1_normalized, HookKind::ln1_out},
                        layer));
  all.push_back(
      builder.operation("attention",
                        {HookKind::q, HookKind::k, HookKind::v, HookKind::rot_q, HookKind::rot_k,
                         HookKind::attn_scores, HookKind::pattern, HookKind::z},
                        layer));
  DiagramOperation attention_out =
      builder.operation("W_O", {HookKind::result, HookKind::attn_out}, layer);
  attention_out.added_to_stream = !config.parallel_block;
  attention_out.added_with_next = config.parallel_block;
  all.push_back(std::move(attention_out));
  if (!config.parallel_block) all.push_back(builder.on_stream(HookKind::resid_mid, layer));
  all.push_back(builder.operation(
      "norm 2",
      {HookKind::mlp_in, HookKind::ln2_scale, HookKind::ln2_normalized, HookKind::ln2_out}, layer));
  all.push_back(builder.operation(config.gated_mlp ? "W_gate, W_up" : "W_in",
                                  {HookKind::mlp_pre, HookKind::mlp_pre_linear}, layer));
  all.push_back(builder.operation(config.gated_mlp ? "act(gate) · up" : "activation function",
                                  {HookKind::mlp_post}, layer));
  all.push_back(builder.added(builder.operation("W_out", {HookKind::mlp_out}, layer)));
  all.push_back(builder.on_stream(HookKind::resid_post, layer));
  if (layer < last) {
    all.push_back(DiagramBuilder::gap(layer + 1, last));
    all.push_back(builder.on_stream(HookKind::resid_post, last));
  }
  all.push_back(builder.operation(
      "last norm",
      {HookKind::ln_final_scale, HookKind::ln_final_normalized, HookKind::ln_final_out}, layer));
  all.push_back(builder.operation("W_U", {HookKind::unembed_in, HookKind::logits}, layer));
  diagram.title = fmt::format("Block {} of {}: where everything is read", layer, config.n_layers);
  diagram.description = fmt::format(
      "The hook points of block {} of {} in the order of the forward pass, with the quantity that "
      "is "
      "reported and, at the hook point where each direction is read, the correlation of its "
      "projection "
      "with that quantity on held-out texts.",
      layer, config.n_layers);
  return block_diagram_figure(diagram);
}

std::vector<Figure> block_figures(const StoredRun& run) {
  if (!has_file(run, kProjections)) return {};
  const ProjectionAnalysis analysis =
      projections_from_json(run.read_json(kProjections), kProjections);
  for (const char* file : kStudies) {
    if (!has_file(run, file)) continue;
    const StudyData data = read_study(run.file(file)).data;
    return {block_figure(data.config, data.target, analysis)};
  }
  return {};
}

std::vector<Figure> drift_figures(const StoredRun& run) {
  const std::string folder = fmt::format("seeds/{}", run.manifest.seed);
  const std::string reports = folder + "/reports.csv";
  if (!has_file(run, reports) || !has_file(run, kProjectionRows)) return {};
  const std::string target = run.read_json(kProjections).at("target").get<std::string>();
  const CsvColumns before(read_text_file(run.file(reports)), reports);
  const CsvColumns after(read_text_file(run.file(kProjectionRows)), kProjectionRows);
  DistributionChart chart;
  chart.before = before.numbers("activation " + target);
  chart.after = after.numbers("activation");
  if (chart.before == chart.after || chart.before.size() != chart.after.size()) return {};
  chart.id = "drift";
  chart.title = "The neuron before and after training";
  chart.value_label = target;
  chart.before_name = "before training";
  chart.after_name = "after training";
  for (std::size_t i = 0; i < chart.before.size(); ++i)
    chart.row.push_back(static_cast<std::int64_t>(i));
  const std::string training = folder + "/training.json";
  if (has_file(run, training)) {
    const Json drift = run.read_json(training).at("drift");
    if (!drift.empty()) {
      const ActivationDrift measured = drift_from_json(drift.at(0), 0.95, training);
      std::string line = fmt::format("Kolmogorov–Smirnov {:.3g} · Wasserstein {:.3g}",
                                     measured.kolmogorov_smirnov, measured.wasserstein1);
      if (measured.sd_ratio) line += fmt::format(" · sd after / before {:.3g}", *measured.sd_ratio);
      if (measured.sd_ratio_interval)
        line += fmt::format(" [{:.3g}, {:.3g}]", measured.sd_ratio_interval->ci_low,
                            measured.sd_ratio_interval->ci_high);
      if (measured.mean_shift)
        line += fmt::format(" · shift of the mean {:+.3g} sd", *measured.mean_shift);
      chart.numbers = {with_minus_signs(line + fmt::format(" (of {} test rows)", measured.n))};
    }
  }
  chart.description = fmt::format(
      "The activation of {} on {} rows before and after training: the share of rows at or below "
      "each "
      "value, and the change row by row.",
      target, chart.row.size());
  return {distribution_figure(chart)};
}

}  // namespace gnomon::detail
