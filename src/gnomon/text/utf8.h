// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace gnomon {

struct Utf8Character {
  char32_t code_point = 0;  // the byte itself where `valid` is false
  std::size_t n_bytes = 1;
  bool valid = true;
};

// The character at `offset`, which must lie inside `bytes`. Overlong forms, surrogates and numbers
// above U+10FFFF are not valid (Unicode 15, table 3-7); an invalid byte counts as a character of
// its own.
Utf8Character utf8_character_at(std::string_view bytes, std::size_t offset);

bool is_valid_utf8(std::string_view bytes);

}  // namespace gnomon
