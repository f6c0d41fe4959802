// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/tokens/tokenizer.h"
#include "gnomon/tokens/tokenizer_json.h"
#include "tokens/golden.h"

// The tokenizer of the embedded model: tools/make_embedded_tokenizer.py.
namespace gnomon::test {
namespace {

const Tokenizer& books() {
  static const Tokenizer tokenizer(
      read_tokenizer_json(std::string(GNOMON_SOURCE_DIR) + "/assets/gnomon-books/tokenizer.json"));
  return tokenizer;
}

const Json& books_golden() {
  static const Json json = read_json_file(golden_path("books.json"));
  return json;
}

TEST(BooksTokenizer, GivesTheIdsOfHuggingFace) {
  const Json& rows = books_golden().at("texts");
  ASSERT_GE(rows.size(), 200u);
  for (const Json& row : rows) {
    const std::string text = row.at(0);
    EXPECT_EQ(books().encode(text), row.at(1).get<std::vector<TokenId>>()) << row.at(0);
  }
}

TEST(BooksTokenizer, LosesNoByte) {
  for (const Json& row : books_golden().at("texts")) {
    const std::string text = row.at(0);
    const Encoding encoding = books().encode_with_offsets(text);
    EXPECT_EQ(encoding.n_dropped_bytes, 0u) << row.at(0);
    EXPECT_EQ(books().decode(encoding.ids), text);
  }
}

TEST(BooksTokenizer, HasATokenForEachAnswerOfATokenReporter) {
  std::vector<std::string> answers = {"on", "off", " on", " off"};
  for (char digit = '0'; digit <= '9'; ++digit) {
    answers.push_back({digit});
    answers.push_back({' ', digit});
  }
  EXPECT_EQ(books_golden().at("answers").size(), answers.size());
  for (const std::string& answer : answers) {
    const std::vector<TokenId> ids = books().encode(answer);
    ASSERT_EQ(ids.size(), 1u) << Json(answer);
    EXPECT_EQ(books().decode(ids), answer);
    // In a prompt as well as alone.
    EXPECT_EQ(books().encode("The neuron says:" + answer).back(), ids[0]) << Json(answer);
  }
}

TEST(BooksTokenizer, HasTheTokensOfTheModel) {
  EXPECT_EQ(books().d_vocab(), 4096);
  EXPECT_EQ(books().find("<|endoftext|>"), 0);
  EXPECT_TRUE(books().is_special(0));
  EXPECT_FALSE(books().is_special(1));
}

}  // namespace
}  // namespace gnomon::test
