// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace gnomon {
namespace {

TEST(Utf8, CharactersOfEveryLength) {
  const std::string text = "a\u00e9\u20ac\U0001F600";
  const char32_t expected[] = {U'a', 0xE9, 0x20AC, 0x1F600};
  std::size_t offset = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const Utf8Character c = utf8_character_at(text, offset);
    EXPECT_TRUE(c.valid);
    EXPECT_EQ(c.code_point, expected[i]);
    EXPECT_EQ(c.n_bytes, i + 1);
    offset += c.n_bytes;
  }
  EXPECT_EQ(offset, text.size());
}

// Unicode 15, table 3-7: the rows around every boundary.
TEST(Utf8, Boundaries) {
  using std::string_literals::operator""s;
  for (const std::string& good :
       {""s, "\0"s, "\x7F"s, "\xC2\x80"s, "\xDF\xBF"s, "\xE0\xA0\x80"s, "\xED\x9F\xBF"s,
        "\xEE\x80\x80"s, "\xF0\x90\x80\x80"s, "\xF4\x8F\xBF\xBF"s}) {
    EXPECT_TRUE(is_valid_utf8(good)) << testing::PrintToString(good);
  }
  for (const std::string& bad :
       {"\x80"s, "\xBF"s, "\xC0\x80"s, "\xC1\xBF"s, "\xC2"s, "\xC2\x41"s, "\xE0\x9F\xBF"s,
        "\xE2\x82"s, "\xED\xA0\x80"s, "\xED\xBF\xBF"s, "\xF0\x8F\xBF\xBF"s, "\xF4\x90\x80\x80"s,
        "\xF5\x80\x80\x80"s, "\xF8\x88\x80\x80\x80"s, "\xFF"s, "abc\xE2\x82"s}) {
    EXPECT_FALSE(is_valid_utf8(bad)) << testing::PrintToString(bad);
  }
}

TEST(Utf8, InvalidByteStandsForItself) {
  const Utf8Character c = utf8_character_at("\xE2\x82z", 0);
  EXPECT_FALSE(c.valid);
  EXPECT_EQ(c.code_point, char32_t{0xE2});
  EXPECT_EQ(c.n_bytes, 1U);
}

}  // namespace
}  // namespace gnomon
