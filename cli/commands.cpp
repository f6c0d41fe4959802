// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include <utility>

#include "cli/option_values.h"
#include "cli/resolve_model.h"

namespace gnomon::cli {

void add_commands(CLI::App& app, Context& context) {
  add_demo_command(app, context);
  add_run_command(app, context);
  add_train_command(app, context);
  add_verify_command(app, context);
  add_scan_command(app, context);
  add_projections_command(app, context);
  add_audit_command(app, context);
  add_weights_command(app, context);
  add_patch_command(app, context);
  add_verdict_command(app, context);
  add_sweep_command(app, context);
  add_activations_command(app, context);
  add_data_command(app, context);
  add_runs_command(app, context);
  add_report_command(app, context);
  add_compare_command(app, context);
  add_import_command(app, context);
  add_tokens_command(app, context);
  add_explain_command(app, context);
  add_model_command(app, context);
  add_config_command(app, context);
  add_pretrain_command(app, context);
  add_doctor_command(app, context);
  add_help_command(app, context);
}

void on_run(CLI::App& command, Context& context, std::function<void()> body) {
  command.callback([&context, body = std::move(body)] { context.command = body; });
}

CLI::Option* add_model_option(CLI::App& command, std::string& model) {
  return command.add_option("-m,--model", model, kModelHelp)->type_name("MODEL");
}

CLI::Option* add_precision_option(CLI::App& command, Precision& precision) {
  return add_choice_option(command, "--precision", precision,
                           {{"float32", Precision::float32}, {"float64", Precision::float64}},
                           "Numbers to compute in; float64 shows how much is rounding");
}

}  // namespace gnomon::cli
