// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/temporary_folder.h"

#include <fmt/format.h>
#include <stdlib.h>  // mkdtemp

#include <cerrno>
#include <system_error>
#include <utility>

#include "gnomon/base/error.h"

namespace gnomon {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder(const fs::path& parent, std::string_view prefix,
                                 std::string hint) {
  std::string pattern = (parent / fmt::format("{}XXXXXX", prefix)).string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw FileError(ErrorCode::write_failed,
                    fmt::format("\"{}\" cannot be written: {}", parent.string(),
                                std::generic_category().message(errno)),
                    std::move(hint));
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace gnomon
