// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/derived_run.h"
#include "gnomon/analyses/verdict_study.h"
#include "gnomon/report/patch_files.h"
#include "gnomon/report/study_text.h"
#include "gnomon/report/verdict_files.h"
#include "gnomon/report/weights_files.h"

namespace gnomon::cli {
namespace {

struct VerdictCommand {
  DerivedRunOptions derived;
};

void verdict_command(const Context& context, const VerdictCommand& command) {
  const TrainedRun trained = load_trained_run(command.derived);
  const ReportModel<float>& model = *trained.model;
  const Target& target = studied_target(trained, command.derived);
  const SeedEvaluation stored = read_seed_evaluation(trained, command.derived.target);

  const WeightsSubject subject = {site_at_name(target.at, model.model().config()),
                                  reporter_words(trained), trained.seed};

  VerdictOptions options;
  options.target = command.derived.target;
  options.bootstrap.n_bootstrap = trained.record.config.evaluate.bootstrap;
  options.bootstrap.level = trained.record.config.evaluate.level;
  options.bootstrap.seed = context.options.seed;
  options.seed = context.options.seed;

  DerivedRun run(
      context, command.derived, trained, "verdict",
      {{"patch.controls", static_cast<std::int64_t>(options.n_control), "default"},
       {"analysis.bootstrap", static_cast<std::int64_t>(options.bootstrap.n_bootstrap), "run"},
       {"analysis.confidence", options.bootstrap.level, "run"}});
  VerdictStudy study;
  run.stage("verdict", [&](RunDirectory& files) {
    const TargetStudies studies = measure_before_and_after(context, trained, target);
    const std::unique_ptr<ReportModel<float>> start = untrained_model(trained);
    Progress progress = context.progress("Patch", 0, "rows");
    options.progress = progress.callback();
    study = study_verdict<float>(model, *start, studies.after, studies.before, stored.evaluation,
                                 stored.drift, options);
    progress.finish();
    if (study.patch) {
      files.write_json("analysis/patch.json", patch_json(*study.patch));
      files.write_csv("analysis/patch.csv", patch_csv(*study.patch, *trained.record.reporter_data));
    }
    files.write_json(
        "analysis/weights.json",
        weights_json(subject, study.weights, study.weights_options, model.model().config()));
    files.write_csv("analysis/weights.csv", weights_csv(study.weights));
    files.write_json("analysis/verdict.json", verdict_json(study.verdict, study.direction));
    files.write_csv("analysis/verdict.csv", verdict_csv(study.verdict));
  });
  const TextStyle style = context.text_style();
  std::string shown = verdict_text(study.verdict, style);
  if (!study.checks.empty()) shown += "\n" + checks_text(study.checks, style);
  run.finish(shown, verdict_json(study.verdict, study.direction), study.checks);
}

}  // namespace

void add_verdict_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<VerdictCommand>();
  CLI::App* command =
      app.add_subcommand("verdict", "Patch, weigh and judge: is the report read from the neuron?");
  command->group(kStudyGroup);
  add_derived_run_options(*command, options->derived);
  command->footer("gnomon verdict @last");
  on_run(*command, context, [&context, options] { verdict_command(context, *options); });
}

}  // namespace gnomon::cli
