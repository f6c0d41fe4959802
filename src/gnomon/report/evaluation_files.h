// SPDX-License-Identifier: Apache-2.0
// in: the evaluation of a reporter   out: analysis/evaluation.json and .csv of a run directory
#pragma once

#include "gnomon/analyses/activation_drift.h"
#include "gnomon/analyses/reporter_evaluation.h"
#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"

namespace gnomon {

// docs/formats/evaluation.md; assets/schema/evaluation.schema.json without its "$schema", which
// RunDirectory adds.
Json evaluation_json(const ReporterEvaluation& evaluation);
// One line for each row of the evaluation.
CsvTable evaluation_csv(const ReporterEvaluation& evaluation);

// One line of metrics: the live activation against the start, in activation units.
Json drift_json(const ActivationDrift& drift);

}  // namespace gnomon
