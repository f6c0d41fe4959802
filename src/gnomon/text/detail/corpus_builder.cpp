// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/detail/corpus_builder.h"

#include <fmt/format.h>

#include <unordered_set>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/text/utf8.h"

namespace gnomon::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

// UTF-32 little-endian begins like UTF-16 little-endian, so one test serves both.
void refuse_wide_encodings(const fs::path& path, std::string_view content) {
  if (content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF") ||
      content.starts_with(std::string_view("\0\0\xFE\xFF", 4))) {
    throw FileError(
        fmt::format("{}: found a UTF-16 or UTF-32 byte order mark, expected UTF-8", place(path, 1)),
        "convert the file, for example with iconv -f UTF-16 -t UTF-8");
  }
}

}  // namespace

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

std::string place(const fs::path& path, std::int64_t line) {
  return fmt::format("\"{}\" line {}", path.string(), line);
}

CorpusBuilder::CorpusBuilder(const fs::path& path)
    : path_(path), content_(read_text_file(path, kLargestTextFile)) {
  corpus_.report.path = path.string();
  corpus_.report.sha256 = sha256_hex(std::string_view(content_));
  refuse_wide_encodings(path, content_);
  const auto n_newlines = std::count(content_.begin(), content_.end(), '\n');
  const bool open_end = !body().empty() && body().back() != '\n';
  corpus_.report.n_lines = n_newlines + (open_end ? 1 : 0);
}

std::string_view CorpusBuilder::body() const {
  std::string_view content = content_;
  if (content.starts_with(kUtf8Mark)) content.remove_prefix(kUtf8Mark.size());
  return content;
}

void CorpusBuilder::add(std::string text, std::int64_t line, std::string template_id,
                        std::string group) {
  if (text.size() > kLargestText) {
    throw FileError(fmt::format("{}: found a text of {} bytes, expected at most {}",
                                place(path_, line), text.size(), kLargestText),
                    "a text is one input of the model; put one on each line");
  }
  CorpusReport& report = corpus_.report;
  if (is_blank(text)) ++report.n_empty;
  if (text.find('\0') != std::string::npos) ++report.n_nul;
  if (!is_valid_utf8(text)) ++report.n_invalid_utf8;
  corpus_.records.push_back({.text = std::move(text),
                             .source = fmt::format("{}:{}", path_.filename().string(), line),
                             .line = line,
                             .template_id = std::move(template_id),
                             .group = std::move(group)});
}

Corpus CorpusBuilder::finish() && {
  CorpusReport& report = corpus_.report;
  std::unordered_set<std::string_view> distinct;
  for (const TextRecord& record : corpus_.records) distinct.insert(record.text);
  report.n_distinct = std::ssize(distinct);
  report.n_texts = std::ssize(corpus_.records);
  if (report.n_texts == 0) {
    throw FileError(ErrorCode::bad_data,
                    fmt::format("\"{}\": found no text in {} lines, expected at least one",
                                path_.string(), report.n_lines));
  }
  return std::move(corpus_);
}

}  // namespace gnomon::detail
