// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "gnomon/tokens/detail/rewritten_text.h"

namespace gnomon::detail {

// The form C of `text`, which is well-formed UTF-8, stretch by stretch; nothing where it is in that
// form already. Unicode's normalization form C (UAX #15) is that of Unicode 9, as in Hugging Face
// tokenizers.
std::optional<RewrittenText> compose(std::string_view text);

}  // namespace gnomon::detail
