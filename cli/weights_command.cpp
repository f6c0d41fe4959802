// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/derived_run.h"
#include "gnomon/report/weights_files.h"

namespace gnomon::cli {
namespace {

void weights_command(const Context& context, const DerivedRunOptions& given) {
  const TrainedRun trained = load_trained_run(given);
  const Target& target = studied_target(trained, given);
  const ModelConfig& sizes = trained.record.inputs.model.config();
  const WeightsSubject subject = {site_at_name(target.at, sizes), reporter_words(trained),
                                  trained.seed};
  WeightsOptions options;
  options.seed = context.options.seed;
  const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
  DerivedRun run(context, given, trained, "weights",
                 {{"analysis.bootstrap", integer(options.n_bootstrap), "default"},
                  {"analysis.confidence", options.level, "default"},
                  {"analysis.random_directions", integer(options.n_random), "default"},
                  {"analysis.other_neurons", integer(options.n_other), "default"},
                  {"analysis.components", integer(options.n_component), "default"},
                  {"analysis.refits", integer(options.n_refit), "default"},
                  {"analysis.gradient_rows", integer(options.max_rows), "default"}});
  std::optional<TargetStudies> studies;
  std::optional<WeightsAnalysis> analysis;
  run.stage("measure",
            [&](RunDirectory&) { studies = measure_before_and_after(context, trained, target); });
  run.stage("weights", [&](RunDirectory& files) {
    const std::unique_ptr<ReportModel<float>> start = untrained_model(trained);
    analysis = analyse_weights(*trained.model, *start, given.target, studies->after,
                               studies->before, options);
    files.write_json("analysis/weights.json", weights_json(subject, *analysis, options, sizes));
    files.write_csv("analysis/weights.csv", weights_csv(*analysis));
  });
  run.finish(weights_text(subject, *analysis, sizes, context.text_style()),
             weights_json(subject, *analysis, options, sizes), {});
}

}  // namespace

void add_weights_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<DerivedRunOptions>();
  CLI::App* command = app.add_subcommand(
      "weights", "Compare what a trained report reads with the neuron's directions");
  command->group(kStudyGroup);
  add_derived_run_options(*command, *options);
  command->footer(
      "gnomon weights @last\n"
      "gnomon weights study --training-seed 1 --out study-weights --json");
  on_run(*command, context, [&context, options] { weights_command(context, *options); });
}

}  // namespace gnomon::cli
