// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <span>
#include <string_view>

#include "gnomon/base/error.h"

namespace gnomon::detail {

// A file that the build put into the library: gnomon_embed_texts of cmake/modules.cmake.
struct EmbeddedText {
  std::string_view name;
  std::string_view content;
};

// Throws InternalError where there is no such file.
inline std::string_view embedded_text(std::span<const EmbeddedText> texts, std::string_view name) {
  for (const EmbeddedText& text : texts) {
    if (text.name == name) return text.content;
  }
  throw InternalError(fmt::format("no embedded file \"{}\"", name));
}

}  // namespace gnomon::detail
