// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/byte_alphabet.h"

#include <array>

#include "gnomon/text/utf8.h"
#include "gnomon/tokens/detail/utf8.h"

namespace gnomon::detail {
namespace {

constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr unsigned kFirstShifted = 0x100;
constexpr unsigned kNShifted = 68;

constexpr std::array<unsigned, kNShifted> shifted_bytes() {
  std::array<unsigned, kNShifted> bytes{};
  unsigned n = 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (!is_printable(byte)) bytes[n++] = byte;
  }
  return bytes;
}
constexpr std::array<unsigned, kNShifted> kShifted = shifted_bytes();

}  // namespace

const std::string& alphabet_character(unsigned char byte) {
  static const std::array<std::string, 256> characters = [] {
    std::array<std::string, 256> all;
    for (unsigned b = 0; b < 256; ++b) {
      if (is_printable(b)) append_utf8(all[b], b);
    }
    for (unsigned i = 0; i < kNShifted; ++i) append_utf8(all[kShifted[i]], kFirstShifted + i);
    return all;
  }();
  return characters[byte];
}

std::optional<std::string> bytes_of_piece(std::string_view piece) {
  std::string bytes;
  for (std::size_t at = 0; at < piece.size();) {
    const auto [c, n_bytes, valid] = utf8_character_at(piece, at);
    if (!valid) return std::nullopt;
    at += n_bytes;
    if (c < 0x100 && is_printable(c)) {
      bytes.push_back(static_cast<char>(static_cast<unsigned char>(c)));
    } else if (c >= kFirstShifted && c < kFirstShifted + kNShifted) {
      bytes.push_back(static_cast<char>(static_cast<unsigned char>(kShifted[c - kFirstShifted])));
    } else {
      return std::nullopt;
    }
  }
  return bytes;
}

}  // namespace gnomon::detail
