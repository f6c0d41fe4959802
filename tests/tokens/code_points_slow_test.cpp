// SPDX-License-Identifier: Apache-2.0
#include "tokens/code_point_sweep.h"
#include "tokens/sentencepiece_golden.h"

namespace gnomon::test {
namespace {

// Every code point there is, so that no difference between two versions of Unicode stays hidden.
class EveryCodePoint : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryCodePoint, HasTheIdsOfHuggingFace) {
  const Sweep& sweep = golden().sweeps.at(GetParam());
  expect_sweep(Tokenizer(golden_spec(sweep.tokenizer)), sweep, 0x110000);
  EXPECT_EQ(sweep.blocks.size(), 272u);
}

TEST(EveryCodePointWithByteFallback, HasTheIdsOfHuggingFace) {
  const Sweep& sweep = sentencepiece_golden().sweep;
  expect_sweep(Tokenizer(sentencepiece_spec(sweep.tokenizer)), sweep, 0x110000);
  EXPECT_EQ(sweep.blocks.size(), 272u);
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, EveryCodePoint, testing::Range<std::size_t>(0, kNSweeps));

}  // namespace
}  // namespace gnomon::test
