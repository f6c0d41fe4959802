// SPDX-License-Identifier: Apache-2.0
#include "cli/experiment_options.h"

#include "cli/terminal.h"

namespace gnomon::cli {

void add_experiment_options(CLI::App& command, ExperimentOptions& options) {
  command
      .add_option("--config", options.file,
                  "The configuration: TOML, or JSON where the name ends in .json")
      ->type_name("FILE");
  // One value an occurrence: CLI11 would otherwise take the words that follow too.
  command
      .add_option("--set", options.set,
                  "A setting in place of the file's, as often as needed: KEY=VALUE, the value as "
                  "in TOML or a bare word")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
}

ExperimentSources experiment_sources(const Context& context, const ExperimentOptions& options) {
  ExperimentSources sources;
  sources.file = options.file;
  sources.set = options.set;
  sources.home = environment_variable("HOME");
  if (context.options.seed != 0) {
    sources.options.push_back({"seed", context.options.seed, "--seed", "--seed", ""});
  }
  return sources;
}

}  // namespace gnomon::cli
