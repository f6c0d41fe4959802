// SPDX-License-Identifier: Apache-2.0
// in: a sweep   out: what a terminal shows of it, at 80 columns
#pragma once

#include <string>

#include "gnomon/analyses/patch_sweep.h"
#include "gnomon/analyses/sweep_pairs.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// For each site kind a grid of effects, layers by positions or by heads, then the n_top cells with
// their intervals, then the error of the ranking where there was one. Grid numbers are normalised
// effects in percent; where these do not exist, mean effects as a share of the largest.
std::string sweep_text(const PatchSweep& sweep, const SweepPairs& pairs, Index n_top,
                       const TextStyle& style);

}  // namespace gnomon
