// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/tokens/token.h"

namespace gnomon {

// The positions of every text that a site asks for. Throws ArgumentError (out_of_range), naming the
// first text that is too short and saying how many are.
std::vector<std::vector<Index>> positions_by_text(const SiteAt& at,
                                                  std::span<const std::vector<TokenId>> texts,
                                                  const ModelConfig& config);

}  // namespace gnomon
