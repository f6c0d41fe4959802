// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/packed_batch.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

std::vector<std::vector<TokenId>> texts_of(const std::vector<std::size_t>& lengths) {
  std::vector<std::vector<TokenId>> texts;
  for (const std::size_t length : lengths) texts.emplace_back(length, TokenId{1});
  return texts;
}

TEST(BatchEnd, WholeTextsUpToTheTokensAndAtLeastOne) {
  const auto texts = texts_of({3, 4, 3, 20, 1, 1});
  EXPECT_EQ(batch_end(texts, 0, 10), 3U);
  EXPECT_EQ(batch_end(texts, 0, 9), 2U);
  EXPECT_EQ(batch_end(texts, 3, 10), 4U);  // longer than a batch: alone
  EXPECT_EQ(batch_end(texts, 4, 10), 6U);
  EXPECT_EQ(batch_end(texts, 0, 1), 1U);
  EXPECT_EQ(batch_end(texts, 0, 1000), 6U);
}

TEST(Pack, RowsKnowTheirTextAndPosition) {
  const PackedBatch batch = pack(std::vector<std::vector<TokenId>>{{5, 6}, {7}, {8, 9, 10}});
  EXPECT_EQ(batch.ids, (std::vector<TokenId>{5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(batch.position, (std::vector<std::int64_t>{0, 1, 0, 0, 1, 2}));
  EXPECT_EQ(batch.text, (std::vector<std::int64_t>{0, 0, 1, 2, 2, 2}));
  EXPECT_EQ(batch.offset, (std::vector<std::int64_t>{0, 2, 3, 6}));
  EXPECT_THROW(pack(texts_of({2, 0})), ArgumentError);
}

}  // namespace
}  // namespace gnomon
