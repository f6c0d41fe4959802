// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/wrapped_text.h"

#include <algorithm>

#include "gnomon/report/text_table.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

// The space behind the word at `at`. "[:, n]" is one word.
std::size_t end_of_word(std::string_view text, std::size_t at) {
  const std::size_t space = std::min(text.find(' ', at), text.size());
  const std::size_t open = text.substr(at, space - at).rfind('[');
  const bool inside = open != std::string_view::npos &&
                      text.substr(at + open, space - at - open).find(']') == std::string_view::npos;
  if (!inside) return space;
  // Of a subscript: a bracket that closes later is something else.
  constexpr std::size_t kLongestSubscript = 16;
  const std::size_t close = text.substr(at + open, kLongestSubscript).find(']');
  if (close == std::string_view::npos) return space;
  return std::min(text.find(' ', at + open + close), text.size());
}

}  // namespace

std::string cut_to_width(std::string_view text, int width) {
  int used = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t n_bytes = utf8_character_at(text, at).n_bytes;
    used += display_width(text.substr(at, n_bytes));
    if (used > width) break;
    at += n_bytes;
  }
  return std::string(text.substr(0, at));
}

std::vector<std::string> wrapped_lines(std::string_view text, int width) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t space = end_of_word(text, at);
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
  if (!label.empty() && display_width(label) + 1 > indent) {
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

}  // namespace gnomon
