// SPDX-License-Identifier: Apache-2.0
// in: the results of a study   out: what a terminal shows of them, at 80 columns
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "gnomon/analyses/audit_ladder.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/projections.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// The directions against the activation, with what each is below the table. `title` says what
// stands against what.
std::string directions_text(const ProjectionAnalysis& analysis, std::string_view title,
                            const TextStyle& style);
std::string baselines_text(const ProjectionAnalysis& analysis, const TextStyle& style);
std::string cosines_text(const ProjectionAnalysis& analysis, const TextStyle& style);
// One ladder: a rung a line, and whether it ends at the activation.
std::string ladder_text(const Ladder& ladder, const TextStyle& style);
// "Checks: 24 passed, 0 failed", and a line for each that did not pass.
std::string checks_text(std::span<const CheckResult> checks, const TextStyle& style);

}  // namespace gnomon
