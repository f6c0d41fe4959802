// SPDX-License-Identifier: Apache-2.0
// in: a step of the audit ladder   out: what the operation does, in words
#pragma once

#include <string>
#include <string_view>

namespace gnomon {

// "adding what attention writes in this block" for "+ attention". A name that is no step of a
// ladder comes back as it is.
std::string ladder_step_words(std::string_view step);

// A sentence or two about the operation itself; empty where there is nothing to add.
std::string_view ladder_step_meaning(std::string_view step);

}  // namespace gnomon
