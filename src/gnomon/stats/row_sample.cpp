// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/row_sample.h"

#include <algorithm>

namespace gnomon {

std::vector<Index> sample_rows(Index n, Index size, Random& random) {
  std::vector<Index> rows;
  Index wanted = std::min(n, size);
  rows.reserve(static_cast<std::size_t>(wanted));
  for (Index row = 0; row < n && wanted > 0; ++row) {
    if (static_cast<Index>(random.below(static_cast<std::uint64_t>(n - row))) >= wanted) continue;
    rows.push_back(row);
    --wanted;
  }
  return rows;
}

std::vector<Index> at_most(std::vector<Index> rows, Index size, Random random) {
  if (std::ssize(rows) <= size) return rows;
  random.shuffle(rows);
  rows.resize(static_cast<std::size_t>(size));
  std::ranges::sort(rows);
  return rows;
}

}  // namespace gnomon
