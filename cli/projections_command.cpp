// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/run_records.h"
#include "cli/study_options.h"
#include "cli/study_run.h"
#include "cli/terminal.h"
#include "gnomon/report/original_definitions_files.h"
#include "gnomon/report/study_files.h"
#include "gnomon/report/study_text.h"

namespace gnomon::cli {
namespace {

std::string outcome_text(const StudyOutcome& outcome, const TextStyle& style) {
  std::string title =
      site_at_name(outcome.data.target.at, outcome.data.config) + " against the activation";
  if (outcome.data.weights != "raw") title += "\nweights " + outcome.data.weights;
  std::string text = directions_text(outcome.analysis, title, style) + "\n" +
                     baselines_text(outcome.analysis, style) + "\n" +
                     cosines_text(outcome.analysis, style) + "\nWhy r is not 1\n\n";
  for (const Ladder& ladder : outcome.ladders) text += ladder_text(ladder, style) + "\n";
  if (!outcome.original.empty()) text += original_definitions_text(outcome.original, style) + "\n";
  return text + checks_text(outcome.checks, style);
}

void run_projections(const Context& context, const StudyOptions& options) {
  const StudyOutcome outcome = run_study(context, options, "projections");
  const std::string shown = outcome_text(outcome, context.text_style());
  write_console_log(outcome, shown);
  if (context.options.json) {
    Json json = projections_json(outcome.data, outcome.analysis);
    json["weights"] = outcome.data.weights;
    json["audit"] = audit_json(outcome.ladders);
    if (!outcome.original.empty())
      json["as_original"] = original_definitions_json(outcome.original);
    json["checks"] = checks_json(outcome.checks);
    context.out << dump_json(json);
  } else {
    context.out << "\n" << shown << "Run: " << outcome.run.string() << "\n";
    context.message(fmt::format("Next:  gnomon audit {} --direction head", outcome.run.string()));
  }
  require_passed(outcome.checks, outcome.run);
}

}  // namespace

void add_projections_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<StudyOptions>();
  CLI::App* command =
      app.add_subcommand("projections", "Compare four directions with the true activation");
  command->group(kStudyGroup);
  add_study_options(*command, *options);
  CLI::Option* weights = add_weights_option(*command, options->weights);
  command
      ->add_flag("--as-original", options->as_original,
                 "Also as the original study computed them, and what each step between changes")
      ->excludes(weights);
  command->get_option("--model")->required();
  command->get_option("--target")->required();
  command->get_option("--texts")->required();
  command->footer(
      "gnomon projections --model smollm2-135m --texts builtin:scenes \\\n"
      "  --target 'blocks.8.mlp.hook_post[481]@last'\n"
      "gnomon projections --model ./gpt2 --texts news.txt --precision float64 \\\n"
      "  --target 'blocks.8.mlp.hook_post[481]'");
  on_run(*command, context, [&context, options] { run_projections(context, *options); });
}

}  // namespace gnomon::cli
