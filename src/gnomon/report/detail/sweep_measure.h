// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gnomon/base/json.h"

namespace gnomon::detail {

inline bool is_normalised(const Json& sweep) { return !sweep.contains("why_not_normalised"); }

// The key of a cell's number that cells are compared by: the share of the difference where the
// sweep has one, else the mean effect.
inline const char* sweep_measure(const Json& sweep) {
  return is_normalised(sweep) ? "normalised" : "effect";
}

}  // namespace gnomon::detail
