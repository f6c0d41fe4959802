// SPDX-License-Identifier: Apache-2.0
// in: a site at which a direction is read   out: the same for people, with its place and norm
#pragma once

#include <string>
#include <string_view>

#include "gnomon/model/config.h"

namespace gnomon {

// "the stream after block 2, before any norm". For sites of the residual stream and ln2.hook_out;
// any other name comes back as it is.
std::string stream_words(std::string_view site, const ModelConfig& config);

}  // namespace gnomon
