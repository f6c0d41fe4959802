// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/probe.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/analyses/study.h"
#include "gnomon/base/error.h"
#include "gnomon/stats/groups.h"

namespace gnomon {
std::vector<Probe> fit_probes(MatrixView<const double> features,
                              std::span<const std::span<const double>> labels,
                              const ProbeRows& rows, const ProbeOptions& options) {
  const auto n_row = static_cast<std::size_t>(features.rows);
  if (rows.group.size() != n_row) {
    throw ShapeError(
        fmt::format("fit_probes: {} rows of features and {} of groups, expected as many", n_row,
                    rows.group.size()));
  }
  for (const std::span<const double> column : labels) {
    if (column.size() != n_row) {
      throw ShapeError(fmt::format(
          "fit_probes: {} rows of features and {} labels, expected as many", n_row, column.size()));
    }
  }
  const std::vector<Index> groups = take(rows.group, rows.training);
  const Index n_group = index_groups(groups).n_group;
  if (n_group < 2 || rows.scored.empty()) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("fit_probes: {} training groups and {} scored rows, expected at least 2 and 1",
                    n_group, rows.scored.size()),
        "give more texts that differ");
  }
  std::vector<std::vector<double>> training_labels;
  for (const std::span<const double> column : labels)
    training_labels.push_back(take(column, rows.training));
  const std::vector<std::span<const double>> outcomes(training_labels.begin(),
                                                      training_labels.end());
  RidgeCvOptions ridge;
  ridge.n_fold = std::min(options.n_fold, n_group);
  ridge.scaling = options.scaling;
  ridge.seed = options.seed;
  const Tensor<double> training = take_rows(features, rows.training);
  std::vector<Probe> probes;
  for (const RidgeCv& cv : fit_ridges_cross_validated(training.matrix(), outcomes, groups, ridge)) {
    Probe& probe = probes.emplace_back();
    probe.lambda = cv.fit.lambda;
    probe.at_edge = cv.at_edge;
    probe.cv_r2 = cv.cv_r2;
    probe.cv_mean_square =
        cv.held_out_sum_of_squares[cv.selected] / static_cast<double>(rows.training.size());
    for (const Index row : rows.scored)
      probe.prediction.push_back(cv.fit.predict(features.row(row)));
  }
  return probes;
}

}  // namespace gnomon
