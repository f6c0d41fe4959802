// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gnomon {

// A run directory is shared, so it holds no home path: where a path of `text` lies in `home`, that
// part is written "~". An empty home and "/" change nothing.
std::string without_home_path(std::string_view text, std::string_view home);

// The path that a stored "~" or "~/..." means to the user whose home this is.
std::string with_home_path(std::string_view stored, std::string_view home);

// A command line as a run records it: the program by its bare name, home paths as "~", and "RUN"
// for the value of --out, because where a run stands is not part of what it is.
std::vector<std::string> recorded_argv(std::span<const std::string> argv, std::string_view home);

}  // namespace gnomon
