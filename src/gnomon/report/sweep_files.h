// SPDX-License-Identifier: Apache-2.0
// in: a sweep   out: analysis/sweep.json, sweep.csv and sweep_pairs.csv, docs/formats/sweep.md
#pragma once

#include "gnomon/analyses/patch_sweep.h"
#include "gnomon/analyses/sweep_pairs.h"
#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"

namespace gnomon {

Json sweep_json(const PatchSweep& sweep, const SweepPairs& pairs);

// One row for each cell, in the order of the sweep.
CsvTable sweep_csv(const PatchSweep& sweep);

// One row for each pair.
CsvTable sweep_pairs_csv(const PatchSweep& sweep, const SweepPairs& pairs);

}  // namespace gnomon
