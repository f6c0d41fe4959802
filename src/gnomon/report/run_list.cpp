// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "gnomon/base/error.h"
#include "gnomon/report/detail/inside_path.h"
#include "gnomon/report/detail/run_files.h"
#include "gnomon/report/detail/run_lock.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

std::set<std::string> listed_files(const RunManifest& manifest) {
  std::set<std::string> names = manifest.varying_files;
  for (const auto& [name, record] : manifest.files) names.insert(name);
  for (const StageRecord& stage : manifest.stages) {
    names.insert(stage.outputs.begin(), stage.outputs.end());
    names.insert(stage.resumable.begin(), stage.resumable.end());
  }
  names.insert(std::string(detail::kTimingName));
  return names;
}

// Files and links below the folder, and its folders, deepest first. Links are not followed.
struct Content {
  std::vector<fs::path> files;
  std::vector<fs::path> folders;
};

Content content_of(const fs::path& folder) {
  Content content;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const bool is_folder = entry->symlink_status(error).type() == fs::file_type::directory;
    (is_folder ? content.folders : content.files).push_back(entry->path());
  }
  if (error) {
    throw FileError(ErrorCode::unreadable,
                    fmt::format("\"{}\" cannot be read: {}", folder.string(), error.message()));
  }
  std::sort(content.files.begin(), content.files.end());
  std::sort(content.folders.rbegin(), content.folders.rend());
  return content;
}

void remove_counted(const fs::path& path, RemovedRun& removed) {
  std::error_code error;
  const std::uint64_t bytes = fs::is_symlink(path, error) ? 0 : fs::file_size(path, error);
  const std::uint64_t counted = error ? 0 : bytes;
  if (!fs::remove(path, error) && error) {
    throw FileError(ErrorCode::write_failed,
                    fmt::format("\"{}\" cannot be removed: {}", path.string(), error.message()));
  }
  ++removed.n_files;
  removed.bytes += counted;
}

}  // namespace

std::vector<ListedRun> list_runs(const fs::path& runs_folder) {
  std::vector<ListedRun> runs;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(runs_folder, error)) {
    if (!detail::has_manifest(entry.path())) continue;
    ListedRun listed;
    listed.path = entry.path();
    listed.started = detail::start_time(entry.path());
    try {
      listed.run = open_run(entry.path());
    } catch (const Error& failure) {
      listed.problem = failure.what();
    }
    runs.push_back(std::move(listed));
  }
  std::sort(runs.begin(), runs.end(), [](const ListedRun& a, const ListedRun& b) {
    return a.started != b.started ? a.started > b.started : a.path > b.path;
  });
  return runs;
}

std::string_view run_state(const StoredRun& run) {
  const bool killed = run.manifest.status == RunStatus::running && !run.being_written;
  return killed ? "stale" : to_string(run.manifest.status);
}

RemovedRun remove_run(const StoredRun& run) {
  const detail::RunLock lock(run.path);
  const std::set<std::string> listed = listed_files(run.manifest);
  const fs::path manifest = run.path / detail::kManifestName;
  const fs::path lock_file = run.path / detail::kRunLockName;
  RemovedRun removed;
  const Content content = content_of(run.path);
  for (const fs::path& file : content.files) {
    if (file == manifest || file == lock_file) continue;
    const std::string name = file.lexically_relative(run.path).generic_string();
    if (listed.contains(name) || detail::is_temporary(file)) {
      remove_counted(file, removed);
    } else {
      removed.kept.push_back(name);
    }
  }
  std::error_code ignored;
  for (const fs::path& folder : content.folders) fs::remove(folder, ignored);  // only empty ones go
  // The last one, so that a removal that was interrupted can be done again.
  remove_counted(manifest, removed);
  if (removed.kept.empty()) {
    fs::remove(lock_file, ignored);
    fs::remove(run.path, ignored);
  }
  return removed;
}

}  // namespace gnomon
