// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/report/detail/run_lock.h"
#include "gnomon/report/run_directory.h"

namespace gnomon {

// What a RunDirectory knows while it is open.
struct RunDirectory::State {
  struct StageTime {
    std::string name;
    double seconds = 0;
  };

  std::filesystem::path folder;
  RunManifest manifest;
  std::string config;  // config.resolved.toml
  std::string home;
  WallClock started;
  std::chrono::steady_clock::time_point steady_start = std::chrono::steady_clock::now();
  std::vector<StageTime> stage_times;
  std::unique_ptr<detail::RunLock> lock;  // nothing after the end of the run

  // What this process has done, in a run that may hold more from before.
  std::set<std::string> stages_met;
  std::set<std::string> files_written;
  bool stage_done = false;  // at least one stage was not kept
  std::optional<std::size_t> open_stage;  // with inputs; index into manifest.stages

  static std::unique_ptr<State> of(const std::filesystem::path& folder, RunSettings settings);

  double seconds() const;
  void require_open() const;
  void write_manifest() const;
  void write_timing(bool ended) const;
  void read_stage_times();

  // The path of a file that the caller may write, after the manifest has taken note of it as an
  // output of the open stage.
  std::filesystem::path place(std::string_view relative);
  void write(std::string_view relative, std::string_view content);

  StageRecord* find_stage(std::string_view name);
  StageTime& time_of(const std::string& name);
  // Removes files and forgets them. The manifest on disk must not say any longer that they are
  // valid.
  void drop_files(const std::set<std::string>& paths);
  // Makes the stage ready to be done again, and keeps what it can go on from.
  void begin(const StageSpec& spec);
  // Ends the stage as done. What it could have gone on from and does not list among its results
  // goes.
  void complete(const std::string& name);
  // Removes what earlier runs of this folder have left and this one has no use for.
  void drop_leftovers();

  void end(RunStatus status);
  void end_with_error(RunStatus status, ErrorRecord error) noexcept;
};

}  // namespace gnomon
