// SPDX-License-Identifier: Apache-2.0
// in: reports after values were written into the unit   out: report against what was written
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

// One text: reports in the order of the written values.
struct DoseLine {
  std::int64_t text = 0;
  std::int64_t position = 0;
  std::vector<double> value;
  std::vector<double> report;
};

struct DosePoint {
  double value = 0;  // written, mean over texts
  double report = 0;
  std::optional<double> ci_low;  // of the mean report
  std::optional<double> ci_high;
};

struct DoseChart {
  std::string id = "dose-response";
  std::string title;
  std::string description;
  std::string value_label;   // "value written into blocks.2.mlp.hook_post[509]@last"
  std::string report_label;  // "report"
  std::vector<DoseLine> lines;
  std::vector<DosePoint> mean;
  std::optional<double> natural_low;  // the unit's own range
  std::optional<double> natural_high;
  std::vector<double> control_gains;  // slopes of other units, drawn through the mean of the doses
  std::vector<std::string> numbers;   // lines above the plot
};

// At most this many lines of texts are drawn, evenly chosen; the table has all.
inline constexpr std::size_t kMostDoseLines = 150;

// Thin lines for texts (data-text, data-position), a bold line with its band for their mean, dashed
// the identity (a report that follows), grey the controls, shaded the natural range. Axes take in
// the natural range in both directions, so that the identity is seen. Throws ArgumentError where a
// line has not one report for each value.
Figure dose_response_figure(const DoseChart& chart);

}  // namespace gnomon
