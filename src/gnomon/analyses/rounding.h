// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>
#include <string_view>

#include "gnomon/tensor/view.h"

namespace gnomon {

// The scalar of the forward pass. Analyses compute in double whatever it is.
enum class Precision { float32, float64 };

inline std::string_view precision_name(Precision precision) {
  return precision == Precision::float32 ? "float32" : "float64";
}

// Largest relative error of one rounding.
inline double unit_roundoff(Precision precision) {
  return precision == Precision::float32
             ? static_cast<double>(std::numeric_limits<float>::epsilon()) / 2
             : std::numeric_limits<double>::epsilon() / 2;
}

// Bound on the error of a sum of n products whose magnitudes add up to `magnitude`: 8 sqrt(n) u
// magnitude, which is exceeded with probability below 2 exp(-32). Higham and Mary 2019, SIAM J.
// Sci. Comput. 41, theorem 2.4.
inline double sum_rounding_bound(Index n, double magnitude, Precision precision) {
  return 8 * std::sqrt(static_cast<double>(n)) * unit_roundoff(precision) * magnitude;
}

}  // namespace gnomon
