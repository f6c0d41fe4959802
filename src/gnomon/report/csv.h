// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace gnomon {

// Nothing is null. A double that is not finite is written as null too: results give their reason in
// the JSON file beside the table.
using CsvValue = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

// A table as comma-separated values (RFC 4180), with two choices that the RFC leaves or differs on:
// lines end in LF, and null is an empty field while an empty text is "". Doubles are in the
// shortest form that reads back the same.
//
// A text that begins with = + - or @ is data and is written as it is: a spreadsheet that evaluates
// such cells has to be told to import the column as text.
class CsvTable {
 public:
  explicit CsvTable(std::vector<std::string> header);
  // Throws InternalError where the row has not one value per column.
  void add_row(const std::vector<CsvValue>& row);
  const std::string& text() const { return text_; }

 private:
  std::size_t n_columns_;
  std::string text_;
};

}  // namespace gnomon
