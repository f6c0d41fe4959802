// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/byte_pair_merge.h"

#include <gtest/gtest.h>

#include <map>

#include "gnomon/base/random.h"

namespace gnomon::test {
namespace {

using detail::MergeTable;
using detail::Symbol;

struct Merge {
  std::uint32_t rank;
  TokenId joined;
};
using Merges = std::map<std::pair<TokenId, TokenId>, Merge>;

// As the paper has it: look at all pairs, join the best, start again.
std::vector<TokenId> merge_slowly(const Merges& merges, std::vector<TokenId> ids) {
  for (;;) {
    std::size_t best = ids.size();
    const Merge* best_merge = nullptr;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = merges.find({ids[i], ids[i + 1]});
      if (found == merges.end()) continue;
      if (best_merge == nullptr || found->second.rank < best_merge->rank) {
        best = i;
        best_merge = &found->second;
      }
    }
    if (best_merge == nullptr) return ids;
    ids[best] = best_merge->joined;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(MergeTable, EqualsTheLoopOverAllPairs) {
  Random random(1, "merges");
  for (int round = 0; round < 200; ++round) {
    Merges merges;
    MergeTable table;
    TokenId n_ids = 4;
    for (std::uint32_t rank = 0; rank < 30; ++rank) {
      const auto left = static_cast<TokenId>(random.below(static_cast<std::uint64_t>(n_ids)));
      const auto right = static_cast<TokenId>(random.below(static_cast<std::uint64_t>(n_ids)));
      if (!merges.emplace(std::pair(left, right), Merge{rank, n_ids}).second) continue;
      table.add(left, right, rank, n_ids++);
    }
    std::vector<TokenId> ids(random.below(60));
    std::vector<Symbol> symbols;
    for (TokenId& id : ids) {
      id = static_cast<TokenId>(random.below(4));
      symbols.push_back({id, symbols.size(), symbols.size() + 1});
    }
    table.apply(symbols);
    std::vector<TokenId> joined;
    std::size_t at = 0;
    for (const Symbol& symbol : symbols) {
      joined.push_back(symbol.id);
      EXPECT_EQ(symbol.first, at);
      at = symbol.last;
    }
    EXPECT_EQ(at, ids.size());
    EXPECT_EQ(joined, merge_slowly(merges, ids)) << "round " << round;
  }
}

TEST(MergeTable, TheLaterOfTwoEqualPairsCounts) {
  MergeTable table;
  table.add(0, 0, 0, 2);
  table.add(0, 1, 1, 3);
  table.add(0, 0, 2, 2);
  std::vector<Symbol> symbols = {{0, 0, 1}, {0, 1, 2}, {1, 2, 3}};
  table.apply(symbols);
  ASSERT_EQ(symbols.size(), 2u);
  EXPECT_EQ(symbols[0].id, 0);
  EXPECT_EQ(symbols[1].id, 3);
}

}  // namespace
}  // namespace gnomon::test
