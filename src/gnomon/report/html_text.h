// SPDX-License-Identifier: Apache-2.0
// in: texts and values, which nobody vouches for   out: the same where HTML cannot misread them
#pragma once

#include <string>
#include <string_view>

#include "gnomon/base/json.h"

namespace gnomon {

// The text of an element or of a quoted attribute: & < > " ' become references. Bytes that are not
// UTF-8 and characters that control the order of the text become \xNN (visible_text).
std::string html_text(std::string_view text);

// The content of <script type="application/json">, without spaces. "<", ">", "&" and the two
// separators that end a line in JavaScript are \u escapes, so that neither "</script>" nor "<!--"
// can stand in it. Throws InternalError for NaN and infinities and for strings that are not UTF-8.
std::string html_json(const Json& value);

}  // namespace gnomon
