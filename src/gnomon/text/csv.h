// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gnomon {

struct CsvRow {
  std::vector<std::string> fields;
  std::int64_t line = 0;    // 1-based line at which the row begins
  bool blank_line = false;  // the row is a line without any byte: neither value nor comma nor quote
};

// Rows of RFC 4180: comma, double quotes with "" for a quote inside, CR LF or LF. Stricter than
// most readers: a quote inside an unquoted field, anything between a closing quote and the next
// comma, and a CR without LF outside quotes are errors, because every guess at them changes a text.
class CsvReader {
 public:
  // `content` must outlive the reader. Fields longer than `largest_field` bytes are refused.
  CsvReader(std::string_view content, std::string path, std::size_t largest_field);

  // False at the end of the content. Throws FileError with path and line.
  bool next(CsvRow& row);

 private:
  std::string read_field();
  std::string read_quoted_field();
  std::string read_bare_field();
  bool at_line_end() const;
  void skip_line_end();
  void require_small(std::size_t n_bytes, std::int64_t line) const;
  [[noreturn]] void fail(std::int64_t line, std::string_view found,
                         std::string_view expected) const;

  std::string_view content_;
  std::string path_;
  std::size_t largest_field_;
  std::size_t offset_ = 0;
  std::int64_t line_ = 1;
};

}  // namespace gnomon
