// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace gnomon::cli {

// "gnomon model fetch"
std::string command_path(const CLI::App& command);

// Usage, arguments, options, commands and examples at 80 columns. An app's footer holds its
// examples, one command a line.
std::string help_text(const CLI::App& command, bool color);

}  // namespace gnomon::cli
