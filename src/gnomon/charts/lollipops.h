// SPDX-License-Identifier: Apache-2.0
// in: cosines and what they reach by chance   out: one line for each
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"
#include "gnomon/charts/null_band.h"

namespace gnomon {

struct Lollipop {
  std::string label;  // "head, output"
  std::string note;   // its definition
  double value = 0;   // -1 to 1
  std::optional<double> ci_low;
  std::optional<double> ci_high;
  std::optional<double> start;  // before training
  std::vector<NullBand> nulls;  // at most two
};

struct LollipopChart {
  std::string id;
  std::string title;
  std::string description;
  std::string value_title;  // "cosine"
  std::vector<Lollipop> rows;
};

// A stem from 0 to each value on an axis from -1 to 1, over the grey bands of its nulls, the first
// in the upper half of the line and the second in the lower; a ring where the value was before
// training. The number and its percentiles stand beside it.
Figure lollipop_figure(const LollipopChart& chart);

}  // namespace gnomon
