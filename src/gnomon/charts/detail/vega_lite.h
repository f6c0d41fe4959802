// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gnomon/base/json.h"
#include "gnomon/charts/figure.h"

namespace gnomon::detail {

// {"$schema", "title", "description", "data": {"values": [one object for each row of the table]}};
// the chart adds mark and encoding, or layers. Fields that Vega would take for paths (with ".", "["
// or "\") are for the chart to avoid as column names.
Json vega_lite_of(const Figure& figure);
// The same without data.
Json vega_lite_head(const Figure& figure);

// {"field": field, "type": type, "title": title}
Json vega_lite_channel(const std::string& field, const std::string& type,
                       const std::string& title = {});

// The text of a finished specification, one line and a line end.
std::string vega_lite_text(const Json& specification);

}  // namespace gnomon::detail
