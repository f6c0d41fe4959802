// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

#include "gnomon/base/json.h"

namespace gnomon::detail {

// JSON as Python's json.dump writes it, which is not always JSON: NaN, Infinity and -Infinity stand
// where a number is not finite.
struct PythonJson {
  Json value;  // null in the place of such a number
  std::size_t n_not_finite = 0;
  std::size_t first_not_finite = 0;  // byte; of meaning where there is one
};

// Throws FileError as parse_json does.
PythonJson parse_python_json(std::string_view text, std::string_view origin);

}  // namespace gnomon::detail
