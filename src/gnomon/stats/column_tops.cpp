// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/column_tops.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/kernels/column_sums.h"

namespace gnomon {

ColumnTops::ColumnTops(Index n_top, Index width)
    : n_top_(n_top),
      tops_(static_cast<std::size_t>(n_top * width),
            ColumnTop{-std::numeric_limits<double>::infinity(), -1, -1}),
      smallest_(static_cast<std::size_t>(width), -std::numeric_limits<double>::infinity()) {}

template <class T>
void ColumnTops::add_item(MatrixView<const T> rows, Index item, std::span<const Index> place) {
  if (rows.cols != static_cast<Index>(smallest_.size()) ||
      rows.rows != static_cast<Index>(place.size())) {
    throw ShapeError(fmt::format("ColumnTops: rows [{}, {}] with {} places, expected width {}",
                                 rows.rows, rows.cols, place.size(), smallest_.size()));
  }
  if (rows.rows == 0) return;
  ++n_item_;
  std::vector<T> most(smallest_.size());
  column_maxima<T>(most, rows);
  for (std::size_t j = 0; j < most.size(); ++j) {
    const auto value = static_cast<double>(most[j]);
    if (!(value > smallest_[j])) continue;
    Index row = 0;
    while (rows(row, static_cast<Index>(j)) != most[j]) ++row;
    const auto first = tops_.begin() + static_cast<Index>(j) * n_top_;
    const auto last = first + n_top_;
    const auto at = std::find_if(first, last, [&](const ColumnTop& t) { return value > t.value; });
    std::move_backward(at, last - 1, last);
    *at = {value, item, place[static_cast<std::size_t>(row)]};
    smallest_[j] = (last - 1)->value;
  }
}

std::vector<ColumnTop> ColumnTops::top(Index j) const {
  const auto first = tops_.begin() + j * n_top_;
  return {first, first + std::min(n_top_, n_item_)};
}

template void ColumnTops::add_item(MatrixView<const float>, Index, std::span<const Index>);
template void ColumnTops::add_item(MatrixView<const double>, Index, std::span<const Index>);

}  // namespace gnomon
