// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gnomon::cli {

inline constexpr int kTextWidth = 80;

// Columns that UTF-8 text takes in a terminal, which are not its bytes.
int display_width(std::string_view text);
// The longest start of `text` that fits into `width` columns.
std::string cut_to_width(std::string_view text, int width);

// Lines of at most `width` columns, broken at spaces; a longer word keeps a line of its own.
std::vector<std::string> wrapped_lines(std::string_view text, int width);

// "label   text", where the text starts at column `indent`, is broken at kTextWidth and indented on
// the lines that follow. A label that is too long has a line of its own.
std::string labelled_text(std::string_view label, std::string_view text, int indent);

// Columns side by side, two spaces apart; the last one is not padded.
struct TextColumn {
  std::string heading;
  bool right_aligned = false;
};
std::string text_table(const std::vector<TextColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows);

}  // namespace gnomon::cli
