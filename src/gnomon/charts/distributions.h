// SPDX-License-Identifier: Apache-2.0
// in: one quantity before and after   out: both distributions, and how each row changed
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

// Rows in the same order in both; those that are not finite in both are left out.
struct DistributionChart {
  std::string id;
  std::string title;
  std::string description;
  std::string value_label;  // "activation of blocks.2.mlp.hook_post[509]@last"
  std::string before_name;  // "before training"
  std::string after_name;   // "after training"
  std::vector<double> before;
  std::vector<double> after;
  std::vector<std::int64_t> row;
  std::vector<std::string> numbers;  // lines above the panels
};

// Two panels: the share of rows at or below each value, before (dashed) and after (solid); and the
// histogram of after - before. Throws ArgumentError where columns differ in length.
Figure distribution_figure(const DistributionChart& chart);

}  // namespace gnomon
