// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/inside_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "gnomon/base/error.h"

namespace gnomon::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestPath = 1024;

bool is_forbidden(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\'; }

}  // namespace

std::optional<std::string> why_not_inside(std::string_view relative) {
  if (relative.empty()) return "is empty";
  if (relative.size() > kLongestPath) return fmt::format("has {} bytes", relative.size());
  if (relative.front() == '/') return "is absolute";
  if (std::any_of(relative.begin(), relative.end(), is_forbidden)) {
    return "has a control character or a backslash";
  }
  for (std::size_t start = 0; start <= relative.size();) {
    const std::size_t slash = std::min(relative.find('/', start), relative.size());
    const std::string_view name = relative.substr(start, slash - start);
    if (name == "..") return "leaves the run";
    if (name.empty() || name == ".") return "has an empty part";
    start = slash + 1;
  }
  return std::nullopt;
}

fs::path path_inside(const fs::path& folder, std::string_view relative) {
  if (const auto why = why_not_inside(relative)) {
    throw FileError(fmt::format("\"{}\": a file path that {}, expected one inside the run",
                                folder.string(), *why));
  }
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  const fs::path path = error ? fs::path() : fs::weakly_canonical(root / relative, error);
  if (error) {
    throw FileError(ErrorCode::unreadable,
                    fmt::format("\"{}\" cannot be followed: {}", (folder / relative).string(),
                                error.message()));
  }
  const auto [in_root, in_path] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (in_root != root.end()) {
    throw FileError(fmt::format("\"{}\" is a link out of the run, expected a file inside it",
                                (folder / relative).string()));
  }
  return path;
}

}  // namespace gnomon::detail
