// SPDX-License-Identifier: Apache-2.0
// in: texts and maps of a stream   out: how well the model predicts its texts under each map
#pragma once

#include <span>
#include <vector>

#include "gnomon/activations/next_token.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/model/model.h"
#include "gnomon/stats/erasure.h"

namespace gnomon {

struct ErasedLosses {
  LanguageModelLoss clean;
  std::vector<LanguageModelLoss> erased;  // of each map
};

// The language model's next-token loss where x' = map.erased(x) stands in place of every token's
// stream x at `site`: resid_pre, resid_mid or resid_post of a block. The model is run to the site
// once, and from there once for each map. Texts of one token have nothing to predict. Throws
// ArgumentError (wrong_site) for another site, ShapeError for maps of another width.
template <class T>
ErasedLosses erased_losses(const Model& model, std::span<const std::vector<TokenId>> texts,
                           const Site& site, std::span<const RankOneErasure> maps,
                           const RunOptions& options);

}  // namespace gnomon
