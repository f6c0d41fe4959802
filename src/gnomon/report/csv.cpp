// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/csv.h"

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

void append_text(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\n\r") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

struct AppendValue {
  std::string& out;
  void operator()(std::monostate) const {}
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const { out += fmt::format("{}", value); }
  void operator()(double value) const {
    if (std::isfinite(value)) out += fmt::format("{}", value);
  }
  void operator()(const std::string& value) const { append_text(out, value); }
};

}  // namespace

CsvTable::CsvTable(std::vector<std::string> header) : n_columns_(header.size()) {
  if (header.empty()) throw InternalError("CsvTable: no columns, expected at least one");
  for (std::size_t i = 0; i < header.size(); ++i) {
    if (i > 0) text_ += ',';
    append_text(text_, header[i]);
  }
  text_ += '\n';
}

void CsvTable::add_row(const std::vector<CsvValue>& row) {
  if (row.size() != n_columns_) {
    throw InternalError(
        fmt::format("CsvTable: a row of {} values, expected {}", row.size(), n_columns_));
  }
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) text_ += ',';
    std::visit(AppendValue{text_}, row[i]);
  }
  text_ += '\n';
}

}  // namespace gnomon
