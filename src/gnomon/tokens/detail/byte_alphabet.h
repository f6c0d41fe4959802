// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gnomon::detail {

// GPT-2's byte-level alphabet: bytes that are printable in Latin-1 stand for themselves, the other
// 68 for U+0100 and upwards in order, so that a vocabulary file holds printable text only.
const std::string& alphabet_character(unsigned char byte);  // in UTF-8

// The bytes of a piece, or nothing where it has a character outside the alphabet.
std::optional<std::string> bytes_of_piece(std::string_view piece);

}  // namespace gnomon::detail
