// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace gnomon::detail {

// What keeps `relative` from being the path of a file inside a run ("is absolute"), or nothing.
// Such a path is made of names joined by single slashes, none of them "." or "..", without control
// characters and backslashes, so that it means the same file on every system.
std::optional<std::string> why_not_inside(std::string_view relative);

// `folder`/`relative`, after following links. Throws FileError where that leaves `folder`.
std::filesystem::path path_inside(const std::filesystem::path& folder, std::string_view relative);

}  // namespace gnomon::detail
