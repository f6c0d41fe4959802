// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/site_rewriting.h"

#include <fmt/format.h>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

std::vector<double> copied(std::span<const double> values) {
  return {values.begin(), values.end()};
}

// β[h] of every head channel of hook_v; of hook_z by the key-value head that a head reads.
std::vector<double> value_biases(const Model& raw, const WeightProcessing& processing,
                                 const Site& site) {
  const ModelConfig& config = raw.config();
  const BlockWeights<double>& block = raw.weights<double>().block(site.layer);
  const LinearWeights<double>& v = block.v_proj;
  std::vector<double> beta;
  for (Index o = 0; o < v.weight.n_out; ++o) {
    double sum = v.bias_of(o);
    if (processing.has(WeightStep::fold_ln) && !block.ln_1.bias.empty()) {
      for (Index i = 0; i < v.weight.n_in; ++i)
        sum += block.ln_1.bias[static_cast<std::size_t>(i)] * v.weight(i, o);
    }
    beta.push_back(sum);
  }
  if (site.kind == HookKind::v) return beta;
  const Index shared = config.n_heads / config.n_kv_heads;
  std::vector<double> by_head;
  for (Index c = 0; c < config.n_heads * config.d_head; ++c) {
    const Index head = c / config.d_head / shared;
    by_head.push_back(beta[static_cast<std::size_t>(head * config.d_head + c % config.d_head)]);
  }
  return by_head;
}

NormWeights<double> norm_of(const Model& raw, const Site& site) {
  const Weights<double>& weights = raw.weights<double>();
  if (site.layer < 0) return weights.ln_f();
  const BlockWeights<double>& block = weights.block(site.layer);
  return site.kind == HookKind::ln1_out ? block.ln_1 : block.ln_2;
}

}  // namespace

SiteRewriting site_rewriting(const Model& raw, const WeightProcessing& processing,
                             const Site& site) {
  check_site(site, raw.config());
  SiteRewriting rewriting;
  switch (site.kind) {
    case HookKind::embed:
    case HookKind::pos_embed:
    case HookKind::resid_pre:
    case HookKind::attn_out:
    case HookKind::resid_mid:
    case HookKind::mlp_in:
    case HookKind::mlp_out:
    case HookKind::resid_post:
      rewriting.centred = processing.has(WeightStep::center_writing_weights);
      return rewriting;
    case HookKind::ln1_out:
    case HookKind::ln2_out:
    case HookKind::ln_final_out:
    case HookKind::unembed_in:
      if (!processing.has(WeightStep::fold_ln)) return rewriting;
      rewriting.shift = copied(norm_of(raw, site).bias);
      rewriting.scale = copied(norm_of(raw, site).weight);
      return rewriting;
    case HookKind::v:
    case HookKind::z:
      if (processing.has(WeightStep::fold_value_biases))
        rewriting.shift = value_biases(raw, processing, site);
      return rewriting;
    case HookKind::logits:
      rewriting.centred = processing.has(WeightStep::center_unembed);
      return rewriting;
    case HookKind::result:
    case HookKind::attn_in:
    case HookKind::q_input:
    case HookKind::k_input:
    case HookKind::v_input:
      throw UnsupportedError(
          fmt::format("site_rewriting: {} has a stream for each head, expected a site with one row "
                      "of numbers",
                      site_name(site, raw.config())));
    default:
      return rewriting;
  }
}

}  // namespace gnomon
