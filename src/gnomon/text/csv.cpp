// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gnomon/base/error.h"

namespace gnomon {

CsvReader::CsvReader(std::string_view content, std::string path, std::size_t largest_field)
    : content_(content), path_(std::move(path)), largest_field_(largest_field) {}

bool CsvReader::next(CsvRow& row) {
  row.fields.clear();
  row.line = line_;
  row.blank_line = false;
  if (offset_ == content_.size()) return false;
  if (at_line_end()) {
    row.blank_line = true;
    skip_line_end();
    return true;
  }
  for (;;) {
    row.fields.push_back(read_field());
    if (offset_ == content_.size()) return true;
    if (content_[offset_] != ',') {
      skip_line_end();
      return true;
    }
    ++offset_;
  }
}

// Leaves offset_ at a comma, a line end or the end of the content.
std::string CsvReader::read_field() {
  const bool quoted = offset_ < content_.size() && content_[offset_] == '"';
  return quoted ? read_quoted_field() : read_bare_field();
}

std::string CsvReader::read_quoted_field() {
  const std::int64_t first_line = line_;
  ++offset_;
  std::string field;
  for (;;) {
    const std::size_t quote = std::min(content_.find('"', offset_), content_.size());
    const std::string_view piece = content_.substr(offset_, quote - offset_);
    require_small(field.size() + piece.size(), first_line);
    field += piece;
    line_ += std::count(piece.begin(), piece.end(), '\n');
    if (quote == content_.size()) {
      fail(first_line, "a quote that is never closed",
           "a closing quote before the end of the file");
    }
    offset_ = quote + 1;
    if (offset_ == content_.size() || content_[offset_] != '"') break;
    field += '"';
    ++offset_;
  }
  if (offset_ < content_.size() && content_[offset_] != ',' && !at_line_end()) {
    fail(line_, "more text after a closing quote",
         "a comma or the end of the line (a quote inside a quoted value is written twice)");
  }
  return field;
}

std::string CsvReader::read_bare_field() {
  const std::size_t end = std::min(content_.find_first_of(",\"\r\n", offset_), content_.size());
  require_small(end - offset_, line_);
  std::string field(content_.substr(offset_, end - offset_));
  offset_ = end;
  if (offset_ == content_.size() || content_[offset_] == ',' || at_line_end()) return field;
  if (content_[offset_] == '"') {
    fail(line_, "a quote inside an unquoted value", "the whole value in double quotes");
  }
  fail(line_, "a carriage return that no line feed follows", "lines that end with LF or CR LF");
}

bool CsvReader::at_line_end() const {
  const std::string_view rest = content_.substr(offset_, 2);
  return rest.starts_with('\n') || rest == "\r\n";
}

void CsvReader::skip_line_end() {
  offset_ += content_[offset_] == '\r' ? 2 : 1;
  ++line_;
}

void CsvReader::require_small(std::size_t n_bytes, std::int64_t line) const {
  if (n_bytes > largest_field_) {
    fail(line, "a value that is too long", fmt::format("at most {} bytes", largest_field_));
  }
}

void CsvReader::fail(std::int64_t line, std::string_view found, std::string_view expected) const {
  throw FileError(
      fmt::format("\"{}\" line {}: found {}, expected {}", path_, line, found, expected));
}

}  // namespace gnomon
