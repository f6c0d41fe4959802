// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/detail/inside_path.h"
#include "gnomon/report/detail/run_files.h"
#include "gnomon/report/detail/run_stages.h"
#include "gnomon/report/home_path.h"
#include "gnomon/report/report_folder.h"

namespace gnomon {

namespace fs = std::filesystem;
using detail::kConfigName;
using detail::kManifestName;
using detail::kTimingName;

namespace {

// In place of a hash where a stage has inputs and no outputs that go with them. A stage without any
// hash is one that is always done again.
const std::string kNoInputs(64, '0');

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

}  // namespace

std::unique_ptr<RunDirectory::State> RunDirectory::State::of(const fs::path& folder,
                                                             RunSettings settings) {
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->config = resolved_config_toml(without_home(settings.configuration, settings.home));
  state->home = settings.home;
  state->started = settings.started;
  state->manifest = std::move(settings.manifest);
  state->manifest.status = RunStatus::running;
  state->manifest.argv = recorded_argv(state->manifest.argv, settings.home);
  state->manifest.configuration_sha256 = sha256_hex(state->config);
  state->manifest.id = run_id(settings.id_words, state->manifest.configuration_sha256);
  state->manifest.varying_files.insert(std::string(kTimingName));
  return state;
}

double RunDirectory::State::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - steady_start).count();
}

void RunDirectory::State::require_open() const {
  if (lock == nullptr) throw InternalError("RunDirectory: written to after the end of the run");
}

void RunDirectory::State::write_manifest() const {
  write_file_atomic(folder / kManifestName, dump_json(to_json(manifest)));
}

