// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/detail/inside_path.h"
#include "gnomon/report/detail/run_stages.h"
#include "gnomon/report/run_directory.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

const StageRecord* find_stage(const RunManifest& manifest, const std::string& name) {
  const auto found = std::find_if(manifest.stages.begin(), manifest.stages.end(),
                                  [&](const StageRecord& stage) { return stage.name == name; });
  return found == manifest.stages.end() ? nullptr : &*found;
}

// Each part behind its length, so that no two lists of parts give the same text.
class PartsHash {
 public:
  void add(std::string_view part) { text_ += fmt::format("{}:{}\n", part.size(), part); }
  std::string sha256() const { return sha256_hex(text_); }

 private:
  std::string text_;
};

// What keeps a listed file from being the one that was written, or nothing.
std::optional<std::string> why_changed(const RunManifest& manifest, const fs::path& folder,
                                       const std::string& relative) {
  std::error_code error;
  const fs::path path = detail::path_inside(folder, relative);
  if (!fs::is_regular_file(path, error)) return fmt::format("\"{}\" is missing", relative);
  if (manifest.varying_files.contains(relative)) return std::nullopt;
  const auto record = manifest.files.find(relative);
  if (record == manifest.files.end()) return fmt::format("\"{}\" was not finished", relative);
  const bool same = fs::file_size(path, error) == record->second.bytes && !error &&
                    sha256_file(path) == record->second.sha256;
  if (same) return std::nullopt;
  return fmt::format("\"{}\" was changed", relative);
}

}  // namespace

namespace detail {

std::string combined_inputs(const RunManifest& manifest, const StageSpec& spec) {
  PartsHash hash;
  for (const std::string& part : {spec.inputs_sha256, manifest.tool.version, manifest.tool.git,
                                  manifest.precision, manifest.backend}) {
    hash.add(part);
  }
  for (const std::string& name : spec.upstream) {
    const StageRecord* stage = find_stage(manifest, name);
    if (stage == nullptr || stage->status != RunStatus::done) {
      throw InternalError(
          fmt::format("stage \"{}\" reads outputs of \"{}\", which is not done", spec.name, name));
    }
    hash.add(name);
    hash.add(stage->inputs_sha256);
    for (const std::string& output : stage->outputs) {
      const auto record = manifest.files.find(output);
      hash.add(output);
      hash.add(record == manifest.files.end() ? "" : record->second.sha256);
    }
  }
  return hash.sha256();
}

std::optional<std::string> why_stale(const RunManifest& manifest, const fs::path& folder,
                                     const StageSpec& spec) {
  const StageRecord* stage = find_stage(manifest, spec.name);
  if (stage == nullptr) return "was never done";
  if (stage->status != RunStatus::done) return "was not finished";
  for (const std::string& name : spec.upstream) {
    const StageRecord* upstream = find_stage(manifest, name);
    if (upstream == nullptr || upstream->status != RunStatus::done) {
      return fmt::format("\"{}\" is not done", name);
    }
  }
  if (stage->inputs_sha256 != combined_inputs(manifest, spec)) return "its inputs have changed";
  for (const std::string& output : stage->outputs) {
    if (auto why = why_changed(manifest, folder, output)) return why;
  }
  return std::nullopt;
}

bool resumable_files_are_whole(const RunManifest& manifest, const fs::path& folder,
                               const StageRecord& stage) {
  return std::all_of(
      stage.resumable.begin(), stage.resumable.end(), [&](const std::string& relative) {
        return !manifest.files.contains(relative) || !why_changed(manifest, folder, relative);
      });
}

}  // namespace detail

std::string stage_inputs_sha256(std::span<const ConfigEntry> entries,
                                std::span<const std::string> others) {
  PartsHash hash;
  for (const ConfigEntry& entry : entries) {
    hash.add(entry.key);
    hash.add(config_value_text(entry.value));
  }
  hash.add("");
  for (const std::string& other : others) hash.add(other);
  return hash.sha256();
}

std::vector<ConfigEntry> entries_of(std::span<const ConfigEntry> entries,
                                    std::span<const std::string> keys) {
  std::vector<ConfigEntry> chosen;
  for (const ConfigEntry& entry : entries) {
    const bool is_chosen = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
      return entry.key == key || entry.key.starts_with(key + ".");
    });
    if (is_chosen) chosen.push_back(entry);
  }
  return chosen;
}

std::vector<PlannedStage> plan_stages(const StoredRun* run, const RunManifest& settings,
                                      std::span<const StageSpec> stages) {
  RunManifest manifest;
  if (run != nullptr) manifest = run->manifest;
  manifest.tool = settings.tool;
  manifest.precision = settings.precision;
  manifest.backend = settings.backend;
  std::vector<PlannedStage> plan;
  std::set<std::string> stale;
  for (const StageSpec& spec : stages) {
    PlannedStage planned{spec.name, "was never done"};
    const auto before = std::find_if(spec.upstream.begin(), spec.upstream.end(),
                                     [&](const std::string& name) { return stale.contains(name); });
    if (before != spec.upstream.end()) {
      planned.why = fmt::format("\"{}\" is done before it", *before);
    } else if (run != nullptr) {
      planned.why = detail::why_stale(manifest, run->path, spec);
    }
    if (planned.why) stale.insert(spec.name);
    plan.push_back(std::move(planned));
  }
  return plan;
}

}  // namespace gnomon
