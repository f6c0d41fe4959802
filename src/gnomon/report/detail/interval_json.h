// SPDX-License-Identifier: Apache-2.0
// How result files write intervals.
#pragma once

#include <optional>
#include <string_view>

#include "gnomon/base/json.h"
#include "gnomon/stats/bootstrap.h"

namespace gnomon::detail {

// [low, high], or null.
inline Json interval_json(const std::optional<Interval>& interval) {
  if (!interval) return nullptr;
  return Json::array({interval->ci_low, interval->ci_high});
}

// The estimate, its interval, and why one of them is null.
inline Json bootstrap_json(const std::optional<BootstrapInterval>& bootstrap,
                           std::string_view why_none) {
  Json json;
  json["value"] = bootstrap ? number_or_null(bootstrap->estimate) : Json(nullptr);
  json["interval"] = bootstrap ? interval_json(bootstrap->interval) : Json(nullptr);
  json["n_undefined"] = bootstrap ? bootstrap->n_undefined : Index{0};
  if (!bootstrap) {
    json["why"] = why_none;
  } else if (!bootstrap->why_undefined.empty()) {
    json["why"] = bootstrap->why_undefined;
  }
  return json;
}

}  // namespace gnomon::detail
