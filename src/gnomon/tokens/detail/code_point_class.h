// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gnomon::detail {

// What Hugging Face tokenizers takes a code point for. Its expressions and Rust's character methods
// follow different versions of Unicode (U+11DE0 is numeric, but no \p{N}), and PCRE2's tables
// differ from both; so the classes are stored, as that library answered for each code point.
// tools/make_tokenizer_golden.py writes the numbers.
enum CodePointBit : std::uint8_t {
  kLetter = 1,     // \p{L}
  kNumber = 2,     // \p{N}
  kSpace = 4,      // \s, in the expressions and around added tokens
  kNumeric = 8,    // Digits
  kWord = 16,      // \w beside a single_word token
  kFoldsToS = 32,  // matches s where case is ignored, without being s or S: U+017F
};

std::uint8_t code_point_bits(char32_t code_point);

// The text with one byte for each code point: ASCII as it is, everything else as 0x80 + its bits.
// An expression over these bytes sees all that it can tell apart, and needs no Unicode of its own.
// `text` is well-formed UTF-8.
std::string project(std::string_view text);

// The bits of a byte of a projected text.
std::uint8_t projected_bits(unsigned char byte);

}  // namespace gnomon::detail
