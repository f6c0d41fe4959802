// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace gnomon {

enum class WhitespaceStyle {
  kept,   // space, tab and line feed stand as they are
  shown,  // as ␣, ⇥ and ⏎
};

// Bytes from an untrusted source as UTF-8 that is safe to print: each byte that is not part of
// valid UTF-8, and each byte of a character that controls the terminal or the order of the text
// (C0, DEL and C1 controls, line and paragraph separators, bidirectional marks, tags, the byte
// order mark), becomes \xNN. A backslash of the text itself stays as it is.
std::string visible_text(std::string_view bytes,
                         WhitespaceStyle whitespace = WhitespaceStyle::kept);

}  // namespace gnomon
