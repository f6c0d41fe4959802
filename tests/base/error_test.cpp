// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gnomon/base/interrupt.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

TEST(ErrorTable, HasOneRowForEachCode) {
  std::set<std::string_view> names;
  std::set<std::string_view> kinds;
  for (const ErrorCodeRow& row : error_code_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(kinds.insert(row.kind).second) << row.kind;
    EXPECT_EQ(&error_code_row(row.code), &row) << row.name;
    EXPECT_THAT(std::string(row.name), ::testing::MatchesRegex("E[0-9][0-9][0-9]"));
    EXPECT_FALSE(row.meaning.empty());
    EXPECT_EQ(row.meaning.back(), '.');
    EXPECT_GT(row.exit_status, 0);
  }
  EXPECT_EQ(names.size(), 16U);
}

TEST(ErrorTable, ExitStatusesAreThoseOfTheDocumentation) {
  EXPECT_EQ(error_code_row(ErrorCode::usage).exit_status, 2);
  EXPECT_EQ(error_code_row(ErrorCode::not_found).exit_status, 3);
  EXPECT_EQ(error_code_row(ErrorCode::check_failed).exit_status, 5);
  EXPECT_EQ(error_code_row(ErrorCode::write_failed).exit_status, 6);
  EXPECT_EQ(error_code_row(ErrorCode::unsupported).exit_status, 7);
  EXPECT_EQ(error_code_row(ErrorCode::internal).exit_status, 70);
  EXPECT_EQ(error_code_row(ErrorCode::interrupted).exit_status, 130);
}

TEST(Errors, CarryTheirCodeAndHint) {
  const FileError plain("found, expected", "do this");
  EXPECT_EQ(plain.code(), ErrorCode::bad_file);
  EXPECT_STREQ(plain.what(), "found, expected");
  EXPECT_EQ(plain.hint(), "do this");
  EXPECT_EQ(FileError(ErrorCode::not_found, "x").code(), ErrorCode::not_found);
  EXPECT_EQ(ArgumentError("x").code(), ErrorCode::usage);
  EXPECT_EQ(ShapeError("x").code(), ErrorCode::usage);
  EXPECT_EQ(UnsupportedError("x").code(), ErrorCode::unsupported);
  EXPECT_EQ(NumericError("x").code(), ErrorCode::numeric);
  EXPECT_EQ(CheckError("x").code(), ErrorCode::check_failed);
  EXPECT_EQ(InternalError("x").code(), ErrorCode::internal);
  EXPECT_FALSE(InternalError("x").hint().empty());
  EXPECT_THROW(throw ShapeError("x"), ArgumentError);
}

TEST(Interrupt, ThrowsOnceAskedUntilCleared) {
  check_interrupted();
  request_interrupt();
  EXPECT_THROW(check_interrupted(), Error);
  EXPECT_THROW(check_interrupted(), Error);
  clear_interrupt();
  check_interrupted();
}

TEST(Quote, ShowsOnlyPrintableAscii) {
  EXPECT_EQ(quote("blk.0.weight"), "\"blk.0.weight\"");
  EXPECT_EQ(quote("a\x1b[31m\n\xff"), "\"a\\x1b[31m\\x0a\\xff\"");
  EXPECT_EQ(quote("abcdef", 3), "\"abc...\"");
  EXPECT_EQ(quote(""), "\"\"");
}

}  // namespace
}  // namespace gnomon
