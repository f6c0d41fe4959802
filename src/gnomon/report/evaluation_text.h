// SPDX-License-Identifier: Apache-2.0
// in: the evaluation of a reporter   out: what a terminal shows of it, at 80 columns
#pragma once

#include <string>

#include "gnomon/analyses/activation_drift.h"
#include "gnomon/analyses/reporter_evaluation.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// The reporter, the floors, ceilings and controls, and below the table the gain over the best
// floor, the share of the ceiling, calibration and selectivity.
std::string evaluation_text(const ReporterEvaluation& evaluation, const TextStyle& style);

// Three lines: where the live activation is and how far it has gone, and the verdict with its rule.
std::string drift_text(const ActivationDrift& drift, const TextStyle& style);

}  // namespace gnomon
