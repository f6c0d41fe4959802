// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/byte_alphabet.h"

#include <gtest/gtest.h>

#include <set>

namespace gnomon::test {
namespace {

TEST(ByteAlphabet, IsOneToOne) {
  std::set<std::string> seen;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const std::string& letter = detail::alphabet_character(static_cast<unsigned char>(byte));
    EXPECT_TRUE(seen.insert(letter).second);
    EXPECT_EQ(detail::bytes_of_piece(letter),
              std::string(1, static_cast<char>(static_cast<unsigned char>(byte))));
  }
}

TEST(ByteAlphabet, HasTheLettersThatGpt2sFilesShow) {
  EXPECT_EQ(detail::alphabet_character(' '), "Ġ");
  EXPECT_EQ(detail::alphabet_character('\n'), "Ċ");
  EXPECT_EQ(detail::alphabet_character('a'), "a");
  EXPECT_EQ(detail::alphabet_character(0xAD), "Ń");
  EXPECT_EQ(detail::alphabet_character(0xFF), "ÿ");
}

TEST(ByteAlphabet, OtherCharactersHaveNoBytes) {
  for (const char* piece : {" ", "a b", "\u0144", "\u00AD", "日", "\xC3", "\xFF"}) {
    EXPECT_EQ(detail::bytes_of_piece(piece), std::nullopt) << piece;
  }
  EXPECT_EQ(detail::bytes_of_piece(""), "");
}

}  // namespace
}  // namespace gnomon::test
