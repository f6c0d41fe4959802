// SPDX-License-Identifier: Apache-2.0
// run, train, verify and demo: an experiment from its configuration.
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/experiment_options.h"
#include "cli/experiment_run.h"
#include "cli/run_records.h"
#include "cli/terminal.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/run_summary.h"
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

void finish(const Context& context, const ExperimentOutcome& outcome,
            std::size_t n_ladder = std::numeric_limits<std::size_t>::max()) {
  const std::string shown = experiment_text(outcome, context.text_style(), n_ladder);
  write_file_atomic(outcome.run / "console.log", outcome.messages + shown);
  if (context.options.json) {
    context.out << dump_json(read_json_file(outcome.run / kSummaryFile));
  } else {
    context.out << "\n" << shown << "Run: " << outcome.run.string() << std::endl;
    const std::string run = outcome.run.string();
    context.message(fmt::format("Next:  gnomon verify {}\n       gnomon runs show {}", run, run));
  }
  require_passed(outcome.checks, outcome.run);
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
  finish(context, outcome);
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

// The embedded model, an early block's neuron, generated texts: a head alone, then the blocks after
// the target.
void demo_command(const Context& context, const std::string& out) {
  const std::string root = out.empty() ? "runs/demo" : out;
  const std::vector<std::string> common = {"model.path=gnomon-books",
                                           "data.texts=[\"builtin:scenes:600\"]",
                                           "target.units=[\"blocks.1.mlp.hook_post[100]@last\"]",
                                           "train.epochs=10", "evaluate.bootstrap=1000"};
  std::string next;
  for (const bool after_target : {false, true}) {
    RunCommand options;
    options.experiment.set = common;
    options.experiment.set.push_back(after_target ? "train.trained.part=after_target"
                                                  : "train.trained.part=none");
    if (after_target) options.experiment.set.push_back("train.optimizer.learning_rate=1e-3");
    options.run.out = root + (after_target ? "/after_target" : "/head");
    context.message(after_target ? "\nThe blocks after the target's and a head"
                                 : "A head on the last stream");
    const ResolvedExperiment experiment =
        resolve_experiment(experiment_sources(context, options.experiment));
    finish(context, run_experiment(context, experiment, options.run), 1);
    next += " " + options.run.out;
  }
  context.message("Next:  gnomon compare" + next);
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

void add_demo_command(CLI::App& app, Context& context) {
  const auto out = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "demo", "The whole experiment on the embedded model, without a network, in under a minute");
  command->group(kStudyGroup);
  command->add_option("--out", *out, "Folder for the two runs, `runs/demo` unless given")
      ->type_name("DIR");
  command->footer("gnomon demo");
  on_run(*command, context, [&context, out] { demo_command(context, *out); });
}

}  // namespace gnomon::cli
