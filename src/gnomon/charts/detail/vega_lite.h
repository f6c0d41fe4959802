// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gnomon/base/json.h"
#include "gnomon/charts/figure.h"

namespace gnomon::detail {

// {"$schema", "title", "description", "data": {"values": []}}: the chart adds mark and encoding, or
// layers, and vega_lite_text() the table's rows as data. Columns are named so that Vega does not
// take them for paths (no ".", "[" or "\").
Json vega_lite_of(const Figure& figure);
// The same without data.
Json vega_lite_head(const Figure& figure);

// {"field": field, "type": type, "title": title}
Json vega_lite_channel(const std::string& field, const std::string& type,
                       const std::string& title = {});

// The text of a finished specification with one object for each row of the table, a line each.
std::string vega_lite_text(const Json& specification, const FigureTable& table);

}  // namespace gnomon::detail
