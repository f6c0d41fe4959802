// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/detail/vega_lite.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace gnomon::detail {
namespace {

// What stands for the rows until the text is made: as text in quotes it could not look like this.
constexpr std::string_view kNoRows = "\"data\":{\"values\":[]}";

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append_cell(std::string& text, const FigureCell& cell) {
  if (const auto* words = std::get_if<std::string>(&cell))
    text += quoted(*words);
  else if (const auto* whole = std::get_if<std::int64_t>(&cell))
    text += std::to_string(*whole);
  else if (const auto* number = std::get_if<double>(&cell); number && std::isfinite(*number))
    fmt::format_to(std::back_inserter(text), "{}", *number);
  else
    text += "null";
}

std::string rows_text(const FigureTable& table) {
  std::vector<std::string> keys;
  for (const std::string& column : table.columns) keys.push_back(quoted(column) + ":");
  std::string text = "[";
  for (const std::vector<FigureCell>& row : table.rows) {
    text += text.size() == 1 ? "\n{" : ",\n{";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += ',';
      text += keys[i];
      append_cell(text, row[i]);
    }
    text += '}';
  }
  return text + "]";
}

}  // namespace

Json vega_lite_head(const Figure& figure) {
  return {{"$schema", "https://vega.github.io/schema/vega-lite/v5.json"},
          {"title", figure.title},
          {"description", figure.description}};
}

Json vega_lite_of(const Figure& figure) {
  Json specification = vega_lite_head(figure);
  specification["data"] = {{"values", Json::array()}};
  return specification;
}

Json vega_lite_channel(const std::string& field, const std::string& type,
                       const std::string& title) {
  Json channel = {{"field", field}, {"type", type}};
  if (!title.empty()) channel["title"] = title;
  return channel;
}

std::string vega_lite_text(const Json& specification, const FigureTable& table) {
  std::string text = specification.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  const std::size_t at = text.find(kNoRows);
  if (at != std::string::npos)
    text.replace(at, kNoRows.size(), "\"data\":{\"values\":" + rows_text(table) + "}");
  return text;
}

}  // namespace gnomon::detail
