// SPDX-License-Identifier: Apache-2.0
#include "tokens/code_point_sweep.h"

namespace gnomon::test {
namespace {

// Every code point there is, so that no difference between two versions of Unicode stays hidden.
class EveryCodePoint : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryCodePoint, HasTheIdsOfHuggingFace) {
  expect_sweep(golden().sweeps.at(GetParam()), 0x110000);
  EXPECT_EQ(golden().sweeps.at(GetParam()).blocks.size(), 272u);
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, EveryCodePoint, testing::Range<std::size_t>(0, kNSweeps));

}  // namespace
}  // namespace gnomon::test
