// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace gnomon {

// The folder that a run lies in, from the current one: runs made of it lie there too, and are
// looked for there.
inline std::filesystem::path folder_of_runs(const std::filesystem::path& run) {
  namespace fs = std::filesystem;
  fs::path whole = fs::absolute(run).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();
  return whole.parent_path().lexically_proximate(fs::current_path());
}

}  // namespace gnomon
