// SPDX-License-Identifier: Apache-2.0
#include "gnomon/targets/target.h"

#include <fmt/format.h>

#include <optional>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

std::optional<TargetKind> kind_of(HookKind kind) {
  switch (kind) {
    case HookKind::mlp_pre:
      return TargetKind::neuron_pre;
    case HookKind::mlp_pre_linear:
      return TargetKind::neuron_pre_linear;
    case HookKind::mlp_post:
      return TargetKind::neuron_post;
    case HookKind::resid_pre:
    case HookKind::attn_out:
    case HookKind::resid_mid:
    case HookKind::mlp_out:
    case HookKind::resid_post:
      return TargetKind::residual_coordinate;
    default:
      return std::nullopt;
  }
}

}  // namespace

Target make_target(const SiteAt& at, const ModelConfig& config) {
  const std::string name = site_name(at.site, config);
  const std::optional<TargetKind> kind = kind_of(at.site.kind);
  if (!kind) {
    throw ArgumentError(
        ErrorCode::wrong_site,
        fmt::format("\"{}\" is neither a neuron nor a coordinate of the residual stream, expected "
                    "mlp.hook_post, mlp.hook_pre, hook_resid_pre, hook_resid_mid, hook_resid_post, "
                    "hook_attn_out or hook_mlp_out of a block",
                    name),
        fmt::format("for a neuron: --target 'blocks.{}.mlp.hook_post[0]@last'",
                    at.site.layer < 0 ? 0 : at.site.layer));
  }
  if (!at.site.coordinate) {
    throw ArgumentError(fmt::format("\"{}\" has {} numbers for each token, expected one coordinate",
                                    name, site_width(at.site.kind, config)),
                        fmt::format("--target '{}[0]{}'", name, position_name(at.position)));
  }
  return {at, *kind};
}

}  // namespace gnomon
