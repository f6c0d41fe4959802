// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/experiment_config.h"

namespace gnomon::cli {

// --config and --set, of every command that runs an experiment.
struct ExperimentOptions {
  std::string file;
  std::vector<std::string> set;
};

void add_experiment_options(CLI::App& command, ExperimentOptions& options);

// What resolve_experiment reads: the file, --set, and --seed where it is not 0.
ExperimentSources experiment_sources(const Context& context, const ExperimentOptions& options);

}  // namespace gnomon::cli
