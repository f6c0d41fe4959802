// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/json_nesting.h"

#include <fmt/format.h>

#include "gnomon/base/error.h"

namespace gnomon {

void check_json_nesting(std::string_view text, std::string_view origin) {
  constexpr int kMostLevels = 64;
  int level = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++level > kMostLevels)
        throw FileError(
            fmt::format("\"{}\": JSON nests deeper than {} levels", origin, kMostLevels));
    } else if (c == '}' || c == ']') {
      --level;
    }
  }
}

}  // namespace gnomon
