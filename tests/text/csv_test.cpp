// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/csv.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(std::string_view content) {
  CsvReader reader(content, "t.csv", 100);
  Rows rows;
  CsvRow row;
  while (reader.next(row))
    rows.push_back(row.blank_line ? std::vector<std::string>{"(blank)"} : row.fields);
  return rows;
}

std::string message_of(std::string_view content) {
  try {
    rows_of(content);
  } catch (const FileError& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_file);
    return error.what();
  }
  return "(no error)";
}

TEST(Csv, Rfc4180) {
  EXPECT_EQ(rows_of(""), Rows{});
  EXPECT_EQ(rows_of("a"), (Rows{{"a"}}));
  EXPECT_EQ(rows_of("a,b\r\nc,d\r\n"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(rows_of("a,b\nc,d"), (Rows{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(rows_of("\"a,b\",\"c\"\"d\"\n"), (Rows{{"a,b", "c\"d"}}));
  EXPECT_EQ(rows_of("\"two\nlines\",\"cr\r\nlf\"\n"), (Rows{{"two\nlines", "cr\r\nlf"}}));
  EXPECT_EQ(rows_of("a,\n,b\n,\n"), (Rows{{"a", ""}, {"", "b"}, {"", ""}}));
  EXPECT_EQ(rows_of("a,"), (Rows{{"a", ""}}));
  EXPECT_EQ(rows_of("\"\"\n\n\"\""), (Rows{{""}, {"(blank)"}, {""}}));
  EXPECT_EQ(rows_of("\"\"\"\""), (Rows{{"\""}}));
  EXPECT_EQ(rows_of(" a , b \n"), (Rows{{" a ", " b "}}));
}

TEST(Csv, LinesAreCountedThroughQuotes) {
  CsvReader reader("h\n\"a\n\nb\"\nc\n", "t.csv", 100);
  CsvRow row;
  std::vector<std::int64_t> lines;
  while (reader.next(row)) lines.push_back(row.line);
  EXPECT_EQ(lines, (std::vector<std::int64_t>{1, 2, 5}));
}

TEST(Csv, RefusesWhatItWouldHaveToGuess) {
  EXPECT_EQ(message_of("a\n\"never\nclosed"),
            "\"t.csv\" line 2: found a quote that is never closed, expected a closing quote before "
            "the end of "
            "the file");
  EXPECT_EQ(message_of("a\n5\" nails\n"),
            "\"t.csv\" line 2: found a quote inside an unquoted value, expected the whole value in "
            "double quotes");
  EXPECT_EQ(message_of("\"a\nb\" c\n"),
            "\"t.csv\" line 2: found more text after a closing quote, expected a comma or the end "
            "of the line (a "
            "quote inside a quoted value is written twice)");
  EXPECT_EQ(message_of("a\rb\n"),
            "\"t.csv\" line 1: found a carriage return that no line feed follows, expected lines "
            "that end with LF "
            "or CR LF");
  EXPECT_EQ(message_of("\"a\"\r"),
            "\"t.csv\" line 1: found more text after a closing quote, expected a comma or the end "
            "of the line (a "
            "quote inside a quoted value is written twice)");
}

TEST(Csv, LongestField) {
  const std::string longest(100, 'x');
  EXPECT_EQ(rows_of(longest), (Rows{{longest}}));
  EXPECT_EQ(rows_of("\"" + longest + "\""), (Rows{{longest}}));
  const std::string refusal =
      "\"t.csv\" line 1: found a value that is too long, expected at most 100 bytes";
  EXPECT_EQ(message_of(longest + "x"), refusal);
  EXPECT_EQ(message_of("\"" + longest + "x\""), refusal);
  EXPECT_EQ(message_of("\"" + longest + "\"\"\""), refusal);
}

}  // namespace
}  // namespace gnomon
