// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gnomon/activations/activations.h"
#include "gnomon/activations/text_positions.h"
#include "gnomon/model/forward.h"
#include "gnomon/tokens/packed_batch.h"

namespace gnomon::detail {

// Collects what passes at one site, batch by batch. Rows that the pass does not compute stay 0.
template <class T>
class SiteReader {
 public:
  // `config` must outlive the reader.
  SiteReader(const SiteAt& at, bool gradient, std::span<const std::vector<TokenId>> texts,
             const ModelConfig& config);

  const SiteAt& at() const { return result_.at; }
  const std::vector<Index>& positions(Index text) const {
    return positions_[static_cast<std::size_t>(text)];
  }
  // The hook refers to the reader, which must stay where it is.
  void add_hook(Hooks<T>& hooks, const PackedBatch& batch, Index texts_before);
  // Throws NumericError where a number is not finite, but for masked scores, -inf by definition.
  Activations<T> take();

 private:
  void read_rows(const HookContext& context, MatrixView<T> values, std::span<const Index> row_of);
  void read_pairs(const HookContext& context, MatrixView<T> values, std::span<const Index> row_of,
                  Index text);

  std::vector<std::vector<Index>> positions_;
  const ModelConfig& config_;
  std::vector<Index> first_row_;  // of each text
  Activations<T> result_;
};

}  // namespace gnomon::detail
