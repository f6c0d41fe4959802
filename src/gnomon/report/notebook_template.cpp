// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/notebook_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <sstream>

#include "gnomon/base/error.h"

namespace gnomon::detail {
namespace {

constexpr std::string_view kCellMark = "# %%";

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

struct SourceCell {
  NotebookCell cell;
  std::vector<std::string> conditions;
};

SourceCell parse_header(const std::string& line) {
  SourceCell result;
  result.cell.is_code = true;
  for (const std::string& word : split(line.substr(kCellMark.size()), ' ')) {
    const std::size_t equals = word.find('=');
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (word == "[markdown]") {
      result.cell.is_code = false;
    } else if (word.starts_with("id=")) {
      result.cell.id = value;
    } else if (word.starts_with("if=")) {
      result.conditions = split(value, ',');
    } else if (word.starts_with("tags=")) {
      result.cell.tags = split(value, ',');
    } else {
      throw InternalError(fmt::format("render_cells: \"{}\" in \"{}\"", word, line));
    }
  }
  const std::string& id = result.cell.id;
  const bool valid = !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!valid) throw InternalError(fmt::format("render_cells: id in \"{}\"", line));
  return result;
}

std::string filled(const std::string& text, const NotebookFacts& facts) {
  std::string result;
  std::size_t at = 0;
  for (std::size_t open = text.find("{{"); open != std::string::npos; open = text.find("{{", at)) {
    const std::size_t close = text.find("}}", open);
    const std::string name = text.substr(open + 2, close - open - 2);
    const auto found = facts.values.find(name);
    if (found == facts.values.end())
      throw InternalError(fmt::format("render_cells: no value for \"{}\"", name));
    result += text.substr(at, open - at) + found->second;
    at = close + 2;
  }
  return result + text.substr(at);
}

void add_line(NotebookCell& cell, std::string_view line) {
  if (!cell.is_code) {
    if (line == "#") line = "";
    if (line.starts_with("# ")) line.remove_prefix(2);
  }
  cell.source += line;
  cell.source += '\n';
}

}  // namespace

std::string_view notebook_source(std::string_view name) {
  return embedded_text(notebook_sources(), name);
}

std::vector<NotebookCell> render_cells(std::string_view source, const NotebookFacts& facts) {
  std::vector<SourceCell> all;
  std::istringstream lines{std::string(source)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(kCellMark)) {
      all.push_back(parse_header(line));
    } else if (!all.empty()) {
      add_line(all.back().cell, line);
    }
  }
  std::vector<NotebookCell> cells;
  for (SourceCell& one : all) {
    const bool holds = std::ranges::all_of(
        one.conditions, [&](const std::string& name) { return facts.holds.contains(name); });
    if (!holds) continue;
    one.cell.source.erase(one.cell.source.find_last_not_of('\n') + 1);
    one.cell.source = filled(one.cell.source, facts);
    cells.push_back(std::move(one.cell));
  }
  return cells;
}

}  // namespace gnomon::detail
