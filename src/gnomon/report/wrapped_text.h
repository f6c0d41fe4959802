// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gnomon {

inline constexpr int kTextWidth = 80;

// The longest start of `text` that fits into `width` columns.
std::string cut_to_width(std::string_view text, int width);

// Lines of at most `width` columns, broken at spaces; a longer word keeps a line of its own.
std::vector<std::string> wrapped_lines(std::string_view text, int width);

// "label   text", where the text starts at column `indent`, is broken at kTextWidth and indented on
// the lines that follow. A label that is too long has a line of its own.
std::string labelled_text(std::string_view label, std::string_view text, int indent);

}  // namespace gnomon
