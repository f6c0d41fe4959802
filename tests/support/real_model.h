// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "gnomon/model/fetch.h"

namespace gnomon::test {

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// SmolLM2-135M-Instruct in the user's cache; tests skip, visibly, where it is absent.
inline std::optional<std::filesystem::path> smollm2_path() {
  return find_known_model("smollm2-135m",
                          cache_folder(environment("GNOMON_CACHE"), environment("XDG_CACHE_HOME"),
                                       environment("HOME")));
}

inline constexpr const char* kNoRealModel =
    "smollm2-135m is not in the cache: gnomon model fetch smollm2-135m";

}  // namespace gnomon::test
