// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace gnomon {

// What a correlation or cosine reaches where there is nothing: its absolute value among those of
// directions that have nothing to do with the target.
struct NullBand {
  std::string name;       // "random directions", "other neurons"
  double abs_upper = 0;   // 97.5 % of their absolute values lie below
  double percentile = 0;  // of the shown absolute value among them, 0 to 100
  std::int64_t n = 0;
};

}  // namespace gnomon
