// SPDX-License-Identifier: Apache-2.0
// What the forward and the backward pass both need to know of a batch's rows.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "gnomon/kernels/attention.h"
#include "gnomon/model/config.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/tokens/packed_batch.h"

namespace gnomon::detail {

// All numbers of a contiguous matrix.
template <class T>
std::span<T> flat(MatrixView<T> view) {
  return {view.data, static_cast<std::size_t>(view.rows * view.cols)};
}

// The hook point `step` places on; the three of a norm follow each other.
inline HookKind next(HookKind kind, int step) {
  return static_cast<HookKind>(static_cast<int>(kind) + step);
}

// The queries of one text, or some of them.
struct QueryRange {
  Index text;
  Index first;  // row of the queries
  Index n;
};

// `rows` are the tokens whose queries there are, ascending; a range has at most `largest` of them.
inline std::vector<QueryRange> query_ranges(const PackedBatch& batch, std::span<const Index> rows,
                                            Index largest) {
  std::vector<QueryRange> ranges;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Index text = batch.text[static_cast<std::size_t>(rows[i])];
    if (ranges.empty() || ranges.back().text != text || ranges.back().n == largest)
      ranges.push_back({text, static_cast<Index>(i), 0});
    ++ranges.back().n;
  }
  return ranges;
}

inline std::vector<Index> positions_of(const PackedBatch& batch, std::span<const Index> rows) {
  std::vector<Index> positions;
  positions.reserve(rows.size());
  for (const Index row : rows) positions.push_back(batch.position[static_cast<std::size_t>(row)]);
  return positions;
}

inline std::span<const Index> rows_of(std::span<const Index> rows, const QueryRange& range) {
  return rows.subspan(static_cast<std::size_t>(range.first), static_cast<std::size_t>(range.n));
}

// The rows of one text in a matrix of all the batch's tokens.
template <class T>
MatrixView<T> keys_of(MatrixView<T> matrix, const PackedBatch& batch, Index text) {
  return matrix.row_range(batch.offset[static_cast<std::size_t>(text)], batch.length(text));
}

inline AttentionShape attention_shape(const ModelConfig& config) {
  return {config.n_heads, config.n_kv_heads, config.d_head,
          1 / std::sqrt(static_cast<double>(config.d_head))};
}

}  // namespace gnomon::detail
