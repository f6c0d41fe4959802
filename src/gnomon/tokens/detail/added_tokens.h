// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "gnomon/tokens/tokenizer_spec.h"

namespace gnomon::detail {

// Bytes [first, last) of a text: an added token, or the text between two (token is null).
struct TextPart {
  std::size_t first = 0;
  std::size_t last = 0;
  const AddedToken* token = nullptr;
};

// Finds added tokens: leftmost, then longest, never overlapping. Keeps pointers to `tokens`.
class AddedTokens {
 public:
  explicit AddedTokens(std::vector<const AddedToken*> tokens);

  // Parts of the well-formed UTF-8 `text`, in order; each is shifted by `offset`.
  void split(std::string_view text, std::size_t offset, std::vector<TextPart>& parts) const;

 private:
  const AddedToken* longest_at(std::string_view text, std::size_t at) const;

  std::array<std::vector<const AddedToken*>, 256> by_first_byte_;  // longest first
  bool empty_ = true;
};

}  // namespace gnomon::detail
