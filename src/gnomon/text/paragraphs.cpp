// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/paragraphs.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/text/corpus.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r\f\v";
  const std::size_t first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

std::vector<std::string> read_paragraphs(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, kLargestTextFile);
  if (!is_valid_utf8(text)) {
    throw FileError(ErrorCode::bad_data, fmt::format("\"{}\" is not valid UTF-8", path.string()));
  }
  std::vector<std::string> paragraphs;
  bool open = false;
  for (std::size_t first = 0; first <= text.size();) {
    const std::size_t end = std::min(text.find('\n', first), text.size());
    const std::string_view line = trimmed(std::string_view(text).substr(first, end - first));
    first = end + 1;
    if (line.empty()) {
      open = false;
      continue;
    }
    if (open) {
      paragraphs.back() += ' ';
      paragraphs.back() += line;
    } else {
      paragraphs.emplace_back(line);
      open = true;
    }
  }
  return paragraphs;
}

}  // namespace gnomon
