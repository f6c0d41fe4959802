// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/report/detail/inside_path.h"
#include "gnomon/report/detail/run_lock.h"
#include "gnomon/report/home_path.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using detail::path_inside;

constexpr std::string_view kManifestName = "run.json";
constexpr std::string_view kTimingName = "timing.json";
constexpr std::string_view kConfigName = "config.resolved.toml";
constexpr std::size_t kLargestManifest = std::size_t{1} << 20;  // bytes

struct SchemaRow {
  std::string_view path;
  std::string_view id;
};

// The objects that have a schema in assets/schema. checks.json has one too, but is a list.
constexpr std::array kSchemas = {
    SchemaRow{"analysis/projections.json", "urn:gnomon:schema:projections:1"},
    SchemaRow{"analysis/correlation.json", "urn:gnomon:schema:correlation:1"},
    SchemaRow{"analysis/audit.json", "urn:gnomon:schema:audit:1"},
    SchemaRow{"analysis/evaluation.json", "urn:gnomon:schema:evaluation:1"},
};

Json with_schema(std::string_view relative, Json value) {
  const auto row = std::find_if(kSchemas.begin(), kSchemas.end(),
                                [&](const SchemaRow& r) { return r.path == relative; });
  if (row == kSchemas.end() || !value.is_object() || value.contains("$schema")) return value;
  Json named;
  named["$schema"] = row->id;
  for (auto& [key, child] : value.items()) named[key] = std::move(child);
  return named;
}

// The temporary names of write_file_atomic.
bool is_temporary(const fs::path& path) {
  constexpr std::string_view kMark = ".tmp-";
  constexpr std::size_t kRandom = 6;
  const std::string name = path.filename().string();
  if (name.size() <= kMark.size() + kRandom) return false;
  const std::string_view end = std::string_view(name).substr(name.size() - kMark.size() - kRandom);
  return end.starts_with(kMark) && std::all_of(end.end() - kRandom, end.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
         });
}

bool has_manifest(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / kManifestName, ignored);
}

// A folder in which a run may begin: what a writer leaves that was killed before its first file is
// there.
bool is_vacant(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) {
    throw FileError(ErrorCode::unreadable,
                    fmt::format("\"{}\" cannot be read: {}", folder.string(), error.message()));
  }
  return std::all_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
    return entry.path().filename() == detail::kRunLockName || is_temporary(entry.path());
  });
}

constexpr std::string_view kOtherFolderHint =
    "choose another folder with --out, or remove this one if it is not needed";

// Nothing where the folder is vacant; else the run there, which may be done again.
std::optional<StoredRun> unfinished_run(const fs::path& folder,
                                        std::string_view configuration_sha256) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    throw ArgumentError(
        fmt::format("\"{}\" is a file, expected a folder for the run", folder.string()),
        std::string(kOtherFolderHint));
  }
  if (!has_manifest(folder)) {
    if (is_vacant(folder)) return std::nullopt;
    throw ArgumentError(
        fmt::format("\"{}\" is not empty and not a run, expected a new folder", folder.string()),
        std::string(kOtherFolderHint));
  }
  StoredRun run = open_run(folder);
  if (run.manifest.status == RunStatus::done) {
    throw ArgumentError(
        fmt::format("\"{}\" already holds a finished run, expected a new folder", folder.string()),
        std::string(kOtherFolderHint));
  }
  if (run.manifest.configuration_sha256 != configuration_sha256) {
    throw ArgumentError(fmt::format("\"{}\" holds an unfinished run of another configuration, "
                                    "expected a new folder or the same configuration",
                                    folder.string()),
                        std::string(kOtherFolderHint));
  }
  return run;
}

void remove_file(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return;
  fs::remove(path, error);
  if (error) {
    throw FileError(ErrorCode::write_failed,
                    fmt::format("\"{}\" cannot be removed: {}", path.string(), error.message()));
  }
}

// Only what the run lists and what a killed write left: a user's own notes stay.
void remove_files(const StoredRun& run) {
  for (const auto& [relative, file] : run.manifest.files)
    remove_file(path_inside(run.path, relative));
  for (const std::string& relative : run.manifest.varying_files) {
    remove_file(path_inside(run.path, relative));
  }
  std::vector<fs::path> temporary;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(run.path, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const bool regular = entry->symlink_status(error).type() == fs::file_type::regular;
    if (regular && is_temporary(entry->path())) temporary.push_back(entry->path());
  }
  for (const fs::path& path : temporary) remove_file(path);
}

