// SPDX-License-Identifier: Apache-2.0
// in: a run directory of the original study    out: what stands in its files
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/tensor/torch_archive.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// What was met in the files besides their content. Each becomes a finding of the audit.
enum class OriginalFileState {
  missing,       // a file that every run has is not there
  unreadable,    // a file is not of its format and was left out
  foreign,       // a file that no run has
  not_finite,    // NaN or infinity in JSON, read as null
  stale_path,    // a path inside a file that leads nowhere; files are found by their names
  contradictory  // two files say different things
};
struct OriginalFileNote {
  OriginalFileState state = OriginalFileState::missing;
  std::string path;  // inside the run, with slashes
  std::string what;
};

struct OriginalRow {
  std::string text;
  double activation = 0;  // the label
  std::optional<Index> bin;
};

// A row of prediction_samples_test_*.csv.
struct OriginalPrediction {
  std::string text;
  double actual = 0;
  double predicted = 0;
};

struct OriginalHead {
  std::string path;  // inside the run
  std::string sha256;
  std::vector<TorchTensor> tensors;

  const Tensor<float>* find(std::string_view name) const;  // null where absent
};

// Of one epoch, in evaluation mode after it. Absent where the file has no finite number.
struct OriginalMetrics {
  std::optional<double> mse;
  std::optional<double> mae;
  std::optional<double> r2;
};

// training_metrics.json, one entry an epoch.
struct OriginalTraining {
  std::vector<std::optional<double>> train_loss;  // running mean in training mode
  std::vector<std::optional<double>> val_loss;    // mean of batch means in evaluation mode
  std::vector<OriginalMetrics> train;
  std::vector<OriginalMetrics> val;
  std::optional<Index> best_epoch;  // from 1
  std::optional<double> best_val_loss;
  std::optional<double> seconds;

  Index n_epoch() const { return static_cast<Index>(train_loss.size()); }
};

// What the log alone says.
struct OriginalLog {
  struct Example {
    std::string text;  // cut to 67 characters and "..."
    std::optional<double> predicted;
    std::optional<double> actual;
  };
  std::optional<Index> n_text;  // texts drawn or loaded
  std::string device;
  std::optional<double> scan_score;
  std::optional<double> scan_variance;
  std::optional<double> scan_range;
  std::vector<Example> examples;  // "Testing on new examples"
  bool raw_output_lines = false;  // "Raw model output:", which the published code does not print
};

struct OriginalRun {
  std::filesystem::path folder;

  // The target, from config.json, the data set's metadata or the summary, whichever has it first.
  std::string layer_type;  // "mlp_out", "resid_post"; empty where unsaid
  std::optional<Index> layer;
  std::optional<Index> index;
  std::string token_position;  // "last"
  std::string base_model;      // "gpt2"
  std::optional<Index> d_model;

  std::string head_type;               // "regression", "classification", "token"
  std::optional<Index> feature_layer;  // -1: the last
  std::string unfreeze_strategy;       // "none", "all", "after_target", ...
  std::optional<Index> batch_size;
  std::optional<Index> epochs;  // asked for
  std::optional<double> learning_rate;
  std::optional<Index> num_bins;
  std::optional<Index> max_length;  // of the padding

  std::string data_file;  // inside the run
  std::vector<OriginalRow> rows;
  std::optional<OriginalHead> best_head;
  std::optional<OriginalHead> final_head;
  std::optional<OriginalTraining> training;
  std::vector<OriginalPrediction> predictions;
  std::optional<OriginalLog> log;
  // mean error and its sd of introspection_report_*.txt
  std::optional<double> report_mean_error;
  std::optional<double> report_error_sd;
  // As stored; null where the file is absent.
  Json summary;
  Json weights_analysis;
  Json projections;
  std::optional<std::vector<double>> initial_activations;  // activation_data.json
  std::optional<std::vector<double>> final_activations;
  std::optional<double> stored_kl;

  std::vector<OriginalFileNote> notes;
};

// Reads what is there; nothing in the folder is executed, links are not followed and names in files
// are not used as paths. Formats: docs/formats/original_run.md. A file that is missing, foreign or
// not of its format becomes a note. Throws FileError where there is no folder or no data set in it,
// the data set is not of its format, there are several, or the folder has more than 4096 entries.
OriginalRun read_original_run(const std::filesystem::path& folder);

}  // namespace gnomon
