// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/report_folder.h"

#include <fmt/format.h>

#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/detail/inside_path.h"
#include "gnomon/report/detail/run_files.h"
#include "gnomon/report/detail/run_lock.h"

namespace gnomon {

namespace fs = std::filesystem;

namespace {

// Before the lock is taken, because taking it writes into a folder that may not be a run's.
const fs::path& run_folder(const fs::path& folder) {
  open_run(folder);
  return folder;
}

}  // namespace

struct ReportFolder::State {
  explicit State(const fs::path& folder) : lock(run_folder(folder)), run(open_run(folder)) {}

  void write_manifest() const {
    write_file_atomic(run.path / detail::kManifestName, dump_json(to_json(run.manifest)));
  }

  // The listed files below report/ whose names there begin with `prefix`,.
  std::set<std::string> listed(std::string_view prefix) const {
    const std::string beginning = std::string(kReportFolder) + std::string(prefix);
    std::set<std::string> names;
    for (const auto& [name, record] : run.manifest.files) {
      if (name.starts_with(beginning)) names.insert(name);
    }
    for (const std::string& name : run.manifest.varying_files) {
      if (name.starts_with(beginning)) names.insert(name);
    }
    return names;
  }

  detail::RunLock lock;
  StoredRun run;
};

ReportFolder::ReportFolder(const fs::path& run) : state_(std::make_unique<State>(run)) {}
ReportFolder::~ReportFolder() = default;

const StoredRun& ReportFolder::run() const { return state_->run; }

void ReportFolder::replace(std::string_view prefix, std::span<const ReportFile> files) {
  RunManifest& manifest = state_->run.manifest;
  std::set<std::string> old = state_->listed(prefix);
  std::set<std::string> changing = old;
  for (const ReportFile& file : files) {
    if (!file.name.starts_with(prefix)) {
      throw InternalError(
          fmt::format("ReportFolder: \"{}\" does not begin with \"{}\"", file.name, prefix));
    }
    const std::string name = std::string(kReportFolder) + file.name;
    detail::path_inside(state_->run.path, name);  // refuses before the manifest takes note of it
    changing.insert(name);
    old.erase(name);
  }
  // Named without a hash while they change: a process that is killed here leaves nothing unlisted
  // and no hash that is not the file's.
  for (const std::string& name : changing) {
    manifest.files.erase(name);
    manifest.varying_files.insert(name);
  }
  state_->write_manifest();
  for (const ReportFile& file : files) {
    const std::string name = std::string(kReportFolder) + file.name;
    write_file_atomic(detail::path_inside(state_->run.path, name), file.content);
    if (file.varies) continue;
    manifest.varying_files.erase(name);
    manifest.files[name] = {sha256_hex(file.content), file.content.size()};
  }
  for (const std::string& name : old) {
    detail::remove_file(detail::path_inside(state_->run.path, name));
    manifest.varying_files.erase(name);
  }
  state_->write_manifest();
}

}  // namespace gnomon
