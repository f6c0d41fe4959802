// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/composed_text.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "gnomon/tokens/detail/utf8.h"

namespace gnomon::detail {
namespace {

TEST(Compose, LeavesWhatIsComposedAlone) {
  for (const char* text : {"", "plain", "caf\u00e9", "\u65e5\u6708", "\ud55c", "\u0301", "x\u0301"})
    EXPECT_EQ(compose(text), std::nullopt) << text;
}

// UAX #15, tables 3 to 5 and section 1.
TEST(Compose, GivesFormC) {
  const std::pair<const char*, const char*> rows[] = {
      {"e\u0301", "\u00e9"},
      {"\u212b", "\u00c5"},                     // a singleton
      {"\u0958", "\u0915\u093c"},               // left out of composition
      {"q\u0307\u0323", "q\u0323\u0307"},       // put in order
      {"\u1e0b\u0323", "\u1e0d\u0307"},         // and composed anew
      {"\u1112\u1161\u11ab", "\ud55c"},         // Hangul
      {"a\u0f73\u0301", "\u00e1\u0f71\u0f72"},  // a starter that is made of marks
  };
  for (const auto& [given, expected] : rows) {
    const auto composed = compose(given);
    ASSERT_TRUE(composed) << given;
    EXPECT_EQ(composed->text, expected);
    EXPECT_EQ(compose(composed->text), std::nullopt);
  }
}

TEST(Compose, KnowsWhereItsBytesComeFrom) {
  //                           0   1..3       4   5   6
  const auto composed = compose("ae\u0301 z");
  ASSERT_TRUE(composed);
  ASSERT_EQ(composed->text, "a\u00e9 z");
  const std::size_t expected[] = {0, 1, 2, 4, 5, 6};  // of a, the two bytes of é, space, z, the end
  for (std::size_t at = 0; at < std::size(expected); ++at)
    EXPECT_EQ(composed->original_of(at), expected[at]) << at;
  // One character that becomes two, of three bytes each: the second has no byte of its own.
  const auto longer = compose("\u0958.");
  ASSERT_TRUE(longer);
  EXPECT_EQ(longer->original_of(0), 0u);
  EXPECT_EQ(longer->original_of(3), 3u);
  EXPECT_EQ(longer->original_of(6), 3u);
  EXPECT_EQ(longer->original_of(7), 4u);
}

// What is composed stretch by stretch is what the whole gives: every character after marks and
// before them.
TEST(Compose, ChangesEveryCharacterAsPartOfALongerText) {
  std::size_t n_changed = 0;
  for (char32_t c = 1; c < 0x20000; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string alone;
    append_utf8(alone, c);
    const auto composed = compose(alone);
    const std::string expected = composed ? composed->text : alone;
    const auto in_text = compose("e\u0301 " + alone + " \u0958");
    ASSERT_TRUE(in_text);
    // A blank keeps what stands around it apart, but for a mark that combines with the blank.
    ASSERT_EQ(in_text->text, "\u00e9 " + expected + " \u0915\u093c") << std::hex << +c;
    ASSERT_EQ(in_text->original_of(in_text->text.size()), 8 + alone.size());
    n_changed += composed ? 1 : 0;
  }
  EXPECT_GT(n_changed, 500u);
}

TEST(Compose, TakesSensibleTimeForManyMarks) {
  std::string text = "e";
  for (int i = 0; i < 20000; ++i) text += i % 2 == 0 ? "\u0301" : "\u0323";
  const std::clock_t start = std::clock();
  ASSERT_TRUE(compose(text));
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 5);
}

}  // namespace
}  // namespace gnomon::detail
