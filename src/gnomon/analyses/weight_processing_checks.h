// SPDX-License-Identifier: Apache-2.0
// in: a model and the same with processed weights   out: whether every hook point is what the
// processing says
#pragma once

#include <span>
#include <vector>

#include "gnomon/analyses/identity_checks.h"
#include "gnomon/model/weight_processing.h"

namespace gnomon {

// Every hook point of both models on the texts, in double:
//
//   R1   embeddings, streams and what is added to them: the raw ones, with their mean over d_model
//        taken out where writing weights are centred
//   R2   hook_scale and hook_normalized: the same; hook_out of the norms: the same, and
//        hook_normalized where norms are folded
//   I2   queries, keys, scores, patterns, hook_pre, hook_pre_linear, hook_post: the same
//   I6   logits: the raw ones, with their mean over the vocabulary taken out where the unembedding
//        is centred; log-probabilities of every next token: the same
//   I7   hook_v and hook_z: less β[h] = b_V[h] where value biases are folded, b_V[h] + b W_V[h]
//   with
//        ln1's bias b where norms are folded too
//   I9   a head h · x on the processed stream gives C(h) · x on the raw one, where writing weights
//        are centred
//
// A check's value is the largest difference as a fraction of the site's root mean square; its
// tolerance bounds what double rounds, in sums of d_mlp terms through all blocks, times 1e4 for
// what softmax and norms may magnify.
std::vector<CheckResult> check_weight_processing(const Model& raw, const Model& processed,
                                                 const WeightProcessing& processing,
                                                 std::span<const std::vector<TokenId>> texts);

}  // namespace gnomon
