// SPDX-License-Identifier: Apache-2.0
// in: groups of numbers, such as causal gains   out: every number as a dot over its group's box
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

struct StripGroup {
  std::string label;  // "the neuron", "matched neurons"
  std::string note;
  std::vector<double> values;
  std::vector<std::string> names;  // of each value, or empty
  std::optional<double> ci_low;    // of a group of one value
  std::optional<double> ci_high;
  bool is_control = false;
};

struct StripReference {
  double value = 0;
  std::string label;  // "no effect"
};

struct StripChart {
  std::string id;
  std::string title;
  std::string description;
  std::string value_label;
  std::vector<StripGroup> groups;
  std::vector<StripReference> references;
  std::vector<std::string> numbers;  // lines above the plot
};

// A line for each group: dots, stacked where they would cover each other; from five values on a box
// from quartile to quartile with the median. Values that are not finite are left out. Controls have
// squares in the second colour.
Figure strip_figure(const StripChart& chart);

}  // namespace gnomon
