// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace gnomon {

// What stands for `c` in HTML and XML, in text and in attribute values of either quote; empty where
// it stands for itself.
constexpr std::string_view markup_entity(char32_t c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

}  // namespace gnomon
