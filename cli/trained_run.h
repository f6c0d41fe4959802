// SPDX-License-Identifier: Apache-2.0
// in: the run directory of an experiment   out: its model, data and reporter with the trained
// weights
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "cli/experiment_config.h"
#include "cli/experiment_inputs.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/train/report_model.h"

namespace gnomon::cli {

std::filesystem::path seed_folder(const std::filesystem::path& run, std::uint64_t seed);

// What a run was made from: its settings and base model.
struct ExperimentRecord {
  StoredRun run;
  ExperimentConfig config;
  ExperimentInputs inputs;
  DataSet data;
  std::shared_ptr<const ReporterData> reporter_data;
};

// Throws as open_run does, and Error (incompatible) where the model is not the one of the run.
ExperimentRecord load_experiment_record(const std::filesystem::path& run);

// The model of a seed with its best checkpoint. `unchanged` as ReportModel has it. Throws FileError
// (not found), with the seeds of the run, where it has none of this seed.
std::unique_ptr<ReportModel<float>> load_trained_model(
    const ExperimentInputs& inputs, const ExperimentConfig& config,
    std::shared_ptr<const ReporterData> data, const std::filesystem::path& run, std::uint64_t seed,
    std::shared_ptr<UnchangedNumbers<float>> unchanged);

// A run and the reporter of one of its seeds.
struct TrainedRun {
  ExperimentRecord record;
  std::uint64_t seed = 0;
  std::unique_ptr<ReportModel<float>> model;
};
// The run's first seed where none is given.
TrainedRun load_trained_run(const std::filesystem::path& run, std::optional<std::uint64_t> seed);

}  // namespace gnomon::cli
