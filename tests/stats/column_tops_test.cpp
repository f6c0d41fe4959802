// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/column_tops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {
namespace {

TEST(ColumnTops, TheItemsWithTheLargestValuesOneEntryEach) {
  Random random(1, "column_tops_test");
  const Index width = 21;
  ColumnTops tops(3, width);
  std::vector<std::vector<ColumnTop>> all(static_cast<std::size_t>(width));
  for (Index item = 0; item < 40; ++item) {
    const auto n_row = static_cast<Index>(1 + random.below(9));
    Tensor<float> rows({n_row, width});
    // Few different values, so that many are equal.
    for (float& value : rows.values()) value = static_cast<float>(random.below(30));
    std::vector<Index> place(static_cast<std::size_t>(n_row));
    std::iota(place.begin(), place.end(), item % 5);
    tops.add_item(std::as_const(rows).matrix(), item, place);
    for (Index j = 0; j < width; ++j) {
      Index best = 0;
      for (Index i = 1; i < n_row; ++i) {
        if (rows.matrix()(i, j) > rows.matrix()(best, j)) best = i;
      }
      all[static_cast<std::size_t>(j)].push_back(
          {rows.matrix()(best, j), item, place[static_cast<std::size_t>(best)]});
    }
  }
  for (Index j = 0; j < width; ++j) {
    std::vector<ColumnTop>& expected = all[static_cast<std::size_t>(j)];
    std::stable_sort(expected.begin(), expected.end(),
                     [](const ColumnTop& a, const ColumnTop& b) { return a.value > b.value; });
    expected.resize(3);
    EXPECT_EQ(tops.top(j), expected) << "column " << j;
  }
}

TEST(ColumnTops, FewerItemsThanPlaces) {
  ColumnTops tops(5, 1);
  EXPECT_TRUE(tops.top(0).empty());
  const std::vector<double> values = {-2, -1};
  tops.add_item(MatrixView<const double>(values.data(), 2, 1), 7, std::vector<Index>{3, 4});
  tops.add_item(MatrixView<const double>(values.data(), 0, 1), 8, {});
  EXPECT_EQ(tops.top(0), (std::vector<ColumnTop>{{-1, 7, 4}}));
  EXPECT_THROW(tops.add_item(MatrixView<const double>(values.data(), 2, 1), 9, {}), ShapeError);
  EXPECT_THROW(
      tops.add_item(MatrixView<const double>(values.data(), 1, 2), 9, std::vector<Index>{0}),
      ShapeError);
}

}  // namespace
}  // namespace gnomon
