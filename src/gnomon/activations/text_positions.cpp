// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/text_positions.h"

#include <fmt/format.h>

#include "gnomon/base/error.h"

namespace gnomon {

std::vector<std::vector<Index>> positions_by_text(const SiteAt& at,
                                                  std::span<const std::vector<TokenId>> texts,
                                                  const ModelConfig& config) {
  std::vector<std::vector<Index>> positions(texts.size());
  Index n_short = 0;
  std::size_t first_short = 0;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    try {
      positions[t] = resolve_position(at.position, static_cast<Index>(texts[t].size()));
    } catch (const ArgumentError&) {
      if (n_short == 0) first_short = t;
      ++n_short;
    }
  }
  if (n_short > 0) {
    throw ArgumentError(
        ErrorCode::out_of_range,
        fmt::format("\"{}\": text {} has {} tokens, too few for this position ({} of {} texts are)",
                    site_at_name(at, config), first_short, texts[first_short].size(), n_short,
                    texts.size()),
        "leave the short texts out or choose a position that every text has");
  }
  return positions;
}

}  // namespace gnomon
