// SPDX-License-Identifier: Apache-2.0
// in: a study and a direction   out: why its correlation with the activation is not 1, operation by
// operation
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/analyses/neuron_values.h"
#include "gnomon/analyses/study.h"
#include "gnomon/stats/bootstrap.h"

namespace gnomon {

// What one operation does to the correlation with the activation.
struct Rung {
  std::string name;      // "+ attention"
  std::string quantity;  // what is correlated after the operation: "resid_mid · w"
  std::optional<double> r;
  std::optional<Interval> interval;
  std::optional<double> r2_identity;  // as it stands, nothing refitted
  // r minus the r of the rung before, 0 on the first; empty where one of them has no r.
  std::optional<double> delta;
  // The operation adds or multiplies by the same number for every text, so it cannot change r.
  bool exact_zero = false;
  // The mean of delta over all orders of the operations; empty on the first.
  std::optional<double> shapley;
};

struct Ladder {
  std::string direction;  // "input", "input_gate", "input_up", "output", "final", "head"
  std::string starts_at;  // the site of the first rung
  std::vector<Rung> rungs;
  std::optional<double> one_minus_r;  // of the last rung
  double tolerance = 0;               // what one_minus_r must stay below
  std::string tolerance_why;
  bool closes = false;
};

// A linear read-out of the final residual stream.
struct LinearHead {
  std::vector<double> weight;
  double bias = 0;
};

struct LadderOptions {
  BootstrapOptions bootstrap;
};

// The correlation ladder of every direction that is defined for the study's target, over the rows
// given, in the natural order of the operations, with their Shapley values beside it.
//
//   input   resid_pre·w -> + attention (not in a parallel block) -> norm centring -> norm scale ->
//   norm weight -> norm bias
//           -> + b_in -> activation function (gated: its product with the other branch)
//   output  resid_post·w_out -> without the earlier stream -> without attention -> without b_out
//           -> without other neurons (-> undo the activation, for a target before it)
//   final   resid_final·w_out -> without later layers -> as output
//           (a neuron whose W_out is all zeros writes nothing: it has neither of the two)
//   head    w·feature -> + b -> calibrated on the training rows -> + what the features miss
//
// The last rung is the activation: in the input ladders computed from the MLP's stream in double,
// in the others what is left when every other term is taken away or, at the head, put in. 1 - r
// there must be below 1e-9. In float32 the stream and the activation carry their own rounding,
// whose effect on r is bounded and added.
std::vector<Ladder> audit_ladders(const StudyData& data, const LinearHead& head,
                                  const GatedInput& mean_gradient,
                                  std::span<const Index> scored_rows,
                                  std::span<const Index> training_rows,
                                  const LadderOptions& options);

}  // namespace gnomon
