// SPDX-License-Identifier: Apache-2.0
// in: each direction's projections and the true activations   out: panels of points with their line
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

// The |r| that directions with nothing to do with the target reach.
struct NullBand {
  std::string name;        // "random directions", "other neurons"
  double abs_r_upper = 0;  // 97.5 % of their |r| lie below
  double percentile = 0;   // of the shown r among them, 0 to 100
  std::int64_t n = 0;
};

// One direction. The three columns have an entry for each row; rows without a finite x and y are
// counted and not drawn.
struct ScatterPanel {
  std::string name;   // of the panel, a-z0-9_: "input"
  std::string title;  // "input weights"
  std::string note;   // where it is read, its definition
  std::string x_label;
  std::string y_label;
  std::vector<double> x;  // projection
  std::vector<double> y;  // true activation
  std::vector<std::int64_t> row;
  std::vector<std::string> part;  // "train", "val", "test"; may be empty
  // Rows that the numbers below are of: filled dots, line, histograms. Empty: all. Others are
  // hollow.
  std::vector<bool> scored;

  std::optional<double> r;
  std::optional<double> ci_low;
  std::optional<double> ci_high;
  double level = 0.95;
  std::optional<double> r2_fit;
  std::optional<double> r2_identity;
  std::optional<double> p;
  std::int64_t n_rows = 0;
  std::int64_t n_texts = 0;  // distinct text groups among them
  std::vector<NullBand> nulls;
};

struct ScatterChart {
  std::string id = "projections";
  std::string title;
  std::string description;  // the finding; ranges and counts are appended
  std::vector<ScatterPanel> panels;
};

// Panels two in a row, each with its number block, r with its interval on the null bands, marginal
// histograms, and the least-squares line of y on x with its pointwise 95 % band (Student's, the
// rows taken as independent). All panels have the same y axis. Rows at the same place are one dot;
// above kMostMarks rows a panel shows the scored rows in bins. Throws ArgumentError where columns
// of a panel differ in length.
Figure scatter_figure(const ScatterChart& chart);

// The same for each panel alone, with ids "<id>-<panel>": for a page that lays them out itself. Y
// axes are those of scatter_figure.
std::vector<Figure> scatter_panel_figures(const ScatterChart& chart);

}  // namespace gnomon
