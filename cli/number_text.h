// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace gnomon::cli {

std::string grouped_number(std::int64_t value);  // "134,515,008"
std::string size_text(std::uint64_t bytes);      // "98.4 MB", powers of 1000

}  // namespace gnomon::cli
