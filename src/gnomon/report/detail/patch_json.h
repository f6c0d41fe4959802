// SPDX-License-Identifier: Apache-2.0
// How result files write what a report does under patches.
#pragma once

#include "gnomon/analyses/dose_response.h"
#include "gnomon/report/detail/interval_json.h"

namespace gnomon::detail {

inline void add_necessity(Json& json, const Necessity& necessity) {
  json["clean_slope"] = bootstrap_json(necessity.clean_slope, "");
  json["ablated_slope"] = bootstrap_json(necessity.ablated_slope, "");
  json["carried"] = bootstrap_json(necessity.carried, "");
  json["clean_r"] = number_or_null(necessity.clean_r);
  json["ablated_r"] = number_or_null(necessity.ablated_r);
  json["mean_change"] = necessity.mean_change;
  json["largest_change"] = necessity.largest_change;
}

inline Json sufficiency_json(const Sufficiency& swap) {
  Json json = {{"n_pairs", swap.n_pair},
               {"slope", number_or_null(swap.slope)},
               {"r", number_or_null(swap.r)},
               {"p", swap.p_value},
               {"n_shuffles", swap.n_shuffle},
               {"null_r", Json::array({swap.null_r_low, swap.null_r_high})},
               {"null_slope", Json::array({swap.null_slope_low, swap.null_slope_high})}};
  if (!swap.why.empty()) json["why"] = swap.why;
  return json;
}

}  // namespace gnomon::detail
