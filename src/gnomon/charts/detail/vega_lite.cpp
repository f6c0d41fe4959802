// SPDX-License-Identifier: Apache-2.0
#include "gnomon/charts/detail/vega_lite.h"

#include <cmath>

namespace gnomon::detail {
namespace {

Json cell_json(const FigureCell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return *whole;
  if (const auto* number = std::get_if<double>(&cell)) return number_or_null(*number);
  return nullptr;
}

}  // namespace

Json vega_lite_head(const Figure& figure) {
  return {{"$schema", "https://vega.github.io/schema/vega-lite/v5.json"},
          {"title", figure.title},
          {"description", figure.description}};
}

Json vega_lite_of(const Figure& figure) {
  Json values = Json::array();
  for (const std::vector<FigureCell>& row : figure.table.rows) {
    Json object = Json::object();
    for (std::size_t i = 0; i < row.size(); ++i)
      object[figure.table.columns[i]] = cell_json(row[i]);
    values.push_back(std::move(object));
  }
  Json specification = vega_lite_head(figure);
  specification["data"] = {{"values", std::move(values)}};
  return specification;
}

Json vega_lite_channel(const std::string& field, const std::string& type,
                       const std::string& title) {
  Json channel = {{"field", field}, {"type", type}};
  if (!title.empty()) channel["title"] = title;
  return channel;
}

std::string vega_lite_text(const Json& specification) {
  return specification.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace gnomon::detail
