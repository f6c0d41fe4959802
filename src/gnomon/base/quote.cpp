// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/quote.h"

#include <fmt/format.h>

#include <iterator>

namespace gnomon {

std::string quote(std::string_view text, std::size_t longest) {
  std::string shown = "\"";
  for (const char c : text.substr(0, longest)) {
    if (c >= ' ' && c <= '~') {
      shown += c;
    } else {
      fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (text.size() > longest) shown += "...";
  return shown + "\"";
}

}  // namespace gnomon
