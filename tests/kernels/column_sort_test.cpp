// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/column_sort.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gnomon/base/random.h"
#include "kernels/kernel_cases.h"

namespace gnomon {
namespace {

template <class T>
void expect_sorted_as_by_the_standard_library(Index n_row, Index n_col, std::uint64_t n_value) {
  SCOPED_TRACE(testing::Message() << n_row << " rows, " << n_col << " columns");
  Random random(1, "column_sort_test");
  const Index stride = n_col + 3;
  std::vector<T> values;
  for (Index i = 0; i < n_row * stride; ++i)
    values.push_back(static_cast<T>(random.below(n_value)) - static_cast<T>(n_value / 2));
  std::vector<T> expected = values;
  for (Index j = 0; j < n_col; ++j) {
    std::vector<T> column;
    for (Index i = 0; i < n_row; ++i)
      column.push_back(values[static_cast<std::size_t>(i * stride + j)]);
    std::sort(column.begin(), column.end());
    for (Index i = 0; i < n_row; ++i)
      expected[static_cast<std::size_t>(i * stride + j)] = column[static_cast<std::size_t>(i)];
  }
  for (const std::vector<T>& actual : test::with_each_instruction_set([&] {
         std::vector<T> sorted = values;
         sort_columns<T>(MatrixView<T>(sorted.data(), n_row, n_col, stride));
         return sorted;
       })) {
    EXPECT_EQ(actual, expected);
  }
}

TEST(SortColumns, AsTheStandardLibraryAndNothingBesideTheColumns) {
  for (Index n_row = 0; n_row <= 40; ++n_row) {
    expect_sorted_as_by_the_standard_library<float>(n_row, 19, 1000);
    expect_sorted_as_by_the_standard_library<double>(n_row, 5, 1000);
  }
  expect_sorted_as_by_the_standard_library<float>(512, 64, 1'000'000);
  expect_sorted_as_by_the_standard_library<float>(513, 2, 4);  // many are equal
}

}  // namespace
}  // namespace gnomon
