// SPDX-License-Identifier: Apache-2.0
// in: files made from the results of a run   out: the same below report/ in its folder, named in
// its run.json, docs/formats/run_directory.md
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "gnomon/report/run_directory.h"

namespace gnomon {

inline constexpr std::string_view kReportFolder = "report/";

struct ReportFile {
  std::string name;  // below report/: "report.html", "figures/ladder.svg"
  std::string content;
  bool varies = false;  // differs from run to run of the same command, and so has no hash
};

// The writer of the folder report/ of a run that has ended, whatever its end. While it lives, no
// other process writes the run. Results, stages, configuration and times of the run stay as they
// are: only entries of files below report/ in run.json change. At every moment run.json names what
// lies below report/, and no hash in it is of a file that is about to change.
//
// `gnomon run` on the same folder keeps the report where it keeps every stage, and else removes it.
class ReportFolder {
 public:
  // Throws as open_run does, and ArgumentError where a process is writing the run.
  explicit ReportFolder(const std::filesystem::path& run);
  ~ReportFolder();
  ReportFolder(const ReportFolder&) = delete;
  ReportFolder& operator=(const ReportFolder&) = delete;

  const StoredRun& run() const;

  // Writes `files`. Files that the run lists, whose names below report/ begin with `prefix` and
  // that are not among `files` are those of an earlier report and go; a file that the run does not
  // list stays. Throws InternalError for a file whose name does not begin with `prefix`, and
  // FileError (write_failed) or for a name that leads out of the run.
  void replace(std::string_view prefix, std::span<const ReportFile> files);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gnomon
