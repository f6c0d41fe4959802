// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gnomon {

// The candidate with the smallest edit distance (insertions, deletions, substitutions, swaps of
// neighbours) to `name`, or nothing where even the nearest differs in more than a third of its
// length.
std::optional<std::string> nearest_name(std::string_view name,
                                        std::span<const std::string> candidates);

}  // namespace gnomon
