// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gnomon/tokens/detail/rewritten_text.h"
#include "gnomon/tokens/tokenizer_spec.h"

namespace gnomon::detail {

// SentencePiece's sign for a space, U+2581.
inline constexpr std::string_view kSpaceMark = "\u2581";

// `text`, which has characters, with each space as a mark, after the mark that `prefix` asks for.
// `is_first`: nothing stands before it.
RewrittenText mark_spaces(std::string_view text, SpacePrefix prefix, bool is_first);

// The piece that stands for a byte of a character without piece: "<0x0A>".
std::string byte_piece(unsigned char byte);

// What a piece decodes to: its characters with a space for each mark, or the byte that it names.
std::string bytes_of_marked_piece(std::string_view piece);
bool is_byte_piece(std::string_view piece);

}  // namespace gnomon::detail
