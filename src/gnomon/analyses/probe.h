// SPDX-License-Identifier: Apache-2.0
// in: features and labels of every row   out: what ridge regression on the training rows predicts
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "gnomon/stats/ridge.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// Which rows a probe learns from, and which it predicts. Spans of the caller, indices of rows.
struct ProbeRows {
  std::span<const Index> group;  // of every row
  std::span<const Index> training;
  std::span<const Index> scored;
};

struct ProbeOptions {
  Index n_fold = 5;  // at most; as many as there are training groups where those are fewer
  FeatureScaling scaling = FeatureScaling::none;
  std::uint64_t seed = 0;  // of the folds
};

struct Probe {
  std::vector<double> prediction;  // [scored rows]
  double lambda = 0;
  bool at_edge = false;  // of the lambdas tried
  // On training rows, each predicted without its group; R² is empty where the labels are constant.
  std::optional<double> cv_r2;
  double cv_mean_square = 0;  // error, in the labels' unit squared
};

// Ridge regression with lambda by cross-validation over text groups (stats/ridge.h), once for each
// column of labels: one pipeline for floors, ceilings and controls, so that they differ in data
// alone. Labels of scored rows are not looked at.
//
// features [n_row, d]   labels: columns of n_row
// Throws ArgumentError (bad_data) for fewer than 2 training groups or no scored row; ShapeError;
// NumericError.
std::vector<Probe> fit_probes(MatrixView<const double> features,
                              std::span<const std::span<const double>> labels,
                              const ProbeRows& rows, const ProbeOptions& options);

}  // namespace gnomon
