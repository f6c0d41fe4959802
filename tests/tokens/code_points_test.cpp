// SPDX-License-Identifier: Apache-2.0
#include "tokens/code_point_sweep.h"

namespace gnomon::test {
namespace {

// All letters, numbers and spaces but the ideographs of planes 2 and 3; code_points_slow_test.cpp
// has the rest.
constexpr char32_t kEndOfPlane1 = 0x20000;

class CodePoints : public testing::TestWithParam<std::size_t> {};

TEST_P(CodePoints, OfPlanes0And1HaveTheIdsOfHuggingFace) {
  const Sweep& sweep = golden().sweeps.at(GetParam());
  expect_sweep(Tokenizer(golden_spec(sweep.tokenizer)), sweep, kEndOfPlane1);
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, CodePoints, testing::Range<std::size_t>(0, kNSweeps));

class Pretokens : public testing::TestWithParam<std::string> {};

TEST_P(Pretokens, OfEveryCodePointEndWhereHuggingFaceEndsThem) {
  expect_pretoken_sweep(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, Pretokens,
                         testing::Values("gpt2", "smollm2", "llama3", "qwen2", "digit_runs"),
                         [](const auto& row) { return row.param; });

TEST(CodePoints, EverySweepOfTheGoldenFileIsRun) {
  EXPECT_EQ(golden().sweeps.size(), kNSweeps);
  EXPECT_EQ(golden().pretoken_sweeps.size(), 5u);
}

}  // namespace
}  // namespace gnomon::test
