// SPDX-License-Identifier: Apache-2.0
// in: a trained run and a command that studies it   out: a run directory of its own
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/run_options.h"
#include "cli/trained_run.h"
#include "gnomon/analyses/activation_drift.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/reporter_evaluation.h"
#include "gnomon/analyses/study.h"
#include "gnomon/report/run_directory.h"

namespace gnomon::cli {

// What commands that study one training of a run are told: RUN, --training-seed, --target, --out,
// --runs-dir and --name.
struct DerivedRunOptions {
  std::string run;
  std::string runs_dir = kRunsFolder;
  std::string out;
  std::string name;
  std::optional<std::uint64_t> training_seed;  // the run's first where there is none
  Index target = 0;
};
void add_derived_run_options(CLI::App& command, DerivedRunOptions& options);
// Parts of these: which training and target; where the results go.
void add_training_options(CLI::App& command, DerivedRunOptions& options);
void add_output_options(CLI::App& command, DerivedRunOptions& options);

// The folder of a run with trainings. Throws as resolve_run does, and ArgumentError for a run of
// another command.
std::filesystem::path experiment_folder(const std::string& run, const std::string& runs_dir);

// Throws as experiment_folder and load_trained_run(folder, seed) do, and ArgumentError
// (out_of_range) for a target that the run does not have.
TrainedRun load_trained_run(const DerivedRunOptions& options);
const Target& studied_target(const TrainedRun& trained, const DerivedRunOptions& options);
// "regression, head trained, trained: after_target"
std::string reporter_words(const TrainedRun& trained);
// The reporter as it was before its training.
std::unique_ptr<ReportModel<float>> untrained_model(const TrainedRun& trained);

// The target in the model before and after training, on the rows of the run's data.
struct TargetStudies {
  StudyData before;
  StudyData after;
};
TargetStudies measure_before_and_after(const Context& context, const TrainedRun& trained,
                                       const Target& target);

// What the run stored of one target of one training.
struct SeedEvaluation {
  ReporterEvaluation evaluation;
  ActivationDrift drift;
};
SeedEvaluation read_seed_evaluation(const TrainedRun& trained, Index target);

// The folder that a run made of `run` goes into: that of `run`, or --runs-dir where it is given.
std::filesystem::path runs_of(const DerivedRunOptions& options, const std::filesystem::path& run);

// The run directory of such a command. An exception that leaves a stage fails the run.
class DerivedRun {
 public:
  // `settings` are those of the command, beside what every such run records.
  DerivedRun(const Context& context, const DerivedRunOptions& options, const TrainedRun& trained,
             std::string_view command, std::vector<ConfigEntry> settings);
  // The same for a command that also takes a model without a run. It goes into the folder `runs`
  // where `options` do not say otherwise.
  DerivedRun(const Context& context, const DerivedRunOptions& options, RunSettings settings,
             const std::filesystem::path& runs, const Model& model,
             const std::optional<DataRecord>& data);

  // A message on the way, which console.log has too.
  void say(const std::string& line);
  void stage(const std::string& name, const std::function<void(RunDirectory&)>& body);
  // Writes checks.json where there are checks, and console.log; shows the text, or the JSON where
  // that is asked for; and throws CheckError for the first check that failed.
  void finish(const std::string& shown, const Json& json, const std::vector<CheckResult>& checks);

 private:
  const Context& context_;
  RunDirectory run_;
  std::string messages_;
};

}  // namespace gnomon::cli