void RunDirectory::State::write_timing(bool ended) const {
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

// Times inform only: a file that cannot be read gives none.
void RunDirectory::State::read_stage_times() {
  try {
    const Json json = read_json_file(folder / kTimingName);
    for (const Json& stage : json.at("stages")) {
      stage_times.push_back(
          {stage.at("name").get<std::string>(), stage.at("seconds").get<double>()});
    }
  } catch (const FileError&) {
    stage_times.clear();
  } catch (const Json::exception&) {
    stage_times.clear();
  }
}

fs::path RunDirectory::State::place(std::string_view relative) {
  require_open();
  if (relative == kManifestName || relative == kTimingName || relative == detail::kRunLockName) {
    throw InternalError(fmt::format("RunDirectory: \"{}\" is its own file", relative));
  }
  fs::path path = detail::path_inside(folder, relative);
  const std::string name(relative);
  files_written.insert(name);
  for (std::size_t i = 0; i < manifest.stages.size(); ++i) {
    StageRecord& stage = manifest.stages[i];
    if (open_stage == i || !stage.outputs.contains(name)) continue;
    if (stages_met.contains(stage.name)) {
      throw InternalError(
          fmt::format("RunDirectory: \"{}\" is an output of stage \"{}\"", relative, stage.name));
    }
    // Of an earlier run, whose stage no longer has this file to itself.
    stage.outputs.erase(name);
    stage.status = RunStatus::interrupted;
  }
  if (open_stage && manifest.stages[*open_stage].outputs.insert(name).second) write_manifest();
  return path;
}

void RunDirectory::State::write(std::string_view relative, std::string_view content) {
  write_file_atomic(place(relative), content);
  manifest.files[std::string(relative)] = {sha256_hex(content), content.size()};
}

StageRecord* RunDirectory::State::find_stage(std::string_view name) {
  const auto found = std::find_if(manifest.stages.begin(), manifest.stages.end(),
                                  [&](const StageRecord& stage) { return stage.name == name; });
  return found == manifest.stages.end() ? nullptr : &*found;
}

RunDirectory::State::StageTime& RunDirectory::State::time_of(const std::string& name) {
  const auto found = std::find_if(stage_times.begin(), stage_times.end(),
                                  [&](const StageTime& time) { return time.name == name; });
  if (found != stage_times.end()) return *found;
  return stage_times.emplace_back(StageTime{name, 0});
}

void RunDirectory::State::drop_files(const std::set<std::string>& paths) {
  for (const std::string& relative : paths) {
    detail::remove_file(detail::path_inside(folder, relative));
    manifest.files.erase(relative);
    manifest.varying_files.erase(relative);
  }
}

void RunDirectory::State::begin(const StageSpec& spec) {
  stage_done = true;
  const std::string inputs = detail::combined_inputs(manifest, spec);
  StageRecord* stage = find_stage(spec.name);
  if (stage == nullptr) {
    manifest.stages.push_back({.name = spec.name, .inputs_sha256 = kNoInputs});
    stage = &manifest.stages.back();
  }
  std::set<std::string> old = stage->outputs;
  old.insert(stage->resumable.begin(), stage->resumable.end());
  const bool goes_on =
      stage->inputs_sha256 == inputs && detail::resumable_files_are_whole(manifest, folder, *stage);
  if (goes_on) {
    for (const std::string& kept : stage->resumable) {
      old.erase(kept);
      manifest.files.erase(kept);
    }
  }
  // While the files go, no reader may take them for valid, and a process that finds the run after
  // this one was killed must not go on from files of other inputs.
  stage->status = RunStatus::running;
  if (!goes_on) stage->inputs_sha256 = kNoInputs;
  write_manifest();
  drop_files(old);
  stage->outputs.clear();
  if (!goes_on) stage->resumable.clear();
  stage->inputs_sha256 = inputs;
  stage->upstream = spec.upstream;
  write_manifest();
}

void RunDirectory::State::complete(const std::string& name) {
  StageRecord& stage = *find_stage(name);
  std::set<std::string> unlisted;
  for (const std::string& relative : stage.resumable) {
    if (!manifest.files.contains(relative)) unlisted.insert(relative);
  }
  for (const std::string& relative : unlisted) stage.outputs.erase(relative);
  stage.status = RunStatus::done;
  write_manifest();
  if (unlisted.empty()) return;
  // Until now they stay listed as resumable, so that a later run finds them if this process is
  // killed here.
  drop_files(unlisted);
  for (const std::string& relative : unlisted) stage.resumable.erase(relative);
  write_manifest();
}

void RunDirectory::State::drop_leftovers() {
  std::set<std::string> files;
  std::set<std::string> owned;
  for (StageRecord& stage : manifest.stages) {
    std::set<std::string>& to = stages_met.contains(stage.name) ? owned : files;
    to.insert(stage.outputs.begin(), stage.outputs.end());
    if (&to == &owned) continue;
    files.insert(stage.resumable.begin(), stage.resumable.end());
    stage.status = RunStatus::interrupted;
  }
  const auto is_left = [&](const std::string& name) {
    // A report of results that all were kept is still theirs.
    if (!stage_done && name.starts_with(kReportFolder)) return false;
    return !owned.contains(name) && !files_written.contains(name) && name != kConfigName &&
           name != kTimingName;
  };
  for (const auto& [name, record] : manifest.files) {
    if (is_left(name)) files.insert(name);
  }
  for (const std::string& name : manifest.varying_files) {
    if (is_left(name)) files.insert(name);
  }
  std::erase_if(files, [&](const std::string& name) { return !is_left(name); });
  if (!files.empty()) {
    write_manifest();
    drop_files(files);
  }
  std::erase_if(manifest.stages,
                [&](const StageRecord& stage) { return !stages_met.contains(stage.name); });
  std::erase_if(stage_times,
                [&](const StageTime& time) { return !stages_met.contains(time.name); });
}

void RunDirectory::State::end(RunStatus status) {
  manifest.status = status;
  for (StageRecord& stage : manifest.stages) {
    if (stage.status == RunStatus::running) stage.status = status;
  }
  write_timing(true);
  write_manifest();
  lock.reset();
}

void RunDirectory::State::end_with_error(RunStatus status, ErrorRecord error) noexcept {
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

}  // namespace gnomon
