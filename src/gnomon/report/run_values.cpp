// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_values.h"

#include <algorithm>
#include <filesystem>
#include <variant>

#include "gnomon/base/error.h"
#include "gnomon/model/model_config_json.h"
#include "gnomon/report/folder_of_runs.h"
#include "gnomon/report/run_list.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPatchPrefix = "patch:";
const std::string kProjections = "analysis/projections.json";
const std::string kAudit = "analysis/audit.json";

std::string setting_of(const std::vector<ConfigEntry>& configuration, std::string_view key) {
  for (const ConfigEntry& entry : configuration) {
    if (entry.key != key) continue;
    if (const auto* text = std::get_if<std::string>(&entry.value)) return *text;
    return config_value_text(entry.value);
  }
  return "";
}

// Whether a run of this command has patched the run's target.
bool is_patch_of(const StoredRun& candidate, const StoredRun& run, std::string_view command) {
  if (candidate.manifest.status != RunStatus::done ||
      !candidate.manifest.files.contains("analysis/patch.json"))
    return false;
  const std::vector<ConfigEntry> configuration = candidate.read_configuration();
  const auto is = [&](std::string_view key, std::string_view value) {
    return setting_of(configuration, key) == value;
  };
  return is("command", command) && is("run.id", run.manifest.id) &&
         is("run.configuration_sha256", run.manifest.configuration_sha256) && is("patch.site", "");
}

// A verdict patches too; a patch run that was made for itself comes first.
std::optional<StoredRun> patch_run_of(const StoredRun& run) {
  const std::vector<ListedRun> all = list_runs(folder_of_runs(run.path));
  for (const std::string_view command : {"patch", "verdict"}) {
    std::optional<StoredRun> found;
    for (const ListedRun& listed : all) {
      if (!listed.run) continue;
      try {
        if (!is_patch_of(*listed.run, run, command)) continue;
      } catch (const FileError&) {
        continue;
      }
      if (!found || listed.run->manifest.id < found->manifest.id) found = listed.run;
    }
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace

RunValues::RunValues(const StoredRun& run)
    : run_(run), patch_(patch_run_of(run)), configuration_(run.read_configuration()) {}

const Json* RunValues::file(const std::string& name) const {
  const auto cached = files_.find(name);
  if (cached != files_.end()) return cached->second.get();
  const bool of_patch = name.starts_with(kPatchPrefix);
  const StoredRun* run = of_patch ? patch_run() : &run_;
  const std::string inside = of_patch ? name.substr(kPatchPrefix.size()) : name;
  std::unique_ptr<Json> json;
  if (run != nullptr && run->manifest.files.contains(inside))
    json = std::make_unique<Json>(run->read_json(inside));
  return (files_[name] = std::move(json)).get();
}

const Json* RunValues::find(const std::string& key) const {
  const std::size_t hash = key.find('#');
  const Json* json = hash == std::string::npos ? nullptr : file(key.substr(0, hash));
  if (json == nullptr) return nullptr;
  const Json::json_pointer pointer(key.substr(hash + 1));
  if (!json->contains(pointer)) return nullptr;
  const Json& value = json->at(pointer);
  return value.is_null() ? nullptr : &value;
}

std::optional<double> RunValues::number(const std::string& key) const {
  const Json* value = find(key);
  return value != nullptr && value->is_number() ? std::optional(value->get<double>())
                                                : std::nullopt;
}

std::string RunValues::text(const std::string& key) const {
  const Json* value = find(key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::size_t RunValues::size(const std::string& key) const {
  const Json* value = find(key);
  return value != nullptr && value->is_array() ? value->size() : 0;
}

std::string RunValues::element(const std::string& list, std::string_view field,
                               std::string_view value) const {
  for (std::size_t i = 0; i < size(list); ++i) {
    std::string key = list + "/" + std::to_string(i);
    if (text(key + "/" + std::string(field)) == value) return key;
  }
  return "";
}

std::string RunValues::direction(std::string_view name) const {
  const std::string key = element(kProjections + "#/directions", "name", name);
  return key.empty() || find(key + "/site") == nullptr ? "" : key;
}

std::string RunValues::ladder(std::string_view direction) const {
  return element(kAudit + "#/ladders", "direction", direction);
}

std::string RunValues::setting(std::string_view key) const {
  return setting_of(configuration_, key);
}

ModelConfig RunValues::model_config() const {
  for (const std::string name : {"analysis/study.safetensors", "data/activations.safetensors"}) {
    if (!run_.manifest.files.contains(name)) continue;
    const fs::path path = run_.file(name);
    const SafetensorsFile tensors(path);
    const auto found = tensors.metadata().find("model_config");
    if (found != tensors.metadata().end())
      return model_config_from_json(found->second, path.string());
  }
  throw FileError(ErrorCode::not_found,
                  "\"" + run_.path.string() + "\" has no tensors that name its model's sizes");
}

std::vector<std::string> RunValues::failed_checks() const {
  std::vector<std::string> failed;
  const std::string list = "checks.json#";
  for (std::size_t i = 0; i < size(list); ++i) {
    const std::string key = list + "/" + std::to_string(i);
    if (text(key + "/status") == "fail") failed.push_back(text(key + "/title"));
  }
  return failed;
}

}  // namespace gnomon
