// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace gnomon::cli {

inline constexpr const char* kRunsFolder = "runs";
inline constexpr int kMostRuns = 1000;  // that one command takes

// RUN arguments, as resolve_run understands them, and --runs-dir.
struct RunOptions {
  std::vector<std::string> runs;
  std::string runs_dir = kRunsFolder;
};

void add_runs_dir_option(CLI::App& command, std::string& runs_dir);
void add_run_arguments(CLI::App& command, RunOptions& options, int fewest, int most);

}  // namespace gnomon::cli
