// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "gnomon/tokens/token.h"

namespace gnomon::detail {

// A token in the making and the bytes [first, last) of its pretoken.
struct Symbol {
  TokenId id = 0;
  std::size_t first = 0;
  std::size_t last = 0;
};

// Byte pair encoding, Sennrich et al. 2016, arXiv:1508.07909, section 3.2: joins the neighbouring
// pair that was learnt first, the leftmost of several, until no pair is left.
class MergeTable {
 public:
  // A pair that is added again takes the later rank, as in Hugging Face.
  void add(TokenId left, TokenId right, std::uint32_t rank, TokenId joined);
  void reserve(std::size_t n) { merges_.reserve(n); }

  // Takes O(n log n), so a pretoken of any length is safe. At most 2^31 - 1 symbols.
  void apply(std::vector<Symbol>& symbols) const;

 private:
  struct Merge {
    std::uint32_t rank;
    TokenId joined;
  };
  const Merge* find(TokenId left, TokenId right) const;

  std::unordered_map<std::uint64_t, Merge> merges_;
};

}  // namespace gnomon::detail
