// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/code_point_class.h"

#include <vector>

#include "gnomon/text/utf8.h"

namespace gnomon::detail {
namespace {

struct Range {
  char32_t first;
  char32_t last;
  std::uint8_t bits;
};

constexpr Range kRanges[] = {
#include "gnomon/tokens/detail/code_point_ranges.inc"
};

const std::vector<std::uint8_t>& bits_of_all() {
  static const std::vector<std::uint8_t> bits = [] {
    std::vector<std::uint8_t> all(0x110000, 0);
    for (const Range& range : kRanges) {
      for (char32_t c = range.first; c <= range.last; ++c) all[c] = range.bits;
    }
    return all;
  }();
  return bits;
}

}  // namespace

std::uint8_t code_point_bits(char32_t code_point) { return bits_of_all()[code_point]; }

std::string project(std::string_view text) {
  const std::vector<std::uint8_t>& bits = bits_of_all();
  std::string projected;
  projected.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) {
      projected.push_back(text[at++]);
      continue;
    }
    const Utf8Character c = utf8_character_at(text, at);
    projected.push_back(static_cast<char>(0x80 | bits[c.code_point]));
    at += c.n_bytes;
  }
  return projected;
}

std::uint8_t projected_bits(unsigned char byte) {
  return byte < 0x80 ? code_point_bits(byte) : static_cast<std::uint8_t>(byte & 0x3F);
}

}  // namespace gnomon::detail
