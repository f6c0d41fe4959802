// SPDX-License-Identifier: Apache-2.0
#include "cli/wrapped_text.h"

#include <algorithm>
#include <array>

#include "gnomon/text/utf8.h"

namespace gnomon::cli {
namespace {

struct CodePointRange {
  char32_t first;
  char32_t last;
};

// Unicode 15, shortened to blocks: characters that terminals draw over their neighbour, and those
// that take two columns (East Asian Width W and F).
constexpr std::array kNarrow = {
    CodePointRange{0x0300, 0x036F}, CodePointRange{0x200B, 0x200F}, CodePointRange{0x20D0, 0x20FF},
    CodePointRange{0xFE00, 0xFE0F}, CodePointRange{0xFE20, 0xFE2F},
};
constexpr std::array kWide = {
    CodePointRange{0x1100, 0x115F},   CodePointRange{0x2E80, 0x303E},
    CodePointRange{0x3041, 0xA4CF},   CodePointRange{0xAC00, 0xD7A3},
    CodePointRange{0xF900, 0xFAFF},   CodePointRange{0xFE30, 0xFE6F},
    CodePointRange{0xFF00, 0xFF60},   CodePointRange{0xFFE0, 0xFFE6},
    CodePointRange{0x1F300, 0x1F64F}, CodePointRange{0x1F680, 0x1F6FF},
    CodePointRange{0x1F900, 0x1F9FF}, CodePointRange{0x20000, 0x3FFFD},
};

template <std::size_t n>
bool is_in(char32_t code_point, const std::array<CodePointRange, n>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const CodePointRange& range) {
    return code_point >= range.first && code_point <= range.last;
  });
}

int columns_of(char32_t code_point) {
  if (is_in(code_point, kNarrow)) return 0;
  return is_in(code_point, kWide) ? 2 : 1;
}

std::string padded(const std::string& text, int width, bool right_aligned) {
  const std::string space(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return right_aligned ? space + text : text + space;
}

std::string table_line(const std::vector<TextColumn>& columns, const std::vector<int>& widths,
                       const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) line += "  ";
    const bool last = i + 1 == columns.size() && !columns[i].right_aligned;
    line += last ? cells[i] : padded(cells[i], widths[i], columns[i].right_aligned);
  }
  return line + '\n';
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character character = utf8_character_at(text, at);
    width += columns_of(character.code_point);
    at += character.n_bytes;
  }
  return width;
}

std::string cut_to_width(std::string_view text, int width) {
  int used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Utf8Character character = utf8_character_at(text, at);
    used += columns_of(character.code_point);
    if (used > width) break;
    at += character.n_bytes;
  }
  return std::string(text.substr(0, at));
}

std::vector<std::string> wrapped_lines(std::string_view text, int width) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t space = std::min(text.find(' ', at), text.size());
    const std::string word(text.substr(at, space - at));
    at = space + 1;
    if (word.empty()) continue;
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
      lines.push_back(line);
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  lines.push_back(line);
  return lines;
}

std::string labelled_text(std::string_view label, std::string_view text, int indent) {
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  std::string result(label);
  bool first = true;
  if (display_width(label) + 1 > indent) {
    result += '\n';
    first = false;
  } else {
    result += margin.substr(static_cast<std::size_t>(display_width(label)));
  }
  for (const std::string& line : wrapped_lines(text, kTextWidth - indent)) {
    if (!first) result += margin;
    result += line + '\n';
    first = false;
  }
  return result;
}

std::string text_table(const std::vector<TextColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::string> headings;
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    headings.push_back(columns[i].heading);
    int width = display_width(columns[i].heading);
    for (const auto& row : rows) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  std::string table = table_line(columns, widths, headings);
  for (const auto& row : rows) table += table_line(columns, widths, row);
  return table;
}

}  // namespace gnomon::cli
