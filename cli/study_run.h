// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/study_options.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/original_definitions.h"
#include "gnomon/analyses/projections.h"

namespace gnomon::cli {

// Everything one study found, and the run directory that holds it.
struct StudyOutcome {
  StudyData data;
  ProjectionAnalysis analysis;
  std::vector<Ladder> ladders;
  std::vector<OriginalDirection> original;  // only where asked for
  std::vector<CheckResult> checks;
  std::filesystem::path run;
  std::string messages;  // what was said on the way, for console.log
};

// Reads, measures, analyses and checks, stage by stage into a run directory. Every number of the
// run is written before a failed check ends it, so that the failure can be looked into; run.json
// then says "failed".
StudyOutcome run_study(const Context& context, const StudyOptions& options,
                       const std::string& command);

// Writes console.log: the messages on the way, and `shown`, the tables as a terminal has them.
void write_console_log(const StudyOutcome& outcome, const std::string& shown);

}  // namespace gnomon::cli
