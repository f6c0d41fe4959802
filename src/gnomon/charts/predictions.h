// SPDX-License-Identifier: Apache-2.0
// in: reports and the true activations   out: predicted against true, and what is left over
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

// Columns have an entry for each row; rows that are not finite are counted and not drawn.
struct PredictionChart {
  std::string id = "predictions";
  std::string title;
  std::string description;
  std::string truth_label;   // "blocks.2.mlp.hook_post[509]@last"
  std::string report_label;  // "report"
  std::vector<double> truth;
  std::vector<double> report;
  std::vector<std::int64_t> row;
  std::vector<std::string> part;     // may be empty
  std::vector<bool> scored;          // filled dots; empty: all
  std::vector<std::string> numbers;  // lines above the panels: "R²(identity) 0.43 [...]"
};

// Two panels with the same x axis: the report against the truth, both axes of one range, with the
// line report = truth; and report - truth against the truth, with the line 0. Above kMostMarks rows
// the scored ones are drawn in bins. Throws ArgumentError where columns differ in length.
Figure prediction_figure(const PredictionChart& chart);

}  // namespace gnomon
