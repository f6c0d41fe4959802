// SPDX-License-Identifier: Apache-2.0
// in: a matrix of numbers with names   out: coloured cells that carry their number
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/charts/figure.h"

namespace gnomon {

struct HeatMapChart {
  std::string id;
  std::string title;
  std::string description;
  std::string row_title;     // of the row labels; may be empty
  std::string column_title;  // of the column labels; may be empty
  std::string value_title;   // "r", "change of the report"
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  // [rows, columns] row by row; empty cells have a cross and no number.
  std::vector<std::optional<double>> values;
  // Cells to mark with a dot in their corner, with what the dot means; may be empty.
  std::vector<bool> marked;
  std::string mark_meaning;
  // The scale goes from -limit to limit; 0: the largest |value|.
  double limit = 0;
  bool grey_diagonal = false;
};

// A diverging scale, blue for positive and red for negative, of 11 steps. The order of rows and
// columns is the caller's. Cells too narrow for a number carry none; the table has it. The first
// row is at the top. Throws ArgumentError where there is not one value for each cell.
Figure heat_map_figure(const HeatMapChart& chart);

}  // namespace gnomon
