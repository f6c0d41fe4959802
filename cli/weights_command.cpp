// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cli/base_measurements.h"
#include "cli/commands.h"
#include "cli/option_values.h"
#include "cli/processor.h"
#include "cli/run_options.h"
#include "cli/run_records.h"
#include "cli/terminal.h"
#include "cli/trained_run.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/threads.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/weights_files.h"
#include "gnomon/train/option_names.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

struct WeightsCommand {
  std::string run;
  std::string runs_dir = kRunsFolder;
  std::string out;
  std::optional<std::uint64_t> training_seed;
  Index target = 0;
};

RunSettings run_settings(const Context& context, const WeightsCommand& command,
                         const TrainedRun& trained, const Target& target,
                         const WeightsOptions& options) {
  RunSettings settings;
  settings.started = std::chrono::system_clock::now();
  settings.home = environment_variable("HOME");
  settings.id_words = {"weights", trained.record.config.model.path, unit_word(target),
                       fmt::format("s{}", trained.seed)};
  settings.manifest.argv = context.arguments;
  settings.manifest.tool = tool_record();
  settings.manifest.machine = {processor_name(), threads()};
  settings.manifest.precision = precision_name(Precision::float32);
  settings.manifest.backend = backend_name(gnomon::RunOptions{}.backend);
  settings.manifest.seed = context.options.seed;
  const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
  settings.configuration = {
      {"command", std::string("weights"), "command line"},
      {"seed", integer(context.options.seed), context.options.seed == 0 ? "default" : "--seed"},
      {"run.id", trained.record.run.manifest.id, "RUN"},
      {"run.configuration_sha256", trained.record.run.manifest.configuration_sha256, "RUN"},
      {"run.training_seed", integer(trained.seed),
       command.training_seed ? "--training-seed" : "RUN"},
      {"target.unit", site_at_name(target.at, trained.record.inputs.model.config()), "RUN"},
      {"analysis.bootstrap", integer(options.n_bootstrap), "default"},
      {"analysis.confidence", options.level, "default"},
      {"analysis.random_directions", integer(options.n_random), "default"},
      {"analysis.other_neurons", integer(options.n_other), "default"},
      {"analysis.components", integer(options.n_component), "default"},
      {"analysis.refits", integer(options.n_refit), "default"},
      {"analysis.gradient_rows", integer(options.max_rows), "default"},
  };
  return settings;
}

WeightsSubject subject_of(const TrainedRun& trained, const Target& target) {
  const TrainOptions& train = trained.model->options();
  return {site_at_name(target.at, trained.record.inputs.model.config()),
          fmt::format("{}, head {}, trained: {}", option_name(train.reporter.kind),
                      option_name(train.reporter.head), option_name(train.trained.part)),
          trained.seed};
}

void weights_command(const Context& context, const WeightsCommand& command) {
  const TrainedRun trained =
      load_trained_run(resolve_run(command.run, command.runs_dir), command.training_seed);
  const ExperimentRecord& record = trained.record;
  if (command.target >= std::ssize(record.inputs.targets)) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("--target: {}, the run has {} targets, 0 to {}", command.target,
                                    record.inputs.targets.size(), record.inputs.targets.size() - 1),
                        "gnomon runs show RUN lists them");
  }
  const Target& target = record.inputs.targets[static_cast<std::size_t>(command.target)];
  const WeightsSubject subject = subject_of(trained, target);
  WeightsOptions options;
  options.seed = context.options.seed;
  RunSettings settings = run_settings(context, command, trained, target, options);
  RunDirectory run = command.out.empty()
                         ? RunDirectory::create_in(command.runs_dir, std::move(settings))
                         : RunDirectory::create(command.out, std::move(settings));
  const ModelConfig& sizes = record.inputs.model.config();
  WeightsAnalysis analysis;
  Json json;
  std::string shown;
  try {
    run.add_varying_file("console.log");
    run.set_model(model_record(record.inputs.model));
    if (record.run.manifest.data) run.set_data(*record.run.manifest.data);
    std::optional<StudyData> before, after;
    run.stage("measure", [&] {
      const auto measure = [&](const std::string& name, const Model& model) {
        Progress progress = context.progress(name, 0, "tokens");
        gnomon::RunOptions run_options;
        run_options.progress = progress.callback();
        StudyData study = rows_of_data(
            measure_study(model, target, record.data.texts, Precision::float32, run_options),
            record.data);
        progress.finish();
        return study;
      };
      before = measure("Start", record.inputs.model);
      after = trained.model->trains_model() ? measure("Trained", trained.model->model()) : *before;
    });
    run.stage("weights", [&] {
      TrainOptions train = record.config.train;
      train.seed = trained.seed;
      const ReportModel<float> start(record.inputs.model, record.reporter_data, train,
                                     gnomon::RunOptions{});
      analysis = analyse_weights(*trained.model, start, command.target, *after, *before, options);
      json = weights_json(subject, analysis, options, sizes);
      run.write_json("analysis/weights.json", json);
      run.write_csv("analysis/weights.csv", weights_csv(analysis));
      shown = weights_text(subject, analysis, sizes, context.text_style());
    });
    write_file_atomic(run.path() / "console.log", shown);
    run.finish();
  } catch (const std::exception& error) {
    run.fail(error);
    throw;
  }
  if (context.options.json) {
    context.out << dump_json(json);
  } else {
    context.out << shown << "\nRun: " << run.path().string() << "\n";
  }
}

}  // namespace

void add_weights_command(CLI::App& app, Context& context) {
  const auto options = std::make_shared<WeightsCommand>();
  CLI::App* command = app.add_subcommand(
      "weights", "Compare what a trained report reads with the neuron's directions");
  command->group(kStudyGroup);
  command
      ->add_option("run", options->run,
                   "A run of `gnomon run` or `train`: a path, the beginning of "
                   "its id, or @last")
      ->required()
      ->type_name("RUN");
  command
      ->add_option_function<std::string>(
          "--training-seed",
          [options](const std::string& given) {
            options->training_seed = static_cast<std::uint64_t>(
                parse_integer("--training-seed", given, 0, std::int64_t{1} << 62));
          },
          "Which training of the run; its first unless given")
      ->type_name("N");
  add_integer_option(*command, "--target", options->target, 0, 1 << 20,
                     "Number of the target where the run has several, from 0");
  command->add_option("--out", options->out, "The run directory to make")->type_name("DIR");
  add_runs_dir_option(*command, options->runs_dir);
  command->footer(
      "gnomon weights @last\n"
      "gnomon weights study --training-seed 1 --out study-weights --json");
  on_run(*command, context, [&context, options] { weights_command(context, *options); });
}

}  // namespace gnomon::cli
