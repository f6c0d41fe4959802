// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gnomon::detail {

// A CSV file of a run, by columns.
class CsvColumns {
 public:
  // Throws FileError where `content` is not CSV or its rows differ in length.
  CsvColumns(std::string_view content, const std::string& path);

  std::size_t n_row() const { return rows_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  bool has(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  // NaN where the field is empty. Throws FileError where there is no such column or no number.
  std::vector<double> numbers(std::string_view name) const;

 private:
  std::size_t index_of(std::string_view name) const;
  std::string path_;
  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace gnomon::detail
