// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/space_marks.h"

#include <fmt/format.h>

#include <charconv>

namespace gnomon::detail {
namespace {

bool wants_prefix(std::string_view text, SpacePrefix prefix, bool is_first) {
  const bool has_one = text.starts_with(' ') || text.starts_with(kSpaceMark);
  switch (prefix) {
    case SpacePrefix::none:
      return false;
    case SpacePrefix::always:
      return true;
    case SpacePrefix::unless_there:
      return !has_one;
    case SpacePrefix::first_unless_there:
      return is_first && !has_one;
  }
  return false;
}

// As in Hugging Face, hexadecimal digits of either case.
std::optional<unsigned char> byte_of(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || !piece.ends_with('>')) return std::nullopt;
  unsigned char byte = 0;
  const char* const end = piece.data() + 5;
  const auto [stopped, error] = std::from_chars(piece.data() + 3, end, byte, 16);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return byte;
}

}  // namespace

RewrittenText mark_spaces(std::string_view text, SpacePrefix prefix, bool is_first) {
  RewrittenText marked;
  const auto end_stretch = [&](std::size_t original) {
    marked.stretches.push_back({marked.text.size(), original});
  };
  if (wants_prefix(text, prefix, is_first)) {
    end_stretch(0);
    marked.text += kSpaceMark;
  }
  end_stretch(0);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != ' ') {
      marked.text += text[at];
      continue;
    }
    end_stretch(at);
    marked.text += kSpaceMark;
    end_stretch(at + 1);
  }
  end_stretch(text.size());
  return marked;
}

std::string byte_piece(unsigned char byte) { return fmt::format("<0x{:02X}>", byte); }

bool is_byte_piece(std::string_view piece) { return byte_of(piece).has_value(); }

std::string bytes_of_marked_piece(std::string_view piece) {
  if (const std::optional<unsigned char> byte = byte_of(piece)) return {static_cast<char>(*byte)};
  std::string bytes;
  for (std::size_t at = 0; at < piece.size();) {
    const bool is_mark = piece.substr(at).starts_with(kSpaceMark);
    bytes += is_mark ? ' ' : piece[at];
    at += is_mark ? kSpaceMark.size() : 1;
  }
  return bytes;
}

}  // namespace gnomon::detail
