// SPDX-License-Identifier: Apache-2.0
#include "cli/derived_run.h"

#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <utility>
#include <variant>

#include "cli/base_measurements.h"
#include "cli/option_values.h"
#include "cli/run_records.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/evaluation_files.h"
#include "gnomon/report/folder_of_runs.h"
#include "gnomon/report/study_files.h"
#include "gnomon/train/option_names.h"

namespace gnomon::cli {
namespace {

RunSettings run_settings(const Context& context, const DerivedRunOptions& options,
                         const TrainedRun& trained, std::string_view command,
                         std::vector<ConfigEntry> more) {
  const RunManifest& from = trained.record.run.manifest;
  const Target& target = studied_target(trained, options);
  RunSettings settings = command_settings(context, Precision::float32);
  settings.id_words = {trained.record.config.model.path, unit_word(target), std::string(command),
                       fmt::format("s{}", trained.seed)};
  settings.manifest.name = options.name;
  const auto integer = [](auto value) { return static_cast<std::int64_t>(value); };
  settings.configuration = {
      {"command", std::string(command), "command line"},
      {"seed", integer(context.options.seed), context.options.seed == 0 ? "default" : "--seed"},
      {"run.id", from.id, "RUN"},
      {"run.configuration_sha256", from.configuration_sha256, "RUN"},
      {"run.training_seed", integer(trained.seed),
       options.training_seed ? "--training-seed" : "RUN"},
      {"target.unit", site_at_name(target.at, trained.record.inputs.model.config()), "RUN"}};
  for (ConfigEntry& entry : more) settings.configuration.push_back(std::move(entry));
  return settings;
}

}  // namespace

std::filesystem::path experiment_folder(const std::string& run, const std::string& runs_dir) {
  std::filesystem::path folder = resolve_run(run, runs_dir);
  // Runs of other commands have the command in their configuration.
  for (const ConfigEntry& entry : open_run(folder).read_configuration()) {
    if (entry.key != "command") continue;
    const auto* name = std::get_if<std::string>(&entry.value);
    throw ArgumentError(fmt::format("\"{}\" is a run of `gnomon {}`, which has no trained reporter",
                                    folder.string(), name == nullptr ? "" : *name),
                        "name a run of `gnomon run`; `gnomon runs list` shows them");
  }
  return folder;
}

void add_derived_run_options(CLI::App& command, DerivedRunOptions& options) {
  command
      .add_option("run", options.run,
                  "A run of `gnomon run` or `train`: a path, the beginning of its id, or @last")
      ->required()
      ->type_name("RUN");
  add_training_options(command, options);
  add_output_options(command, options);
}

void add_training_options(CLI::App& command, DerivedRunOptions& options) {
  command
      .add_option_function<std::string>(
          "--training-seed",
          [&options](const std::string& given) {
            options.training_seed = static_cast<std::uint64_t>(parse_integer(
                "--training-seed", given, 0, std::numeric_limits<std::int64_t>::max()));
          },
          "Which training of the run; its first unless given")
      ->type_name("N");
  add_integer_option(command, "--target", options.target, 0, 1 << 20,
                     "Number of the target where the run has several, from 0");
}

void add_output_options(CLI::App& command, DerivedRunOptions& options) {
  command
      .add_option(
          "-o,--out", options.out,
          "The run directory to make; unless given, one beside the run that it is of, where "
          "`gnomon report` of that run finds it")
      ->type_name("DIR");
  add_runs_dir_option(command, options.runs_dir);
  command.add_option("--name", options.name, "A name for the run")->type_name("TEXT");
}

TrainedRun load_trained_run(const DerivedRunOptions& options) {
  TrainedRun trained =
      load_trained_run(experiment_folder(options.run, options.runs_dir), options.training_seed);
  const auto n_target = std::ssize(trained.record.inputs.targets);
  if (options.target >= n_target) {
    throw ArgumentError(
        ErrorCode::out_of_range,
        fmt::format("--target is {}, expected 0 to {}: the run has {} target{}", options.target,
                    n_target - 1, n_target, n_target == 1 ? "" : "s"),
        "gnomon runs show RUN lists them");
  }
  return trained;
}

const Target& studied_target(const TrainedRun& trained, const DerivedRunOptions& options) {
  return trained.record.inputs.targets[static_cast<std::size_t>(options.target)];
}

std::string reporter_words(const TrainedRun& trained) {
  const TrainOptions& train = trained.model->options();
  return fmt::format("{}, head {}, trained: {}", option_name(train.reporter.kind),
                     option_name(train.reporter.head), option_name(train.trained.part));
}

std::unique_ptr<ReportModel<float>> untrained_model(const TrainedRun& trained) {
  TrainOptions train = trained.record.config.train;
  train.seed = trained.seed;
  return std::make_unique<ReportModel<float>>(
      trained.record.inputs.model, trained.record.reporter_data, train, gnomon::RunOptions{});
}

TargetStudies measure_before_and_after(const Context& context, const TrainedRun& trained,
                                       const Target& target) {
  const ExperimentRecord& record = trained.record;
  const auto measure = [&](const std::string& name, const Model& model) {
    Progress progress = context.progress(name, 0, "tokens");
    gnomon::RunOptions run;
    run.progress = progress.callback();
    StudyData study = rows_of_data(
        measure_study(model, target, record.data.texts, Precision::float32, run), record.data);
    progress.finish();
    return study;
  };
  TargetStudies studies;
  studies.before = measure("Before", record.inputs.model);
  studies.after =
      trained.model->trains_model() ? measure("After", trained.model->model()) : studies.before;
  return studies;
}

SeedEvaluation read_seed_evaluation(const TrainedRun& trained, Index target) {
  const StoredRun& run = trained.record.run;
  const std::string folder = seed_folder("", trained.seed).generic_string();
  const std::string evaluation =
      folder + (target == 0 ? "/evaluation.json" : fmt::format("/evaluation-{}.json", target));
  const std::string training = folder + "/training.json";
  return {evaluation_from_json(run.read_json(evaluation), evaluation),
          drift_from_json(run.read_json(training).at("drift").at(static_cast<std::size_t>(target)),
                          trained.record.config.evaluate.level, training)};
}

std::filesystem::path runs_of(const DerivedRunOptions& options, const std::filesystem::path& run) {
  return options.runs_dir == kRunsFolder ? folder_of_runs(run)
                                         : std::filesystem::path(options.runs_dir);
}

DerivedRun::DerivedRun(const Context& context, const DerivedRunOptions& options,
                       const TrainedRun& trained, std::string_view command,
                       std::vector<ConfigEntry> settings)
    : DerivedRun(context, options,
                 run_settings(context, options, trained, command, std::move(settings)),
                 runs_of(options, trained.record.run.path), trained.record.inputs.model,
                 trained.record.run.manifest.data) {}

DerivedRun::DerivedRun(const Context& context, const DerivedRunOptions& options,
                       RunSettings settings, const std::filesystem::path& runs, const Model& model,
                       const std::optional<DataRecord>& data)
    : context_(context),
      run_(options.out.empty() ? RunDirectory::create_in(runs, std::move(settings))
                               : RunDirectory::create(options.out, std::move(settings))) {
  run_.add_varying_file("console.log");
  run_.set_model(model_record(model));
  if (data) run_.set_data(*data);
}

void DerivedRun::say(const std::string& line) {
  messages_ += line + "\n";
  context_.message(line);
}

void DerivedRun::stage(const std::string& name, const std::function<void(RunDirectory&)>& body) {
  run_.stage(name, [&] { body(run_); });
}

void DerivedRun::finish(const std::string& shown, const Json& json,
                        const std::vector<CheckResult>& checks) {
  if (!checks.empty())
    run_.stage("checks", [&] { run_.write_json("checks.json", checks_json(checks)); });
  write_file_atomic(run_.path() / "console.log", messages_ + shown);
  run_.finish(all_passed(checks) ? RunStatus::done : RunStatus::failed);
  if (context_.options.json) {
    context_.out << dump_json(json);
  } else {
    context_.out << shown << "\nRun: " << run_.path().string() << "\n";
  }
  require_passed(checks, run_.path());
}

}  // namespace gnomon::cli
