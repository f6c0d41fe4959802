// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/text_pairs.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

class TextPairs : public ::testing::Test {
 protected:
  std::string error_of(const std::string& name, const std::string& content) const {
    try {
      read_text_pairs(folder_.write(name, content));
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
  }
  test::TemporaryFolder folder_;
};

TEST_F(TextPairs, CsvWithAndWithoutTheOtherColumns) {
  const auto pairs = read_text_pairs(folder_.write(
      "pairs.csv", "group,clean,answer,corrupted\nx,\"a, b\", B,c\n\n,\" d\",,\"e\"\"\"\n"));
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0].clean, "a, b");
  EXPECT_EQ(pairs[0].corrupted, "c");
  EXPECT_EQ(pairs[0].answer, " B");
  EXPECT_EQ(pairs[0].other, "");
  EXPECT_EQ(pairs[0].group, "x");
  EXPECT_EQ(pairs[0].source, "pairs.csv:2");
  EXPECT_EQ(pairs[1].clean, " d");
  EXPECT_EQ(pairs[1].corrupted, "e\"");
  EXPECT_EQ(pairs[1].source, "pairs.csv:4");
}

TEST_F(TextPairs, JsonLinesAndOtherNames) {
  const auto pairs = read_text_pairs(
      folder_.write("pairs.jsonl", "{\"good\":\"a\",\"bad\":\"b\",\"other\":\" x\",\"n\":1}\n"),
      "good", "bad");
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].clean, "a");
  EXPECT_EQ(pairs[0].corrupted, "b");
  EXPECT_EQ(pairs[0].other, " x");
}

TEST_F(TextPairs, ErrorsNameFileAndLine) {
  EXPECT_NE(error_of("a.csv", "clean,text\na,b\n").find("no column \"corrupted\""),
            std::string::npos);
  EXPECT_NE(error_of("b.csv", "clean,corrupted\na\n").find("line 2"), std::string::npos);
  EXPECT_NE(error_of("c.csv", "clean,clean,corrupted\n").find("2 columns"), std::string::npos);
  EXPECT_NE(error_of("d.csv", "clean,corrupted\n").find("no pair"), std::string::npos);
  EXPECT_NE(error_of("e.jsonl", "{\"clean\":\"a\"}\n").find("nothing for \"corrupted\""),
            std::string::npos);
  EXPECT_NE(error_of("f.jsonl", "{\"clean\":\"a\",\"corrupted\":1}\n").find("number"),
            std::string::npos);
  EXPECT_NE(error_of("g.jsonl", "[1]\n").find("expected an object"), std::string::npos);
  EXPECT_NE(error_of("h.txt", "a\n").find(".csv or .jsonl"), std::string::npos);
}

}  // namespace
}  // namespace gnomon
