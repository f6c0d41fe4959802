// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/experiment_fields.h"
#include "cli/experiment_options.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

Json entries_json(const ResolvedExperiment& resolved) {
  Json settings = Json::object();
  for (const ConfigEntry& entry : resolved.entries) {
    settings[entry.key] = {
        {"value", std::visit([](const auto& value) { return Json(value); }, entry.value)},
        {"origin", visible_text(entry.origin)}};
  }
  return Json{{"schema", kExperimentSchema}, {"settings", std::move(settings)}};
}

void run_show(const Context& context, const ExperimentOptions& options) {
  const ResolvedExperiment resolved = resolve_experiment(experiment_sources(context, options));
  if (context.options.json) {
    context.out << dump_json(entries_json(resolved));
  } else {
    context.out << visible_text(resolved_config_toml(resolved.entries));
  }
}

void run_check(const Context& context, const ExperimentOptions& options) {
  const ResolvedExperiment resolved = resolve_experiment(experiment_sources(context, options));
  require_complete(resolved.config);
  if (context.options.json) {
    context.out << dump_json(Json{{"valid", true}, {"settings_given", resolved.places.size()}});
  } else {
    context.out << fmt::format("valid: {} settings given, {} by default\n", resolved.places.size(),
                               resolved.entries.size() - resolved.places.size());
  }
}

void run_schema(const Context& context) {
  if (context.options.json) {
    context.out << dump_json(experiment_schema());
    return;
  }
  const ExperimentConfig defaults;
  for (const ConfigField& field : experiment_fields()) {
    const std::string value =
        field.required ? "required" : "default " + config_value_text(field.get(defaults));
    context.out << fmt::format("{}\n", field.key);
    context.out << labelled_text("", fmt::format("{}; {}", expected_value(field), value), 4);
    context.out << labelled_text("", field.help, 4);
  }
}

}  // namespace

void add_config_command(CLI::App& app, Context& context) {
  CLI::App* config =
      app.add_subcommand("config", "Write, show and check the configuration of an experiment");
  config->group(kSetUpGroup);
  config->require_subcommand(0, 1);

  CLI::App* init = config->add_subcommand("init", "Print the defaults as a file with comments");
  init->footer("gnomon config init");
  on_run(*init, context, [&context] { context.out << default_config_toml(); });

  auto options = std::make_shared<ExperimentOptions>();
  CLI::App* show =
      config->add_subcommand("show", "Every setting with its value and where it comes from");
  add_experiment_options(*show, *options);
  show->footer("gnomon config show --config study.toml --set train.epochs=5");
  on_run(*show, context, [&context, options] { run_show(context, *options); });

  CLI::App* check =
      config->add_subcommand("check", "Whether a configuration is valid and complete");
  add_experiment_options(*check, *options);
  check->footer("gnomon config check --config study.toml");
  on_run(*check, context, [&context, options] { run_check(context, *options); });

  CLI::App* schema = config->add_subcommand(
      "schema", "All settings with what they may be; with --json, a JSON Schema");
  schema->footer("gnomon config schema\ngnomon config schema --json");
  on_run(*schema, context, [&context] { run_schema(context); });
}

}  // namespace gnomon::cli
