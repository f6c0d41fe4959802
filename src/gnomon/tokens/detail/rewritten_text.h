// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace gnomon::detail {

// What a normalizer made of a text, and where its bytes come from.
struct RewrittenText {
  // The text is made of stretches, each of which was rewritten on its own.
  struct Stretch {
    std::size_t rewritten = 0;  // first byte in `text`
    std::size_t original = 0;   // and in the original
  };

  std::string text;
  std::vector<Stretch> stretches;  // in order; the last one stands for both ends

  // The position in the original of a position in `text`. Starts and ends of stretches are exact;
  // within a stretch that changed, a byte stands for the one as far from the start, and bytes
  // beyond the end of the original stretch for its end.
  std::size_t original_of(std::size_t at) const;
};

}  // namespace gnomon::detail
