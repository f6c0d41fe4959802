// SPDX-License-Identifier: Apache-2.0
// in: a correlation, operation by operation   out: the ladder from the first r to 1
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

struct LadderRung {
  std::string name;      // "+ attention"
  std::string quantity;  // "resid_mid · w_in"
  std::optional<double> r;
  std::optional<double> ci_low;
  std::optional<double> ci_high;
  std::optional<double> delta;    // r minus the r of the rung before
  bool exact_zero = false;        // the operation cannot change r
  std::optional<double> shapley;  // mean of delta over all orders
};

struct LadderChart {
  std::string id;  // "ladder-input"
  std::string title;
  std::string description;
  std::string truth;  // what r is with: "blocks.2.mlp.hook_post[509]"
  std::vector<LadderRung> rungs;
  bool closes = true;  // 1 - r of the last rung is within its tolerance
};

// One line for each rung, the first at the top: its name, r with its interval on an axis from -1 to
// 1, joined to the rung before; then 1 - r, Δr (or that it is 0 by algebra) and the order-free Δr
// as a number on a small bar.
Figure ladder_figure(const LadderChart& chart);

}  // namespace gnomon
