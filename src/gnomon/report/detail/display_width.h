// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gnomon::detail {

// Columns that a terminal gives the character: 0 for a mark on the one before, 2 for East Asian
// wide ones, else 1. Not wcwidth, which depends on the process's locale.
int display_width(char32_t code);

}  // namespace gnomon::detail
