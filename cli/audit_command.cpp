// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/option_values.h"
#include "cli/run_records.h"
#include "cli/study_options.h"
#include "cli/study_run.h"
#include "gnomon/base/error.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/study_files.h"
#include "gnomon/report/study_text.h"

namespace gnomon::cli {
namespace {

struct AuditOptions {
  std::string run;
  std::string direction = "all";
  StudyOptions study;
};

// "input" of a gated neuron has three ladders: the mean gradient and both branches.
bool is_chosen(const Ladder& ladder, const std::string& direction) {
  return direction == "all" || ladder.direction == direction ||
         ladder.direction.starts_with(direction + "_");
}

std::vector<Ladder> ladders_of_run(const Context& context, const AuditOptions& options) {
  const StoredRun run = open_run(resolve_run(options.run, options.study.runs_dir));
  const StoredStudy study = read_study(run.file("data/activations.safetensors"));
  LadderOptions ladder_options;
  ladder_options.bootstrap.seed = run.manifest.seed;
  context.message(fmt::format("Run      {}: the ladder is computed again from its stored streams",
                              run.manifest.id));
  return audit_ladders(study.data, study.head, study.mean_gradient, study.data.rows_of(Part::test),
                       study.data.rows_of(Part::train), ladder_options);
}

void run_audit(const Context& context, const AuditOptions& options) {
  const bool from_run = !options.run.empty();
  const bool from_model =
      !options.study.model.empty() && !options.study.target.empty() && !options.study.texts.empty();
  if (from_run == from_model) {
    throw ArgumentError(
        "audit: expected either a run, or --model, --target and --texts",
        "gnomon audit @last   or   gnomon audit --model M --target SITE --texts FILE");
  }
  std::optional<StudyOutcome> outcome;
  if (from_model) outcome = run_study(context, options.study, "audit");
  const std::vector<Ladder> all = outcome ? outcome->ladders : ladders_of_run(context, options);
  std::vector<Ladder> chosen;
  std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
               [&](const Ladder& ladder) { return is_chosen(ladder, options.direction); });
  if (chosen.empty()) {
    throw ArgumentError(
        ErrorCode::wrong_site,
        fmt::format("direction \"{}\" is not defined for this target", options.direction),
        "a coordinate of the residual stream has no input direction: use output, final or head");
  }
  std::string shown;
  for (const Ladder& ladder : chosen) shown += ladder_text(ladder, context.text_style()) + "\n";
  if (outcome) write_console_log(*outcome, shown);
  if (context.options.json) {
    context.out << dump_json(audit_json(chosen));
  } else {
    context.out << shown;
  }
  for (const Ladder& ladder : chosen) {
    if (ladder.closes) continue;
    throw CheckError(
        fmt::format("the {} ladder does not close: 1 - r is {:.3g}, expected below {:.3g}",
                    ladder.direction, ladder.one_minus_r.value_or(1), ladder.tolerance));
  }
  if (outcome) require_passed(outcome->checks, outcome->run);
}

}  // namespace

void add_audit_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<AuditOptions>();
  CLI::App* command =
      app.add_subcommand("audit", "Show operation by operation why a correlation is not 1");
  command->group(kStudyGroup);
  command
      ->add_option("run", options->run,
                   "A run directory, the beginning of its id, or @last; or else --model, --target "
                   "and --texts")
      ->type_name("RUN");
  add_choice_option<std::string>(*command, "--direction", options->direction,
                                 {{"all", "all"},
                                  {"input", "input"},
                                  {"output", "output"},
                                  {"final", "final"},
                                  {"head", "head"}},
                                 "The ladder to show");
  add_study_options(*command, options->study);
  command->footer(
      "gnomon audit @last --direction input\n"
      "gnomon audit --model smollm2-135m --texts builtin:scenes \\\n"
      "  --target 'blocks.8.mlp.hook_post[481]'");
  on_run(*command, context, [&context, options] { run_audit(context, *options); });
}

}  // namespace gnomon::cli
