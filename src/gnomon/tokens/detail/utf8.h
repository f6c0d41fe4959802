// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gnomon::detail {

// Where the code point that ends at `end` of a well-formed text starts; end > 0.
std::size_t utf8_previous(std::string_view text, std::size_t end);

void append_utf8(std::string& text, char32_t code_point);

}  // namespace gnomon::detail
