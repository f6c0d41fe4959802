// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon {

// A large value of a column, the item (a text) it was found in, and its place there (a position).
struct ColumnTop {
  double value = 0;
  Index item = 0;
  Index place = 0;

  friend bool operator==(const ColumnTop&, const ColumnTop&) = default;
};

// The items with the largest values of many columns, each by its own largest value: one entry for
// an item. Of equal values the item that came first stays, and in an item the first place.
// 24 n_top bytes a column.
class ColumnTops {
 public:
  ColumnTops(Index n_top, Index width);  // n_top > 0

  // The rows [n_row, width] of one item, all of them; place[i] is where row i is in the item.
  // Throws ShapeError. Values are finite numbers (ColumnMoments refuses others).
  template <class T>
  void add_item(MatrixView<const T> rows, Index item, std::span<const Index> place);

  // Of column j, the largest first; fewer than n_top where there were fewer items.
  std::vector<ColumnTop> top(Index j) const;

 private:
  Index n_top_;
  Index n_item_ = 0;
  std::vector<ColumnTop> tops_;   // [column, n_top], the largest first
  std::vector<double> smallest_;  // of each column's entries: what an item has to exceed
};

}  // namespace gnomon
