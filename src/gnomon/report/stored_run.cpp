// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <system_error>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/report/detail/inside_path.h"
#include "gnomon/report/detail/run_files.h"
#include "gnomon/report/detail/run_lock.h"
#include "gnomon/report/run_directory.h"

namespace gnomon {

namespace fs = std::filesystem;
using detail::has_manifest;
using detail::kConfigName;
using detail::kLargestManifest;
using detail::kManifestName;
using detail::kTimingName;
using detail::path_inside;

fs::path StoredRun::file(std::string_view relative) const {
  const std::string name(relative);
  if (!manifest.files.contains(name) && !manifest.varying_files.contains(name)) {
    throw FileError(ErrorCode::not_found,
                    fmt::format("\"{}\" has no file \"{}\"", path.string(), relative));
  }
  return path_inside(path, relative);
}

namespace {

std::string read_listed(const StoredRun& run, std::string_view relative) {
  const fs::path path = run.file(relative);
  std::string text = read_text_file(path);
  const auto listed = run.manifest.files.find(std::string(relative));
  if (listed != run.manifest.files.end() && sha256_hex(text) != listed->second.sha256) {
    throw FileError(
        fmt::format("\"{}\" was changed after the run: its SHA-256 is not the one in run.json",
                    path.string()),
        "run the command again to have the file as it was");
  }
  return text;
}

std::string id_of(const fs::path& folder) {
  try {
    return open_run(folder).manifest.id;
  } catch (const FileError&) {
    return {};
  }
}

std::vector<fs::path> folders_with_manifest(const fs::path& runs_folder) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(runs_folder, error)) {
    if (has_manifest(entry.path())) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

fs::path last_run(std::span<const fs::path> folders, const fs::path& runs_folder) {
  fs::path last;
  std::string latest;
  for (const fs::path& folder : folders) {
    std::string started = detail::start_time(folder);
    if (started.empty() || started < latest) continue;
    latest = std::move(started);
    last = folder;
  }
  if (last.empty()) {
    throw FileError(ErrorCode::not_found, fmt::format("\"{}\" holds no run", runs_folder.string()),
                    "name a run by its path, or point --runs-dir at the folder of your runs");
  }
  return last;
}

}  // namespace

Json StoredRun::read_json(std::string_view relative) const {
  return parse_json(read_listed(*this, relative), (path / relative).string());
}

std::vector<ConfigEntry> StoredRun::read_configuration() const {
  return parse_resolved_config(read_listed(*this, kConfigName), (path / kConfigName).string());
}

StoredRun open_run(const fs::path& folder) {
  const fs::path file = folder / kManifestName;
  if (!has_manifest(folder)) {
    throw FileError(ErrorCode::not_found, fmt::format("\"{}\" is not a run: it has no {}",
                                                      folder.string(), kManifestName));
  }
  const Json json = parse_json(read_text_file(file, kLargestManifest), file.string());
  return {folder, manifest_from_json(json, file.string()), detail::is_run_locked(folder)};
}

fs::path resolve_run(std::string_view run, const fs::path& runs_folder) {
  if (!run.empty() && has_manifest(fs::path(run))) return fs::path(run);
  const std::vector<fs::path> folders = folders_with_manifest(runs_folder);
  if (run == "@last") return last_run(folders, runs_folder);
  std::vector<std::string> names;
  std::vector<fs::path> found;
  for (const fs::path& folder : folders) {
    names.push_back(folder.filename().string());
    if (names.back() == run) return folder;
    const bool begins = names.back().starts_with(run) || id_of(folder).starts_with(run);
    if (begins && !run.empty()) found.push_back(folder);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    const auto nearest = nearest_name(run, names);
    throw FileError(
        ErrorCode::not_found,
        fmt::format("no run \"{}\", neither as a path nor in \"{}\"", run, runs_folder.string()),
        nearest ? fmt::format("did you mean \"{}\"?", *nearest) : "");
  }
  throw ArgumentError(
      fmt::format("\"{}\" is the beginning of {} runs in \"{}\", expected that of one", run,
                  found.size(), runs_folder.string()),
      fmt::format("write more of the name, such as \"{}\"", found.front().filename().string()));
}

}  // namespace gnomon
