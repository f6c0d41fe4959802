// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace gnomon {

// Gnomon's own kernels use no vector instructions beyond these from now on, as on a machine that has
// no others: "baseline" (what the compiler was told to assume), "avx2" or "avx512". A BLAS chooses
// for itself. Throws ArgumentError for another name.
void limit_instructions(std::string_view name);

}  // namespace gnomon
