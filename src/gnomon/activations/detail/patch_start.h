// SPDX-License-Identifier: Apache-2.0
// in: a patched site and a read-out   out: where the changed run branches off the clean one
#pragma once

#include <compare>
#include <utility>

#include "gnomon/model/hook_points.h"

namespace gnomon::detail {

// Where a site stands in the order of the forward pass.
using SiteOrder = std::pair<Index, HookKind>;
inline SiteOrder order_of(const Site& site, const ModelConfig& config) {
  return {block_of(site, config), site.kind};
}

// Where a changed run begins. Runs with the same start go through the model together.
struct PatchStart {
  Index layer = 0;                      // n_layers: after the blocks
  HookKind at = HookKind::resid_pre;    // or resid_mid: the stream that the run begins with
  bool by_hook = false;                 // the change is made on the way, not in that stream
  HookKind hook = HookKind::resid_pre;  // with by_hook: the patched site, which lies in `layer`

  friend auto operator<=>(const PatchStart&, const PatchStart&) = default;
};

// The latest place from which the change at `site` gives the bits of a whole run, but for a
// neuron's rounding. `site` is before `read_out` or the same.
inline PatchStart patch_start(const Site& site, const Site& read_out, const ModelConfig& config) {
  const Index layer = block_of(site, config);
  const SiteOrder read = order_of(read_out, config);
  const auto read_from = [&](HookKind kind) { return read >= SiteOrder{layer, kind}; };
  if (layer >= config.n_layers) return {layer, HookKind::resid_pre, true, site.kind};
  switch (site.kind) {
    case HookKind::resid_pre:
      return {layer};
    case HookKind::resid_mid:
      return {layer, HookKind::resid_mid};
    case HookKind::resid_post:
      return {layer + 1};
    case HookKind::attn_out:
      if (config.parallel_block ? read_from(HookKind::resid_post) : read_from(HookKind::resid_mid))
        return config.parallel_block ? PatchStart{layer + 1}
                                     : PatchStart{layer, HookKind::resid_mid};
      break;
    case HookKind::mlp_out:
      if (read_from(HookKind::resid_post)) return {layer + 1};
      break;
    case HookKind::mlp_post:
      if (site.coordinate && read_from(HookKind::resid_post)) return {layer + 1};
      break;
    default:
      break;
  }
  const bool in_mlp = site.kind > HookKind::resid_mid && !config.parallel_block;
  return {layer, in_mlp ? HookKind::resid_mid : HookKind::resid_pre, true, site.kind};
}

// Whether the read-out is the very stream with which runs of this start begin.
inline bool is_start_stream(const PatchStart& start, const Site& read_out) {
  if (start.by_hook) return false;
  if (start.at == HookKind::resid_mid)
    return read_out.kind == HookKind::resid_mid && read_out.layer == start.layer;
  return (read_out.kind == HookKind::resid_pre && read_out.layer == start.layer) ||
         (read_out.kind == HookKind::resid_post && read_out.layer == start.layer - 1);
}

// The first block whose attention a run of this start passes.
inline Index first_attention(const PatchStart& start) {
  return start.layer + (start.at == HookKind::resid_mid ? 1 : 0);
}

// Whether attention lies between a change and the read-out: else a token changes no other. A run
// whose block has attention and MLP side by side may begin before an attention that does not see
// the change.
inline bool passes_attention(const PatchStart& start, const Site& read_out,
                             const ModelConfig& config) {
  const SiteOrder read = order_of(read_out, config);
  const bool after_attention =
      start.by_hook && start.at == HookKind::resid_pre && start.hook > HookKind::resid_mid;
  const Index first = first_attention(start) + (after_attention ? 1 : 0);
  return first < config.n_layers && read > SiteOrder{first, HookKind::ln1_out};
}

}  // namespace gnomon::detail
