// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

namespace gnomon::cli {

void add_runs_dir_option(CLI::App& command, std::string& runs_dir) {
  command.add_option("--runs-dir", runs_dir, "The folder of runs")
      ->type_name("DIR")
      ->capture_default_str();
}

void add_run_arguments(CLI::App& command, RunOptions& options, int fewest, int most) {
  command
      .add_option("run", options.runs, "A run directory, the beginning of its name or id, or @last")
      ->type_name(most == 1 ? "RUN" : "RUN...")
      ->required()
      ->expected(fewest, most);
  add_runs_dir_option(command, options.runs_dir);
}

}  // namespace gnomon::cli
