// SPDX-License-Identifier: Apache-2.0
// in: a site as the user names it   out: the quantity that is reported, and what is defined for it
#pragma once

#include <string>

#include "gnomon/model/hook_points.h"

namespace gnomon {

// What kind of number a target is decides which directions exist for it. A neuron reads the norm's
// output through its own weights and writes a row of W_out. A coordinate of the residual stream, or
// of what is added to it, has no read direction of its own (a coordinate of mlp_out has d_mlp of
// them) and writes a basis vector.
enum class TargetKind { neuron_pre, neuron_pre_linear, neuron_post, residual_coordinate };

// One number per token: the truth that a report is compared with.
struct Target {
  SiteAt at;
  TargetKind kind = TargetKind::neuron_post;

  bool is_neuron() const { return kind != TargetKind::residual_coordinate; }
  Index layer() const { return at.site.layer; }
  Index index() const { return *at.site.coordinate; }
};

// Throws ArgumentError: usage where the coordinate is missing, wrong_site where the site holds
// neither neurons nor residual coordinates.
Target make_target(const SiteAt& at, const ModelConfig& config);

}  // namespace gnomon
