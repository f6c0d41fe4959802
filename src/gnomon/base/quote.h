// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace gnomon {

// `text` from an untrusted source in double quotes, safe to show in a message: bytes outside
// printable ASCII become \xNN, and what follows the first `longest` bytes becomes "...".
std::string quote(std::string_view text, std::size_t longest = 100);

}  // namespace gnomon
