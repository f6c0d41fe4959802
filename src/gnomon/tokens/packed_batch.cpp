// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/packed_batch.h"

#include <fmt/format.h>

#include "gnomon/base/error.h"

namespace gnomon {

std::int64_t n_tokens_of(std::span<const std::vector<TokenId>> texts) {
  std::int64_t n = 0;
  for (const std::vector<TokenId>& text : texts) n += static_cast<std::int64_t>(text.size());
  return n;
}

std::size_t batch_end(std::span<const std::vector<TokenId>> texts, std::size_t first,
                      std::int64_t batch_tokens) {
  std::size_t last = first;
  std::int64_t n_token = 0;
  do {
    n_token += static_cast<std::int64_t>(texts[last].size());
    ++last;
  } while (last < texts.size() &&
           n_token + static_cast<std::int64_t>(texts[last].size()) <= batch_tokens);
  return last;
}

PackedBatch pack(std::span<const std::vector<TokenId>> texts) {
  PackedBatch batch;
  batch.offset.push_back(0);
  for (std::size_t t = 0; t < texts.size(); ++t) {
    if (texts[t].empty()) {
      throw ArgumentError(ErrorCode::bad_data,
                          fmt::format("pack: text {} has no tokens, expected at least 1", t));
    }
    batch.ids.insert(batch.ids.end(), texts[t].begin(), texts[t].end());
    for (std::size_t p = 0; p < texts[t].size(); ++p) {
      batch.position.push_back(static_cast<std::int64_t>(p));
      batch.text.push_back(static_cast<std::int64_t>(t));
    }
    batch.offset.push_back(batch.n_token());
  }
  return batch;
}

}  // namespace gnomon
