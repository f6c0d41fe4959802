// SPDX-License-Identifier: Apache-2.0
// in: one number for each layer   out: where in the model it appears
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

struct LayerPoint {
  double layer = 0;
  double value = 0;
  std::optional<double> ci_low;
  std::optional<double> ci_high;
};

struct LayerSeries {
  std::string name;
  std::vector<LayerPoint> points;  // ascending layers
};

struct LayerChart {
  std::string id;
  std::string title;
  std::string description;
  std::string value_label;
  std::vector<LayerSeries> series;  // at most four are told apart
  std::optional<double> target_layer;
};

// A line with dots and a band of its intervals for each series, told apart by colour and dash; the
// target's layer as a vertical line, the layers up to it shaded.
Figure layer_figure(const LayerChart& chart);

}  // namespace gnomon
