// SPDX-License-Identifier: Apache-2.0
// run, train and verify: an experiment from its configuration.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/experiment_options.h"
#include "cli/experiment_output.h"
#include "cli/experiment_run.h"
#include "cli/run_records.h"
#include "gnomon/base/error.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/study_files.h"
#include "gnomon/report/study_text.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

struct RunCommand {
  ExperimentOptions experiment;
  ExperimentRunOptions run;
  std::string resume;
};

void print_plan(const Context& context, const ExperimentOutcome& outcome) {
  if (context.options.json) {
    Json json = Json::array();
    for (const PlannedStage& stage : outcome.plan)
      json.push_back({{"stage", stage.name},
                      {"does", stage.why.has_value()},
                      {"why", stage.why ? Json(*stage.why) : Json(nullptr)}});
    context.out << dump_json(json);
    return;
  }
  for (const PlannedStage& stage : outcome.plan)
    context.out << fmt::format("{:12} {}\n", stage.name,
                               stage.why ? "would run: " + *stage.why : "is kept");
}

void run_command(const Context& context, RunCommand options) {
  if (!options.resume.empty()) {
    options.run.out = resolve_run(options.resume, options.run.runs_dir).string();
    if (options.experiment.file.empty())
      options.experiment.file = (fs::path(options.run.out) / "config.resolved.toml").string();
  }
  const ResolvedExperiment experiment =
      resolve_experiment(experiment_sources(context, options.experiment));
  const ExperimentOutcome outcome = run_experiment(context, experiment, options.run);
  if (options.run.dry_run) return print_plan(context, outcome);
  show_experiment(context, outcome);
}

void add_run_options(CLI::App& command, RunCommand& options) {
  add_experiment_options(command, options.experiment);
  command
      .add_option("--out", options.run.out,
                  "The run directory; one that is there goes on, and only what is stale is done")
      ->type_name("RUN");
  command.add_option("--runs-dir", options.run.runs_dir, "The folder of runs, `runs` unless given")
      ->type_name("DIR");
  command
      .add_option("--resume", options.resume,
                  "Go on with this run: a path, the beginning of its id, or @last")
      ->type_name("RUN");
  command.add_flag("-n,--dry-run", options.run.dry_run,
                   "Say which stages would be done and why; do nothing");
}

void verify_command(const Context& context, const std::string& run, const std::string& runs_dir) {
  const fs::path folder = resolve_run(run, runs_dir);
  const std::vector<CheckResult> checks = verify_run(context, folder);
  if (context.options.json) {
    context.out << dump_json(checks_json(checks));
  } else {
    for (const CheckResult& check : checks) {
      context.out << fmt::format("{:5} {}  {}: {}\n", check_status_name(check.status), check.id,
                                 check.title, check.value.value_or(0));
    }
    context.out << checks_text(checks, context.text_style());
  }
  require_passed(checks, folder);
}

}  // namespace

void add_run_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<RunCommand>();
  CLI::App* command = app.add_subcommand(
      "run", "An experiment in order: data, training, scores, projections, ladders, checks");
  command->group(kStudyGroup);
  add_run_options(*command, *options);
  command->footer(
      "gnomon run --config study.toml --out runs/study \\\n"
      "  --set train.trained.part=after_target");
  on_run(*command, context, [&context, options] { run_command(context, *options); });
}

void add_train_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<RunCommand>();
  options->run.analyses = false;
  CLI::App* command =
      app.add_subcommand("train", "Train a reporter and score it, without projections");
  command->group(kStudyGroup);
  command->add_option("run", options->resume, "A run to go on with, in place of --resume")
      ->type_name("RUN");
  add_experiment_options(*command, options->experiment);
  command->add_option("--out", options->run.out, "The run directory")->type_name("RUN");
  command->add_option("--runs-dir", options->run.runs_dir, "The folder of runs")->type_name("DIR");
  command->footer("gnomon train --config study.toml --set n_seed=3 --out runs/study");
  on_run(*command, context, [&context, options] { run_command(context, *options); });
}

void add_verify_command(CLI::App& app, Context& context) {
  struct Options {
    std::string run;
    std::string runs_dir = "runs";
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "verify", "Recompute a run from its saved weights and compare with what it stores");
  command->group(kStudyGroup);
  command->add_option("run", options->run, "A path, the beginning of a run's id, or @last")
      ->required()
      ->type_name("RUN");
  command->add_option("--runs-dir", options->runs_dir, "The folder of runs, `runs` unless given")
      ->type_name("DIR");
  command->footer("gnomon verify @last");
  on_run(*command, context,
         [&context, options] { verify_command(context, options->run, options->runs_dir); });
}

}  // namespace gnomon::cli
