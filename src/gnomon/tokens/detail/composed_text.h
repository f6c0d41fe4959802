// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gnomon::detail {

// A text in Unicode's normalization form C (UAX #15) as Hugging Face tokenizers has it, by Unicode
// 9, and where its bytes come from.
struct ComposedText {
  // The text is made of stretches, each of which is composed on its own.
  struct Stretch {
    std::size_t composed = 0;  // first byte in `text`
    std::size_t original = 0;  // and in the original
  };

  std::string text;
  std::vector<Stretch> stretches;  // in order; the last one stands for both ends

  // The position in the original of a position in `text`. Starts and ends of stretches are exact;
  // within a stretch that changed, a byte stands for the one as far from the start, and bytes
  // beyond the end of the original stretch for its end.
  std::size_t original_of(std::size_t at) const;
};

// The form C of `text`, which is well-formed UTF-8; nothing where it is in that form already.
std::optional<ComposedText> compose(std::string_view text);

}  // namespace gnomon::detail
