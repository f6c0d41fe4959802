// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/context.h"

namespace gnomon::cli {

// The program: standard streams, signals and command line. Returns its exit status.
int run_program(const std::vector<std::string>& arguments);

// What the arguments ask for, on the streams of `context`. Throws what goes wrong; returns the exit
// status of help that was shown in place of a command.
int run_arguments(Context& context, const std::vector<std::string>& arguments);

// The whole command: reads `arguments`, runs what they ask for and returns the exit status. Errors
// have been reported; nothing is thrown.
int run_command_line(Context& context, const std::vector<std::string>& arguments);

// All commands with their options, reading into `context`.
void build_app(CLI::App& app, Context& context);

}  // namespace gnomon::cli
