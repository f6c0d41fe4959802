// SPDX-License-Identifier: Apache-2.0
// in: a folder of runs   out: what is in it
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/report/run_directory.h"

namespace gnomon {

// A folder with a run.json.
struct ListedRun {
  std::filesystem::path path;
  std::optional<StoredRun> run;  // nothing where run.json cannot be read
  std::string problem;           // why it cannot
  std::string started;           // "2026-11-22T10:58:03Z"; empty where timing.json does not say
};

// All runs of the folder, the one that started last first. Empty where there is no such folder.
std::vector<ListedRun> list_runs(const std::filesystem::path& runs_folder);

// "running", "done", "failed", "interrupted", or "stale" where run.json says "running" and no
// process writes it any more: its writer was killed.
std::string_view run_state(const StoredRun& run);

struct RemovedRun {
  std::uint64_t n_files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> kept;  // what the run does not list and so stays, sorted
};

// Removes the files that the run lists, its own files and what killed writes left, then the folders
// that are empty, and the run's folder where nothing is left. Links are removed and not followed.
// Throws ArgumentError where a process is writing the run, and FileError (write_failed).
RemovedRun remove_run(const StoredRun& run);

}  // namespace gnomon
