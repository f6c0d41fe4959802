// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/context.h"
#include "gnomon/analyses/rounding.h"

namespace gnomon::cli {

// Every command has one file with a function add_X_command. It adds a subcommand, its options and
// its examples to `app` and says with on_run what to do. add_commands calls them all; --help shows
// them in that order, under their group.
void add_commands(CLI::App& app, Context& context);

void add_demo_command(CLI::App& app, Context& context);
void add_run_command(CLI::App& app, Context& context);
void add_train_command(CLI::App& app, Context& context);
void add_verify_command(CLI::App& app, Context& context);
void add_projections_command(CLI::App& app, Context& context);
void add_audit_command(CLI::App& app, Context& context);
void add_weights_command(CLI::App& app, Context& context);
void add_patch_command(CLI::App& app, Context& context);
void add_verdict_command(CLI::App& app, Context& context);
void add_sweep_command(CLI::App& app, Context& context);
void add_scan_command(CLI::App& app, Context& context);
void add_activations_command(CLI::App& app, Context& context);
void add_data_command(CLI::App& app, Context& context);
void add_runs_command(CLI::App& app, Context& context);
void add_report_command(CLI::App& app, Context& context);
void add_compare_command(CLI::App& app, Context& context);
void add_import_command(CLI::App& app, Context& context);
void add_tokens_command(CLI::App& app, Context& context);
void add_explain_command(CLI::App& app, Context& context);
void add_model_command(CLI::App& app, Context& context);
void add_config_command(CLI::App& app, Context& context);
void add_pretrain_command(CLI::App& app, Context& context);
void add_doctor_command(CLI::App& app, Context& context);
void add_help_command(CLI::App& app, Context& context);

inline constexpr const char* kStudyGroup = "Look at a model";
inline constexpr const char* kRunsGroup = "Runs and their results";
inline constexpr const char* kSetUpGroup = "Set up and learn";

// Runs `body` when the command line has chosen `command` and all of it was understood. What `body`
// captures must live until then: give options a shared_ptr.
void on_run(CLI::App& command, Context& context, std::function<void()> body);

// --model M, as resolve_model understands it.
CLI::Option* add_model_option(CLI::App& command, std::string& model);

// --precision float32|float64, for commands that compute.
CLI::Option* add_precision_option(CLI::App& command, Precision& precision);

}  // namespace gnomon::cli
