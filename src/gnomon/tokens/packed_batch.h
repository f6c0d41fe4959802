// SPDX-License-Identifier: Apache-2.0
// in: token ids of several texts   out: one packed batch without padding
#pragma once

#include <span>
#include <vector>

#include "gnomon/tokens/token.h"

namespace gnomon {

// Texts laid end to end. Token i of the batch is token position[i] of text text[i]; text t takes
// the tokens [offset[t], offset[t + 1]). There is no padding, so no mask and no position to get
// wrong.
struct PackedBatch {
  std::vector<TokenId> ids;
  std::vector<std::int64_t> position;
  std::vector<std::int64_t> text;
  std::vector<std::int64_t> offset;

  std::int64_t n_token() const { return static_cast<std::int64_t>(ids.size()); }
  std::int64_t n_text() const { return static_cast<std::int64_t>(offset.size()) - 1; }
  std::int64_t length(std::int64_t t) const {
    return offset[static_cast<std::size_t>(t) + 1] - offset[static_cast<std::size_t>(t)];
  }
};

// Where the batch that begins with text `first` ends: as many whole texts as have at most
// `batch_tokens` tokens together, and at least one. `first` is less than texts.size().
std::size_t batch_end(std::span<const std::vector<TokenId>> texts, std::size_t first,
                      std::int64_t batch_tokens);

// Tokens of all texts together.
std::int64_t n_tokens_of(std::span<const std::vector<TokenId>> texts);

// Throws ArgumentError (bad_data) for a text without tokens.
PackedBatch pack(std::span<const std::vector<TokenId>> texts);

}  // namespace gnomon
