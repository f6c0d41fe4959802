// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gnomon/analyses/original_audit.h"

namespace gnomon::detail {

// What remains of the claims that the original study made from a run of this kind. `audit` has all
// figures.
std::vector<OriginalConclusion> original_conclusions(const OriginalRun& run,
                                                     const OriginalAudit& audit);

}  // namespace gnomon::detail
