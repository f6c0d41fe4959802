// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/report/detail/run_lock.h"

namespace gnomon::detail {

namespace fs = std::filesystem;

bool has_manifest(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / kManifestName, ignored);
}

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

bool is_vacant(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  if (error) {
    throw FileError(ErrorCode::unreadable,
                    fmt::format("\"{}\" cannot be read: {}", folder.string(), error.message()));
  }
  return std::all_of(begin(entries), end(entries), [](const fs::directory_entry& entry) {
    return entry.path().filename() == kRunLockName || is_temporary(entry.path());
  });
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

void remove_temporary_files(const fs::path& run) {
  std::vector<fs::path> temporary;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(run, error);
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

}  // namespace gnomon::detail
