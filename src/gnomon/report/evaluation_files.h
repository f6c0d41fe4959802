// SPDX-License-Identifier: Apache-2.0
// in: the evaluation of a reporter   out: analysis/evaluation.json and .csv of a run directory
#pragma once

#include <string_view>

#include "gnomon/analyses/activation_drift.h"
#include "gnomon/analyses/reporter_evaluation.h"
#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"

namespace gnomon {

// docs/formats/evaluation.md; assets/schema/evaluation.schema.json without its "$schema", which
// RunDirectory adds.
Json evaluation_json(const ReporterEvaluation& evaluation);
// What evaluation_json wrote; of intervals, the counts of rows and resamples are not stored. Throws
// FileError where `json` is not an evaluation.
ReporterEvaluation evaluation_from_json(const Json& json, std::string_view origin);
// One line for each row of the evaluation.
CsvTable evaluation_csv(const ReporterEvaluation& evaluation);

// One line of metrics: the live activation against the start, in activation units.
Json drift_json(const ActivationDrift& drift);
// `level` is that of the intervals, which is not stored. Throws FileError.
ActivationDrift drift_from_json(const Json& json, double level, std::string_view origin);

}  // namespace gnomon