void make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw FileError(ErrorCode::write_failed,
                    fmt::format("\"{}\" cannot be made: {}", folder.string(), error.message()),
                    "choose a folder that you may write to");
  }
}

std::vector<ConfigEntry> without_home(std::vector<ConfigEntry> entries, std::string_view home) {
  for (ConfigEntry& entry : entries) {
    entry.origin = without_home_path(entry.origin, home);
    if (auto* text = std::get_if<std::string>(&entry.value)) *text = without_home_path(*text, home);
    if (auto* texts = std::get_if<std::vector<std::string>>(&entry.value)) {
      for (std::string& text : *texts) text = without_home_path(text, home);
    }
  }
  return entries;
}

struct StageTime {
  std::string name;
  double seconds = 0;
};

}  // namespace

struct RunDirectory::State {
  fs::path folder;
  RunManifest manifest;
  std::string home;
  WallClock started;
  std::chrono::steady_clock::time_point steady_start = std::chrono::steady_clock::now();
  std::vector<StageTime> stage_times;
  std::unique_ptr<detail::RunLock> lock;  // nothing after the end of the run

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - steady_start).count();
  }

  void require_open() const {
    if (lock == nullptr) throw InternalError("RunDirectory: written to after the end of the run");
  }

  void write_manifest() const {
    write_file_atomic(folder / kManifestName, dump_json(to_json(manifest)));
  }

  void write_timing(bool ended) const {
    Json json;
    json["$schema"] = "urn:gnomon:schema:timing:1";
    json["started"] = utc_time(started);
    json["ended"] = nullptr;
    json["seconds"] = nullptr;
    if (ended) {
      const auto elapsed = std::chrono::duration<double>(seconds());
      json["ended"] = utc_time(started + std::chrono::duration_cast<WallClock::duration>(elapsed));
      json["seconds"] = elapsed.count();
    }
    json["stages"] = Json::array();
    for (const StageTime& stage : stage_times) {
      json["stages"].push_back({{"name", stage.name}, {"seconds", stage.seconds}});
    }
    write_file_atomic(folder / kTimingName, dump_json(json));
  }

  fs::path place(std::string_view relative) const {
    require_open();
    if (relative == kManifestName || relative == kTimingName || relative == detail::kRunLockName) {
      throw InternalError(fmt::format("RunDirectory: \"{}\" is its own file", relative));
    }
    return path_inside(folder, relative);
  }

  void write(std::string_view relative, std::string_view content) {
    write_file_atomic(place(relative), content);
    manifest.files[std::string(relative)] = {sha256_hex(content), content.size()};
  }

  void end(RunStatus status) {
    manifest.status = status;
    for (StageRecord& stage : manifest.stages) {
      if (stage.status == RunStatus::running) stage.status = status;
    }
    write_timing(true);
    write_manifest();
    lock.reset();
  }

  void end_with_error(RunStatus status, ErrorRecord error) noexcept {
    if (lock == nullptr) return;
    try {
      error.message = without_home_path(error.message, home);
      error.hint = without_home_path(error.hint, home);
      manifest.error = std::move(error);
      end(status);
    } catch (const std::exception&) {
      // The folder cannot be written (a full disk): run.json still says "running", and without its
      // lock that reads as stopped.
      lock.reset();
    }
  }
};

RunDirectory::RunDirectory(std::unique_ptr<State> state) : state_(std::move(state)) {}

RunDirectory::~RunDirectory() {
  if (state_ == nullptr || state_->lock == nullptr) return;
  const InternalError error("the run stopped before its end without saying why");
  state_->end_with_error(RunStatus::failed, error_record(error));
}

