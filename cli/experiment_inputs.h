// SPDX-License-Identifier: Apache-2.0
// in: an experiment's settings   out: its model, targets, texts and rows
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/experiment_config.h"
#include "gnomon/analyses/data_set.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/model/model.h"
#include "gnomon/train/reporter_data.h"

namespace gnomon::cli {

struct ExperimentInputs {
  Model model;
  std::vector<Target> targets;
  SiteAt feature_site;
};
// Where a head reads unless it is said: the last block's hook_resid_post at the position of the
// targets, or at @last where that is a token by its number.
SiteAt default_feature_site(const std::vector<Target>& targets, const ModelConfig& sizes);
ExperimentInputs load_experiment_model(const ExperimentConfig& config);

struct ExperimentTexts {
  std::vector<TextRecord> records;
  std::vector<TextSourceRecord> sources;
};
ExperimentTexts read_experiment_texts(const Context& context, const ExperimentConfig& config);

DataSet build_experiment_data(const ExperimentInputs& inputs, const ExperimentConfig& config,
                              const ExperimentTexts& texts,
                              std::function<void(Index, Index)> progress);

ReporterData experiment_reporter_data(const ExperimentInputs& inputs, const DataSet& data);

// Where each row of the data set stands among rows measured on the same texts: balancing kept some
// of them, in their order.
std::vector<Index> measured_rows(const DataSet& data, std::span<const Index> text,
                                 std::span<const Index> position);

// The targets' activations in the base model, [n_row] of the data for each target.
std::vector<std::vector<double>> measure_targets(const ExperimentInputs& inputs,
                                                 const DataSet& data);
// R4: the stored activations, measured again with the base model.
CheckResult snapshot_check(const DataSet& data, std::span<const std::vector<double>> again);

}  // namespace gnomon::cli
