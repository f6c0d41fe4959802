// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace gnomon::detail {

inline constexpr std::string_view kManifestName = "run.json";
inline constexpr std::string_view kTimingName = "timing.json";
inline constexpr std::string_view kConfigName = "config.resolved.toml";
inline constexpr std::size_t kLargestManifest = std::size_t{1} << 24;  // bytes

bool has_manifest(const std::filesystem::path& folder);

// Whether the name is one of those that write_file_atomic gives a file before it is whole.
bool is_temporary(const std::filesystem::path& path);

// "2026-11-22T10:58:03Z", or empty where the folder is not a run or gives no time.
std::string start_time(const std::filesystem::path& folder);

// A folder in which a run may begin: empty, or what a writer leaves that was killed before its
// first file was there. Throws FileError where it cannot be read.
bool is_vacant(const std::filesystem::path& folder);

// Removes a file, or nothing where there is none or a folder. Throws FileError (write_failed).
void remove_file(const std::filesystem::path& path);

// Removes what killed writes left anywhere in the run, without following links.
void remove_temporary_files(const std::filesystem::path& run);

// Throws FileError (write_failed).
void make_folders(const std::filesystem::path& folder);

}  // namespace gnomon::detail
