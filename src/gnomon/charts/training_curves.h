// SPDX-License-Identifier: Apache-2.0
// in: what was measured after each epoch of each training   out: loss and fit over the epochs
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

// One training; columns have an entry for each epoch that was measured, NaN where there is none.
struct TrainingCurve {
  std::string name;  // "seed 0"
  std::vector<double> epoch;
  std::vector<double> train_loss;
  std::vector<double> validation_loss;
  std::vector<double> validation_r;
  std::optional<double> best_epoch;
};

struct TrainingChart {
  std::string id = "training";
  std::string title;
  std::string description;
  std::vector<TrainingCurve> curves;
};

// Two panels over the epochs: losses on a log axis (linear where one is not positive), training
// dashed and validation solid; and r of the reports on the validation rows. Each training is a thin
// line with a ring at its best epoch; from three trainings on, a band has the range of them, and a
// bold line the mean, over the epochs that all of them reached. Throws ArgumentError where columns
// differ in length.
Figure training_figure(const TrainingChart& chart);

}  // namespace gnomon
