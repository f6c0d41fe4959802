// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "cli/context.h"

namespace gnomon::cli {

// The subcommands of `gnomon model` that have a file of their own.
void add_model_check_command(CLI::App& model, Context& context);
void add_model_init_command(CLI::App& model, Context& context);

}  // namespace gnomon::cli
