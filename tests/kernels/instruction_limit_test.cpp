// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/instruction_limit.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "gnomon/kernels/detail/instruction_set.h"

namespace gnomon {
namespace {

// In a process of its own, which ends with it: a limit is not taken back.
TEST(InstructionLimitDeathTest, GoesNoFurtherForTestsEither) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto limited = [] {
    limit_instructions("baseline");
    detail::limit_instruction_set(detail::InstructionSet::avx512);
    std::exit(detail::instruction_set() == detail::InstructionSet::baseline ? 3 : 4);
  };
  EXPECT_EXIT(limited(), testing::ExitedWithCode(3), "");
}

TEST(InstructionLimit, RefusesOtherNames) {
  const detail::InstructionSet before = detail::instruction_set();
  try {
    limit_instructions("avx9");
    FAIL() << "expected ArgumentError";
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(), "instruction set \"avx9\", expected baseline, avx2 or avx512");
  }
  EXPECT_EQ(detail::instruction_set(), before);
}

}  // namespace
}  // namespace gnomon
