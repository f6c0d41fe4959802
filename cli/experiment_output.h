// SPDX-License-Identifier: Apache-2.0
// in: what an experiment found   out: tables on the terminal, console.log
#pragma once

#include <limits>

#include "cli/context.h"
#include "cli/experiment_run.h"

namespace gnomon::cli {

// Shows the scores, the first `n_ladder` ladders and the checks, or summary.json where JSON is
// asked for, and writes console.log. Throws CheckError for the first check that failed.
void show_experiment(const Context& context, const ExperimentOutcome& outcome,
                     std::size_t n_ladder = std::numeric_limits<std::size_t>::max());

}  // namespace gnomon::cli
