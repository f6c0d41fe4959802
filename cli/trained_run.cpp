// SPDX-License-Identifier: Apache-2.0
#include "cli/trained_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "cli/terminal.h"
#include "gnomon/base/error.h"
#include "gnomon/report/data_set_files.h"
#include "gnomon/train/train_checkpoint.h"

namespace gnomon::cli {

namespace fs = std::filesystem;

fs::path seed_folder(const fs::path& run, std::uint64_t seed) {
  return run / "seeds" / std::to_string(seed);
}

ExperimentRecord load_experiment_record(const fs::path& folder) {
  StoredRun run = open_run(folder);
  ExperimentSources sources;
  sources.file = run.path / "config.resolved.toml";
  sources.home = environment_variable("HOME");
  ExperimentConfig config = resolve_experiment(sources).config;
  ExperimentInputs inputs = load_experiment_model(config);
  if (run.manifest.model && run.manifest.model->sha256 != inputs.model.sha256()) {
    throw Error(ErrorCode::incompatible,
                fmt::format("the run was made with a model of SHA-256 {}, \"{}\" has {}",
                            run.manifest.model->sha256, config.model.path, inputs.model.sha256()),
                "bring back the model's files");
  }
  DataSet data = read_data_set(run.path / "data");
  auto reporter_data = std::make_shared<ReporterData>(experiment_reporter_data(inputs, data));
  return {std::move(run), std::move(config), std::move(inputs), std::move(data),
          std::move(reporter_data)};
}

std::unique_ptr<ReportModel<float>> load_trained_model(
    const ExperimentInputs& inputs, const ExperimentConfig& config,
    std::shared_ptr<const ReporterData> data, const fs::path& run, std::uint64_t seed,
    std::shared_ptr<UnchangedNumbers<float>> unchanged) {
  const fs::path checkpoints = seed_folder(run, seed) / "checkpoints";
  const auto best = find_checkpoint(checkpoints, "best");
  if (!best) {
    throw FileError(ErrorCode::not_found,
                    fmt::format("\"{}\" has no best checkpoint", checkpoints.string()),
                    fmt::format("the run has the seeds {}", fmt::join(config.seeds(), ", ")));
  }
  TrainOptions options = config.train;
  options.seed = seed;
  auto model = std::make_unique<ReportModel<float>>(inputs.model, std::move(data), options,
                                                    RunOptions{}, std::move(unchanged));
  load_parameters(*model, *best);
  return model;
}

TrainedRun load_trained_run(const fs::path& run, std::optional<std::uint64_t> seed) {
  TrainedRun trained{load_experiment_record(run), 0, nullptr};
  const ExperimentRecord& record = trained.record;
  trained.seed = seed.value_or(record.config.seeds().front());
  trained.model =
      load_trained_model(record.inputs, record.config, record.reporter_data, record.run.path,
                         trained.seed, std::make_shared<UnchangedNumbers<float>>());
  return trained;
}

}  // namespace gnomon::cli
