// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

struct LeadByte {
  std::size_t n_bytes;
  char32_t bits;
  char32_t smallest;  // anything below would be an overlong form
};

LeadByte lead_byte(unsigned char byte) {
  if (byte < 0x80) return {1, byte, 0};
  if ((byte & 0xE0) == 0xC0) return {2, byte & 0x1FU, 0x80};
  if ((byte & 0xF0) == 0xE0) return {3, byte & 0x0FU, 0x800};
  if ((byte & 0xF8) == 0xF0) return {4, byte & 0x07U, 0x10000};
  return {0, 0, 0};
}

}  // namespace

Utf8Character utf8_character_at(std::string_view bytes, std::size_t offset) {
  const auto first = static_cast<unsigned char>(bytes[offset]);
  const Utf8Character invalid{.code_point = first, .n_bytes = 1, .valid = false};
  const LeadByte lead = lead_byte(first);
  if (lead.n_bytes == 0 || lead.n_bytes > bytes.size() - offset) return invalid;
  char32_t code_point = lead.bits;
  for (std::size_t i = 1; i < lead.n_bytes; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[offset + i]);
    if ((byte & 0xC0) != 0x80) return invalid;
    code_point = (code_point << 6) | (byte & 0x3FU);
  }
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  if (code_point < lead.smallest || surrogate || code_point > 0x10FFFF) return invalid;
  return {.code_point = code_point, .n_bytes = lead.n_bytes, .valid = true};
}

bool is_valid_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const Utf8Character character = utf8_character_at(bytes, i);
    if (!character.valid) return false;
    i += character.n_bytes;
  }
  return true;
}

}  // namespace gnomon
