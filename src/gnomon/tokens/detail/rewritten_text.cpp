// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/rewritten_text.h"

#include <algorithm>

namespace gnomon::detail {

std::size_t RewrittenText::original_of(std::size_t at) const {
  const auto after = std::upper_bound(
      stretches.begin(), stretches.end(), at,
      [](std::size_t position, const Stretch& stretch) { return position < stretch.rewritten; });
  const Stretch& stretch = *(after - 1);
  if (after == stretches.end()) return stretch.original;
  return std::min(stretch.original + (at - stretch.rewritten), after->original);
}

}  // namespace gnomon::detail
