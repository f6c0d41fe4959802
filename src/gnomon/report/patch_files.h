// SPDX-License-Identifier: Apache-2.0
// in: a study of patches   out: analysis/patch.json and patch.csv, docs/formats/patch.md
#pragma once

#include "gnomon/analyses/patch_study.h"
#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"

namespace gnomon {

Json patch_json(const PatchStudy& study);

// One row for each row of the data and dose.
CsvTable patch_csv(const PatchStudy& study, const ReporterData& data);

}  // namespace gnomon
