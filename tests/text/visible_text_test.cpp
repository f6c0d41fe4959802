// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/visible_text.h"

#include <gtest/gtest.h>

#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

TEST(VisibleText, PrintableTextStandsAsItIs) {
  for (const char* text :
       {"", "plain \\x41 text", "naïve 東京 🌞", "one\ttwo\nthree", "👩‍💻"}) {
    EXPECT_EQ(visible_text(text), text);
  }
}

TEST(VisibleText, WhitespaceIsShownOnRequest) {
  EXPECT_EQ(visible_text(" a\tb\n", WhitespaceStyle::shown), "␣a⇥b⏎");
}

TEST(VisibleText, ControlsAndInvalidBytesAreEscaped) {
  EXPECT_EQ(visible_text("\x1b[31mred"), "\\x1B[31mred");
  EXPECT_EQ(visible_text(std::string_view("a\0b\r\x7f", 5)), "a\\x00b\\x0D\\x7F");
  EXPECT_EQ(visible_text("\xff\xc3"), "\\xFF\\xC3");
  EXPECT_EQ(visible_text("\xc2\x9b"), "\\xC2\\x9B");                    // C1: a control sequence
  EXPECT_EQ(visible_text("\xe2\x80\xae"), "\\xE2\\x80\\xAE");           // right-to-left override
  EXPECT_EQ(visible_text("\xe2\x81\xa6"), "\\xE2\\x81\\xA6");           // isolate
  EXPECT_EQ(visible_text("\xef\xbb\xbf"), "\\xEF\\xBB\\xBF");           // byte order mark
  EXPECT_EQ(visible_text("\xf3\xa0\x81\x81"), "\\xF3\\xA0\\x81\\x81");  // tag
}

TEST(VisibleText, AnyBytesBecomeValidUtf8WithoutControls) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string bytes = {static_cast<char>(first), static_cast<char>(second), 'z'};
      const std::string text = visible_text(bytes, WhitespaceStyle::shown);
      ASSERT_TRUE(is_valid_utf8(text));
      for (const char c : text) ASSERT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
      ASSERT_EQ(visible_text(text, WhitespaceStyle::shown), text);
    }
  }
}

}  // namespace
}  // namespace gnomon
