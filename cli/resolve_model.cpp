// SPDX-License-Identifier: Apache-2.0
#include "cli/resolve_model.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>
#include <vector>

#include "cli/terminal.h"
#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/fetch.h"
#include "gnomon/model/hub_cache.h"
#include "gnomon/model/hub_fetch.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const KnownModel& model : known_models()) names.push_back(model.name);
  names.emplace_back(kEmbeddedModel);
  return names;
}

// Of the file that holds this code: as part of the Python module, its package.
fs::path code_folder() {
  Dl_info info = {};
  if (::dladdr(reinterpret_cast<const void*>(&known_names), &info) == 0) return {};
  return fs::path(info.dli_fname).parent_path();
}

// Installed, as a Python package, and as built.
std::vector<fs::path> asset_folders() {
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error).parent_path();
  return {(binary / ".." / "share" / "gnomon").lexically_normal(),
          code_folder() / "share" / "gnomon", fs::path(GNOMON_ASSETS)};
}

fs::path hub_snapshot(const HubId& id, const fs::path& no_folder) {
  const HubSettings settings = hub_settings(environment_variable);
  HubLookUp found = find_hub_snapshot(HubRepository(settings.cache, id), id.revision);
  if (!found.folder) throw_not_in_hub_cache(id, settings, found.missing, no_folder);
  return std::move(*found.folder);
}

}  // namespace

fs::path user_cache_folder() {
  return cache_folder(environment_variable("GNOMON_CACHE"), environment_variable("XDG_CACHE_HOME"),
                      environment_variable("HOME"));
}

std::optional<fs::path> embedded_model_folder(const std::string& name) {
  if (name != kEmbeddedModel) return std::nullopt;
  std::error_code error;
  for (const fs::path& folder : asset_folders()) {
    if (fs::exists(folder / name / "config.json", error)) return folder / name;
  }
  return std::nullopt;
}

fs::path resolve_model(const std::string& given) {
  if (const auto embedded = embedded_model_folder(given)) return *embedded;
  const std::string other =
      "or give ORG/NAME of the hub, a folder with config.json and "
      "*.safetensors, or a .gguf file";
  for (const KnownModel& model : known_models()) {
    if (model.name != given) continue;
    const fs::path cache = user_cache_folder();
    if (const auto path = find_known_model(given, cache)) return *path;
    throw FileError(ErrorCode::not_found,
                    fmt::format("model {} is not fetched yet, searched {}", quote(given),
                                quote(known_model_path(model, cache).string(), 400)),
                    fmt::format("gnomon model fetch {}   ({})", given, other));
  }
  std::error_code error;
  if (fs::exists(given, error)) return given;
  if (given == kEmbeddedModel) {
    std::vector<std::string> searched;
    for (const fs::path& folder : asset_folders()) searched.push_back(quote(folder.string(), 400));
    throw FileError(ErrorCode::not_found,
                    fmt::format("the embedded model {} is not beside this command, searched {}",
                                quote(given), fmt::join(searched, ", ")),
                    "install gnomon with its share folder, or name the model's folder");
  }
  if (const std::optional<HubId> id = find_hub_id(given))
    return hub_snapshot(*id, fs::absolute(given, error));
  const std::vector<std::string> names = known_names();
  std::string message = fmt::format(
      "no model {}: there is no such folder or file, searched {}, and "
      "it is not a known name",
      quote(given), quote(fs::absolute(given, error).string(), 400));
  if (const auto nearest = nearest_name(given, names)) {
    message += fmt::format("; did you mean \"{}\"?", *nearest);
  }
  throw FileError(ErrorCode::not_found, message,
                  fmt::format("gnomon model fetch {}   ({})", names.front(), other));
}

}  // namespace gnomon::cli