RunDirectory RunDirectory::create(const fs::path& folder, RunSettings settings) {
  const std::string config =
      resolved_config_toml(without_home(settings.configuration, settings.home));
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->home = settings.home;
  state->started = settings.started;
  state->manifest = std::move(settings.manifest);
  state->manifest.status = RunStatus::running;
  state->manifest.argv = recorded_argv(state->manifest.argv, settings.home);
  state->manifest.configuration_sha256 = sha256_hex(config);
  state->manifest.id = run_id(settings.id_words, state->manifest.configuration_sha256);
  state->manifest.varying_files.insert(std::string(kTimingName));

  std::error_code ignored;
  const bool is_new = !fs::exists(folder, ignored);
  // Before the lock is taken, because taking it writes into a folder that may not be a run's.
  if (!is_new) unfinished_run(folder, state->manifest.configuration_sha256);
  make_folders(folder);
  bool was_vacant = false;
  try {
    state->lock = std::make_unique<detail::RunLock>(folder);
    const auto earlier = unfinished_run(folder, state->manifest.configuration_sha256);
    was_vacant = !earlier;
    // The manifest comes first, so that no reader takes the old files for a result; it still lists
    // them, so that they go even if this process is killed while it removes them.
    const RunManifest fresh = state->manifest;
    if (earlier) {
      state->manifest.files = earlier->manifest.files;
      state->manifest.varying_files.insert(earlier->manifest.varying_files.begin(),
                                           earlier->manifest.varying_files.end());
    }
    state->write_manifest();
    if (earlier) remove_files(*earlier);
    state->manifest = fresh;
    state->write_timing(false);
    state->write(kConfigName, config);
    state->write_manifest();
  } catch (...) {
    if (was_vacant) {
      for (const auto name : {kManifestName, kTimingName, kConfigName})
        fs::remove(folder / name, ignored);
    }
    state->lock.reset();
    if (is_new) fs::remove(folder, ignored);  // only an empty folder can go
    throw;
  }
  return RunDirectory(std::move(state));
}

RunDirectory RunDirectory::create_in(const fs::path& runs_folder, RunSettings settings) {
  make_folders(runs_folder);
  const std::string config =
      resolved_config_toml(without_home(settings.configuration, settings.home));
  const std::string name =
      run_folder_name(settings.started, run_id(settings.id_words, sha256_hex(config)));
  fs::path folder = runs_folder / name;
  std::error_code error;
  for (int n = 2; !fs::create_directory(folder, error); ++n) {
    if (error) {
      throw FileError(ErrorCode::write_failed,
                      fmt::format("\"{}\" cannot be made: {}", folder.string(), error.message()));
    }
    folder = runs_folder / fmt::format("{}-{}", name, n);
  }
  try {
    return create(folder, std::move(settings));
  } catch (...) {
    fs::remove(folder, error);
    throw;
  }
}

const fs::path& RunDirectory::path() const { return state_->folder; }
const RunManifest& RunDirectory::manifest() const { return state_->manifest; }

void RunDirectory::stage(const std::string& name, const std::function<void()>& body) {
  state_->require_open();
  const double start = state_->seconds();
  const std::size_t index = state_->manifest.stages.size();
  state_->manifest.stages.push_back({name, RunStatus::running});
  state_->stage_times.push_back({name, 0});
  const auto note_time = [&] { state_->stage_times[index].seconds = state_->seconds() - start; };
  try {
    state_->write_manifest();
    body();
    note_time();
    state_->manifest.stages[index].status = RunStatus::done;
    state_->write_manifest();
  } catch (const std::exception& error) {
    note_time();
    fail(error);
    throw;
  }
}

void RunDirectory::set_model(ModelRecord model) {
  state_->require_open();
  model.name = without_home_path(model.name, state_->home);
  state_->manifest.model = std::move(model);
}

void RunDirectory::set_data(DataRecord data) {
  state_->require_open();
  state_->manifest.data = std::move(data);
}

void RunDirectory::write_json(std::string_view relative, Json value) {
  state_->write(relative, dump_json(with_schema(relative, std::move(value))));
}

void RunDirectory::write_text(std::string_view relative, std::string_view text) {
  state_->write(relative, text);
}

void RunDirectory::write_csv(std::string_view relative, const CsvTable& table) {
  state_->write(relative, table.text());
}

void RunDirectory::add_file(std::string_view relative) {
  const MappedFile file(state_->place(relative));
  state_->manifest.files[std::string(relative)] = {sha256_hex(file.bytes()), file.bytes().size()};
}

void RunDirectory::add_varying_file(std::string_view relative) {
  state_->place(relative);
  state_->manifest.varying_files.insert(std::string(relative));
}

void RunDirectory::finish(RunStatus status) {
  state_->require_open();
  if (status == RunStatus::running) throw InternalError("RunDirectory: finished as running");
  state_->end(status);
}

void RunDirectory::fail(const std::exception& error) noexcept {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const bool interrupted = ours != nullptr && ours->code() == ErrorCode::interrupted;
  state_->end_with_error(interrupted ? RunStatus::interrupted : RunStatus::failed,
                         error_record(error));
}

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

// Empty where the folder is not a run or gives no time.
std::string start_time(const fs::path& folder) {
  try {
    const Json json = read_json_file(folder / kTimingName);
    return json.is_object() && json.contains("started") && json["started"].is_string()
               ? json["started"].get<std::string>()
               : std::string();
  } catch (const FileError&) {
    return {};
  }
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
    std::string started = start_time(folder);
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
