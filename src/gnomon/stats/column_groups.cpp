// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/column_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/kernels/column_sums.h"

namespace gnomon {

ColumnGroupSums::ColumnGroupSums(Index n_group, Index width)
    : width_(width),
      count_(static_cast<std::size_t>(n_group)),
      sum_(static_cast<std::size_t>(n_group * width)) {}

template <class T>
void ColumnGroupSums::add_rows(MatrixView<const T> rows, const Groups& batch,
                               std::span<const Index> group) {
  if (rows.cols != width_ || rows.rows != batch.n_row() ||
      static_cast<Index>(group.size()) != batch.n_group) {
    throw ShapeError(
        fmt::format("ColumnGroupSums: rows [{}, {}] with {} grouped rows and {} numbers for {} "
                    "groups, expected width {} and as many of each",
                    rows.rows, rows.cols, batch.n_row(), group.size(), batch.n_group, width_));
  }
  for (const Index g : group) {
    if (g < 0 || g >= static_cast<Index>(count_.size())) {
      throw ArgumentError(
          ErrorCode::out_of_range,
          fmt::format("ColumnGroupSums: group {}, expected 0 to {}", g, count_.size() - 1));
    }
  }
  const std::span<double> sums(sum_);
  for (Index b = 0; b < batch.n_group; ++b) {
    const auto g = static_cast<std::size_t>(group[static_cast<std::size_t>(b)]);
    count_[g] += batch.size(b);
    const auto width = static_cast<std::size_t>(width_);
    add_rows_to_sum<T>(sums.subspan(g * width, width), rows, batch.rows(b));
  }
}

Index ColumnGroupSums::n() const { return std::accumulate(count_.begin(), count_.end(), Index{0}); }

Index ColumnGroupSums::n_group() const {
  return static_cast<Index>(count_.size()) - std::count(count_.begin(), count_.end(), Index{0});
}

std::vector<std::optional<VarianceExplained>> ColumnGroupSums::explained(
    const ColumnMoments& moments) const {
  if (moments.width() != width_ || moments.n() != n()) {
    throw ShapeError(fmt::format(
        "ColumnGroupSums: moments of [{}, {}] rows, expected those of the same [{}, {}]",
        moments.n(), moments.width(), n(), width_));
  }
  const auto width = static_cast<std::size_t>(width_);
  std::vector<std::optional<VarianceExplained>> result(width);
  if (n() <= n_group()) return result;
  std::vector<double> between(width);
  for (std::size_t g = 0; g < count_.size(); ++g) {
    if (count_[g] == 0) continue;
    const auto n_row = static_cast<double>(count_[g]);
    for (std::size_t j = 0; j < width; ++j) {
      const double difference = sum_[g * width + j] / n_row - *moments.mean(static_cast<Index>(j));
      between[j] += n_row * difference * difference;
    }
  }
  const double correction = static_cast<double>(n() - 1) / static_cast<double>(n() - n_group());
  for (std::size_t j = 0; j < width; ++j) {
    const double total = moments.sum_of_squares(static_cast<Index>(j));
    if (!(total > 0)) continue;
    const double eta_squared = std::min(1.0, between[j] / total);
    result[j] = {eta_squared, 1 - (1 - eta_squared) * correction};
  }
  return result;
}

template void ColumnGroupSums::add_rows(MatrixView<const float>, const Groups&,
                                        std::span<const Index>);
template void ColumnGroupSums::add_rows(MatrixView<const double>, const Groups&,
                                        std::span<const Index>);

}  // namespace gnomon
