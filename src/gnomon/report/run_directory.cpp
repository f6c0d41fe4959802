// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/detail/inside_path.h"
#include "gnomon/report/detail/run_files.h"
#include "gnomon/report/detail/run_stages.h"
#include "gnomon/report/detail/run_state.h"
#include "gnomon/report/home_path.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using detail::has_manifest;
using detail::is_vacant;
using detail::kConfigName;
using detail::kManifestName;
using detail::kTimingName;
using detail::make_folders;
using detail::path_inside;
using detail::remove_file;

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
    SchemaRow{"analysis/weights.json", "urn:gnomon:schema:weights:1"},
    SchemaRow{"analysis/patch.json", "urn:gnomon:schema:patch:1"},
    SchemaRow{"analysis/subspaces.json", "urn:gnomon:schema:subspaces:1"},
    SchemaRow{"analysis/verdict.json", "urn:gnomon:schema:verdict:1"},
    SchemaRow{"analysis/sweep.json", "urn:gnomon:schema:sweep:1"},
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

// Only what the run lists and what a killed write left: a user's own notes stay.
void remove_files(const StoredRun& run) {
  for (const auto& [relative, file] : run.manifest.files)
    remove_file(path_inside(run.path, relative));
  for (const std::string& relative : run.manifest.varying_files) {
    remove_file(path_inside(run.path, relative));
  }
  for (const StageRecord& stage : run.manifest.stages) {
    for (const std::string& relative : stage.outputs) remove_file(path_inside(run.path, relative));
    for (const std::string& relative : stage.resumable) {
      remove_file(path_inside(run.path, relative));
    }
  }
  detail::remove_temporary_files(run.path);
}

// The part of an id that is not the hash of the configuration.
std::string_view id_words(std::string_view id) { return id.substr(0, id.rfind('_')); }

// Throws ArgumentError where the run in the folder is not one that `manifest` may continue.
void require_continuable(const StoredRun& run, const RunManifest& manifest) {
  const std::vector<StageRecord>& stages = run.manifest.stages;
  const bool has_inputs = std::any_of(stages.begin(), stages.end(), [](const StageRecord& stage) {
    return !stage.inputs_sha256.empty();
  });
  const bool fits =
      (stages.empty() || has_inputs) && id_words(run.manifest.id) == id_words(manifest.id);
  if (fits) return;
  throw ArgumentError(fmt::format("\"{}\" holds the run {}, expected a new folder or one of {}_*",
                                  run.path.string(), run.manifest.id, id_words(manifest.id)),
                      std::string(kOtherFolderHint));
}

}  // namespace

RunDirectory::RunDirectory(std::unique_ptr<State> state) : state_(std::move(state)) {}

RunDirectory::~RunDirectory() {
  if (state_ == nullptr || state_->lock == nullptr) return;
  const InternalError error("the run stopped before its end without saying why");
  state_->end_with_error(RunStatus::failed, error_record(error));
}

RunDirectory RunDirectory::create(const fs::path& folder, RunSettings settings) {
  auto state = State::of(folder, std::move(settings));
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
      state->manifest.stages = earlier->manifest.stages;
      state->manifest.varying_files.insert(earlier->manifest.varying_files.begin(),
                                           earlier->manifest.varying_files.end());
    }
    state->write_manifest();
    if (earlier) remove_files(*earlier);
    state->manifest = fresh;
    state->write_timing(false);
    state->write(kConfigName, state->config);
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
  const std::string name =
      run_folder_name(settings.started, State::of(runs_folder, settings)->manifest.id);
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

RunDirectory RunDirectory::open_or_create(const fs::path& folder, RunSettings settings) {
  if (!has_manifest(folder)) return create(folder, std::move(settings));
  auto state = State::of(folder, std::move(settings));
  require_continuable(open_run(folder), state->manifest);
  state->lock = std::make_unique<detail::RunLock>(folder);
  StoredRun earlier = open_run(folder);
  require_continuable(earlier, state->manifest);
  RunManifest& manifest = state->manifest;
  manifest.stages = std::move(earlier.manifest.stages);
  for (StageRecord& stage : manifest.stages) {
    // Its writer was killed.
    if (stage.status == RunStatus::running) stage.status = RunStatus::interrupted;
  }
  manifest.files = std::move(earlier.manifest.files);
  manifest.varying_files.merge(earlier.manifest.varying_files);
  manifest.model = std::move(earlier.manifest.model);
  manifest.data = std::move(earlier.manifest.data);
  state->read_stage_times();
  state->write_manifest();
  detail::remove_temporary_files(folder);
  state->write_timing(false);
  state->write(kConfigName, state->config);
  state->write_manifest();
  return RunDirectory(std::move(state));
}

const fs::path& RunDirectory::path() const { return state_->folder; }
const RunManifest& RunDirectory::manifest() const { return state_->manifest; }

void RunDirectory::stage(const std::string& name, const std::function<void()>& body) {
  state_->require_open();
  state_->stage_done = true;
  StageRecord* stage = state_->find_stage(name);
  if (stage == nullptr) {
    state_->manifest.stages.push_back({.name = name});
  } else {
    stage->status = RunStatus::running;
  }
  run_stage(name, body);
}

bool RunDirectory::stage_if_stale(const StageSpec& spec, const std::function<void()>& body) {
  state_->require_open();
  if (state_->open_stage) throw InternalError("RunDirectory: a stage inside a stage");
  if (!why_stale(spec)) {
    state_->stages_met.insert(spec.name);
    return false;
  }
  state_->begin(spec);
  const StageRecord* stage = state_->find_stage(spec.name);
  state_->open_stage = static_cast<std::size_t>(stage - state_->manifest.stages.data());
  run_stage(spec.name, body);
  state_->open_stage.reset();
  return true;
}

void RunDirectory::run_stage(const std::string& name, const std::function<void()>& body) {
  const double start = state_->seconds();
  state_->stages_met.insert(name);
  state_->time_of(name).seconds = 0;
  try {
    state_->write_manifest();
    body();
    state_->time_of(name).seconds = state_->seconds() - start;
    state_->complete(name);
  } catch (const std::exception& error) {
    state_->time_of(name).seconds = state_->seconds() - start;
    fail(error);
    throw;
  }
}

std::optional<std::string> RunDirectory::why_stale(const StageSpec& spec) const {
  return detail::why_stale(state_->manifest, state_->folder, spec);
}

bool RunDirectory::stage_is_fresh(const StageSpec& spec) const { return !why_stale(spec); }

fs::path RunDirectory::output_path(std::string_view relative) {
  fs::path path = state_->place(relative);
  make_folders(path.parent_path());
  return path;
}

fs::path RunDirectory::resumable_path(std::string_view relative) {
  if (!state_->open_stage) {
    throw InternalError(
        fmt::format("RunDirectory: \"{}\" is resumable outside a stage with inputs", relative));
  }
  const std::string name(relative);
  path_inside(state_->folder, relative);  // refuses before the manifest takes note of it
  StageRecord& stage = state_->manifest.stages[*state_->open_stage];
  const bool is_new = stage.resumable.insert(name).second;
  // Else place() writes it.
  if (is_new && stage.outputs.contains(name)) state_->write_manifest();
  return output_path(relative);
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
  state_->drop_leftovers();
  state_->end(status);
}

void RunDirectory::fail(const std::exception& error) noexcept {
  const auto* ours = dynamic_cast<const Error*>(&error);
  const bool interrupted = ours != nullptr && ours->code() == ErrorCode::interrupted;
  state_->end_with_error(interrupted ? RunStatus::interrupted : RunStatus::failed,
                         error_record(error));
}

}  // namespace gnomon
