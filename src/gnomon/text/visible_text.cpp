// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/visible_text.h"

#include <array>

#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// Unicode 15: controls, and the format characters that reorder or hide what stands around them. The
// joiners U+200C and U+200D are left: scripts and emoji need them.
constexpr std::array kUnsafe = {
    CodePointRange{0x00, 0x1F},     CodePointRange{0x7F, 0x9F},
    CodePointRange{0x061C, 0x061C}, CodePointRange{0x200B, 0x200B},
    CodePointRange{0x200E, 0x200F}, CodePointRange{0x2028, 0x202E},
    CodePointRange{0x2060, 0x206F}, CodePointRange{0xFEFF, 0xFEFF},
    CodePointRange{0xFFF9, 0xFFFB}, CodePointRange{0xE0000, 0xE0FFF},
};

bool is_unsafe(char32_t code_point) {
  for (const CodePointRange& range : kUnsafe) {
    if (code_point >= range.first && code_point <= range.last) return true;
  }
  return false;
}

void append_escaped(std::string& text, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += "\\x";
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
}

std::string_view shown_whitespace(char c) {
  switch (c) {
    case ' ':
      return "␣";
    case '\t':
      return "⇥";
    default:
      return "⏎";
  }
}

}  // namespace

std::string visible_text(std::string_view bytes, WhitespaceStyle whitespace) {
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Character character = utf8_character_at(bytes, at);
    const std::string_view raw = bytes.substr(at, character.n_bytes);
    at += character.n_bytes;
    if (raw == " " || raw == "\t" || raw == "\n") {
      text += whitespace == WhitespaceStyle::kept ? raw : shown_whitespace(raw.front());
    } else if (!character.valid || is_unsafe(character.code_point)) {
      append_escaped(text, raw);
    } else {
      text += raw;
    }
  }
  return text;
}

}  // namespace gnomon
