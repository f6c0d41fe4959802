// SPDX-License-Identifier: Apache-2.0
// in: a model   out: whether its numbers are finite, its identities hold, and how much float32
// loses
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "gnomon/analyses/identity_checks.h"
#include "gnomon/model/weight_processing.h"

namespace gnomon {

// The largest |float32 - float64| of a hook point, as a fraction of the root mean square of its
// float64 numbers in the same block; scores that are -inf in both do not count.
struct SiteGap {
  HookKind kind = HookKind::embed;
  Index layer = -1;  // the block where it is largest; -1 outside the blocks
  double fraction = 0;
};

struct ModelCheck {
  Index n_parameters = 0;          // all finite
  std::vector<Index> text_tokens;  // lengths of the random texts
  // By identity, the worst block's result; the same identities in the same order.
  std::vector<CheckResult> float32;
  std::vector<CheckResult> float64;
  std::vector<SiteGap> gaps;  // in the order of the forward pass
  // Of processed weights against the raw ones (weight_processing_checks.h); none without a step.
  std::vector<CheckResult> processing;

  bool passed() const;
};

// Checks every parameter, the identities of every block on texts of random tokens, with a random
// neuron as each block's target, and every hook point's float32 against float64. Memory: the
// model's weights in both types. `progress` is called with blocks done and their total. With a
// `processing` the identities and gaps are those of the processed weights, which are compared with
// the raw ones.
//
// Throws NumericError for a weight that is not finite, naming tensor and index.
ModelCheck check_model(const Model& model, std::uint64_t seed,
                       const std::function<void(Index done, Index total)>& progress,
                       const WeightProcessing& processing = {});

}  // namespace gnomon
