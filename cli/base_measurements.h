// SPDX-License-Identifier: Apache-2.0
// in: an experiment's base model and data   out: what every evaluation of it needs, measured once
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/experiment_inputs.h"
#include "gnomon/analyses/evaluation_references.h"
#include "gnomon/analyses/study.h"

namespace gnomon::cli {

// The study's rows that the data set has: balancing drops some.
StudyData rows_of_data(StudyData study, const DataSet& data);

// Whether these values [n_row] vary on the training rows and on the held-out ones.
bool can_be_labels(const std::vector<double>& values, const DataSet& data);

// Numbers that do not depend on what was trained. Each is measured when it is first asked for and
// kept: a pass through the model is most of an evaluation's cost. References outlive neither
// this object nor the data.
class BaseMeasurements {
 public:
  BaseMeasurements(const ExperimentInputs& inputs, const ExperimentConfig& config,
                   const DataSet& data);

  // The target and the streams around it in the base model, on the rows of the data.
  const StudyData& study(std::size_t target);
  // Another neuron of the same layer that varies on the training and held-out rows; empty where the
  // target is no neuron or none of some that are tried varies.
  const std::vector<OtherLabels>& other_neuron(std::size_t target);
  // Features of the reporter's site in a model of the same shape with random weights.
  const Tensor<double>& random_model_features();
  // What is kept for references of a model that training does not change, whose features are the
  // same for every seed.
  std::optional<EvaluationReferences>& untrained_references(std::size_t target);

 private:
  struct OfTarget {
    std::optional<StudyData> study;
    std::optional<std::vector<OtherLabels>> other;
    std::optional<EvaluationReferences> references;
  };
  const ExperimentInputs& inputs_;
  const ExperimentConfig& config_;
  const DataSet& data_;
  std::vector<OfTarget> targets_;
  Tensor<double> random_features_;
};

}  // namespace gnomon::cli
