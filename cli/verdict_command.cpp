// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/derived_run.h"
#include "gnomon/base/error.h"
#include "gnomon/report/patch_files.h"
#include "gnomon/report/study_text.h"
#include "gnomon/report/verdict_files.h"
#include "gnomon/report/weights_files.h"

namespace gnomon::cli {
namespace {

// With fewer than 19 no p-value can be as small as 0.05.
constexpr Index kControls = 39;

struct VerdictCommand {
  DerivedRunOptions derived;
};

std::optional<DirectionPatch> read_direction(const ReportModel<float>& model,
                                             const DirectionPatchOptions& options,
                                             std::string& why) {
  try {
    return patch_read_direction<float>(model, options);
  } catch (const ArgumentError& error) {
    if (error.code() != ErrorCode::wrong_site && error.code() != ErrorCode::bad_data) throw;
    why = error.what();
    return std::nullopt;
  }
}

void verdict_command(const Context& context, const VerdictCommand& command) {
  const TrainedRun trained = load_trained_run(command.derived);
  const ReportModel<float>& model = *trained.model;
  const Target& target = studied_target(trained, command.derived);
  const SeedEvaluation stored = read_seed_evaluation(trained, command.derived.target);

  const WeightsSubject subject = {site_at_name(target.at, model.model().config()),
                                  reporter_words(trained), trained.seed};

  BootstrapOptions bootstrap;
  bootstrap.n_bootstrap = trained.record.config.evaluate.bootstrap;
  bootstrap.level = trained.record.config.evaluate.level;
  bootstrap.seed = context.options.seed;
  PatchStudyOptions patch;
  patch.target = command.derived.target;
  patch.bootstrap = bootstrap;
  patch.seed = context.options.seed;
  patch.n_control = kControls;
  WeightsOptions weights;
  weights.seed = context.options.seed;
  weights.level = bootstrap.level;
  DirectionPatchOptions direction;
  direction.target = command.derived.target;
  direction.bootstrap = bootstrap;
  direction.seed = context.options.seed;

  DerivedRun run(context, command.derived, trained, "verdict",
                 {{"patch.controls", static_cast<std::int64_t>(kControls), "default"},
                  {"analysis.bootstrap", static_cast<std::int64_t>(bootstrap.n_bootstrap), "run"},
                  {"analysis.confidence", bootstrap.level, "run"}});
  std::optional<PatchStudy> patched;
  std::optional<WeightsAnalysis> read;
  std::optional<DirectionPatch> moved;
  std::string why_not_moved;
  std::optional<Verdict> verdict;
  run.stage("patch", [&](RunDirectory& files) {
    Progress progress = context.progress("Patch", 0, "rows");
    patch.progress = progress.callback();
    patched = study_patches<float>(model, patch);
    progress.finish();
    files.write_json("analysis/patch.json", patch_json(*patched));
    files.write_csv("analysis/patch.csv", patch_csv(*patched, *trained.record.reporter_data));
  });
  run.stage("direction",
            [&](RunDirectory&) { moved = read_direction(model, direction, why_not_moved); });
  run.stage("weights", [&](RunDirectory& files) {
    const TargetStudies studies = measure_before_and_after(context, trained, target);
    const std::unique_ptr<ReportModel<float>> start = untrained_model(trained);
    read = analyse_weights<float>(model, *start, command.derived.target, studies.after,
                                  studies.before, weights);
    files.write_json("analysis/weights.json",
                     weights_json(subject, *read, weights, model.model().config()));
    files.write_csv("analysis/weights.csv", weights_csv(*read));
  });
  std::vector<CheckResult> checks = patched->checks;
  if (moved) checks.push_back(moved->check);
  run.stage("verdict", [&](RunDirectory& files) {
    verdict = judge({stored.evaluation, stored.drift, *patched, *read, moved, why_not_moved});
    files.write_json("analysis/verdict.json", verdict_json(*verdict, moved));
    files.write_csv("analysis/verdict.csv", verdict_csv(*verdict));
  });
  const TextStyle style = context.text_style();
  run.finish(verdict_text(*verdict, style) + "\n" + checks_text(checks, style),
             verdict_json(*verdict, moved), checks);
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
