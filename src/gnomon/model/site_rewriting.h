// SPDX-License-Identifier: Apache-2.0
// in: a model, steps of weight processing and a site   out: what the steps make of the site's rows
#pragma once

#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/model/weight_processing.h"

namespace gnomon {

// processed = (raw - shift) / scale, number by number of a row; or, where `centred`, raw less its
// mean, and then there is neither shift nor scale. Identities R1, R2, I6 and I7 of
// docs/methods/weight_processing.md.
struct SiteRewriting {
  std::vector<double> shift;  // empty: 0
  std::vector<double> scale;  // empty: 1
  bool centred = false;

  bool changes_nothing() const { return shift.empty() && scale.empty() && !centred; }
};

// `raw` has its weights as stored. Without a coordinate. Throws ArgumentError for a site that the
// model does not have, UnsupportedError for those with a stream for each head: their rewriting is
// none of that kind.
SiteRewriting site_rewriting(const Model& raw, const WeightProcessing& processing,
                             const Site& site);

}  // namespace gnomon
