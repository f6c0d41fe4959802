// SPDX-License-Identifier: Apache-2.0
// in: a site at which a direction is read, a position   out: the same for people
#pragma once

#include <string>
#include <string_view>

#include "gnomon/model/config.h"

namespace gnomon {

// "the stream after block 2, before any norm". For sites of the residual stream and ln2.hook_out;
// any other name comes back as it is.
std::string stream_words(std::string_view site, const ModelConfig& config);

// "at the last token", "at every token", "at token 2 from the end", "at token 5 (the first is 0)":
// of a position as sites have it, "@last", "@all", "@-2", "@5", or none, which is the last.
std::string position_words(std::string_view position);

}  // namespace gnomon
