// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "gnomon/stats/column_moments.h"
#include "gnomon/stats/groups.h"

namespace gnomon {

// How much of a column's variance lies between groups of its rows.
struct VarianceExplained {
  double eta_squared = 0;  // SS_between / SS_total, of these rows
  // 1 - (1 - eta_squared) (n - 1) / (n - n_group): 0 on average where groups mean nothing, and then
  // as often negative. Kelley 1935, PNAS 21:554, epsilon squared.
  double adjusted = 0;
};

// Sums of many columns by group, of rows that arrive in parts and are not kept: what a one-way
// analysis of variance needs beside ColumnMoments of the same rows. 8 n_group bytes a column.
class ColumnGroupSums {
 public:
  ColumnGroupSums(Index n_group, Index width);

  // Rows [n_row, width]; batch.rows(g) belong to group `group[g]`, from 0 to n_group - 1, which
  // need not appear in every part. Throws ShapeError and ArgumentError (out_of_range).
  template <class T>
  void add_rows(MatrixView<const T> rows, const Groups& batch, std::span<const Index> group);

  Index n() const;
  Index n_group() const;  // that have a row
  // Of every column. `moments` are those of the same rows. Empty where the column is constant or
  // no group has a second row.
  std::vector<std::optional<VarianceExplained>> explained(const ColumnMoments& moments) const;

 private:
  Index width_;
  std::vector<Index> count_;  // rows of each group
  std::vector<double> sum_;   // [group, column]
};

}  // namespace gnomon
