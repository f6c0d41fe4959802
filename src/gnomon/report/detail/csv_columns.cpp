// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/csv_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/text/csv.h"

namespace gnomon::detail {
namespace {

constexpr std::size_t kLargestField = std::size_t{1} << 24;

}  // namespace

CsvColumns::CsvColumns(std::string_view content, const std::string& path) : path_(path) {
  CsvReader reader(content, path, kLargestField);
  CsvRow row;
  if (!reader.next(row)) throw FileError(fmt::format("\"{}\" has no header", path));
  names_ = row.fields;
  while (reader.next(row)) {
    if (row.fields.size() != names_.size())
      throw FileError(fmt::format("\"{}\" line {} has {} fields, expected {}", path, row.line,
                                  row.fields.size(), names_.size()));
    rows_.push_back(row.fields);
  }
}

bool CsvColumns::has(std::string_view name) const {
  return std::ranges::find(names_, name) != names_.end();
}

std::size_t CsvColumns::index_of(std::string_view name) const {
  const auto found = std::ranges::find(names_, name);
  if (found == names_.end())
    throw FileError(fmt::format("\"{}\" has no column \"{}\"", path_, name));
  return static_cast<std::size_t>(found - names_.begin());
}

std::vector<std::string> CsvColumns::texts(std::string_view name) const {
  const std::size_t column = index_of(name);
  std::vector<std::string> values;
  values.reserve(rows_.size());
  for (const auto& row : rows_) values.push_back(row[column]);
  return values;
}

std::vector<double> CsvColumns::numbers(std::string_view name) const {
  const std::size_t column = index_of(name);
  std::vector<double> values;
  values.reserve(rows_.size());
  for (const auto& row : rows_) {
    const std::string& field = row[column];
    double value = std::numeric_limits<double>::quiet_NaN();
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (!field.empty() && (error != std::errc() || end != field.data() + field.size()))
      throw FileError(fmt::format("\"{}\" has {} in column \"{}\", expected a number", path_,
                                  quote(field), name));
    values.push_back(value);
  }
  return values;
}

}  // namespace gnomon::detail
