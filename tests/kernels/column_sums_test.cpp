// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/column_sums.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gnomon/base/random.h"
#include "kernels/kernel_cases.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

// Rows and columns around the four rows that go together and around the widths of vectors.
constexpr Index kSizes[] = {0, 1, 3, 4, 5, 8, 17, 33};

template <class T>
std::vector<T> normal_values(Index n, std::uint64_t seed) {
  Random random(seed, "column_sums_test");
  std::vector<T> values;
  for (Index i = 0; i < n; ++i) values.push_back(static_cast<T>(3 + random.normal()));
  return values;
}

struct Sums {
  explicit Sums(Index n) {
    for (std::vector<double>* values : {&sum1, &sum2, &sum3, &least, &most, &positive})
      values->assign(static_cast<std::size_t>(n), 77.0);
  }
  ColumnPowerSums view() { return {sum1, sum2, sum3, least, most, positive}; }
  friend bool operator==(const Sums&, const Sums&) = default;
  std::vector<double> sum1, sum2, sum3, least, most, positive;
};

template <class T>
void expect_power_sums(Index n_row, Index n_col) {
  SCOPED_TRACE(testing::Message() << n_row << " rows, " << n_col << " columns");
  // Columns of a wider matrix: the stride is not the width.
  const std::vector<T> values = normal_values<T>(n_row * (n_col + 5), 1);
  const MatrixView<const T> x(values.data() + 2, n_row, n_col, n_col + 5);
  std::vector<double> origin;
  for (Index j = 0; j < n_col; ++j) origin.push_back(2.5 + 0.01 * static_cast<double>(j));
  Sums expected(n_col);
  for (std::size_t j = 0; j < origin.size(); ++j) {
    double sum1 = 0, sum2 = 0, sum3 = 0, positive = 0;
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (Index i = 0; i < n_row; ++i) {
      const auto value = static_cast<double>(x(i, static_cast<Index>(j)));
      const double d = value - origin[j];
      sum1 += d;
      sum2 += d * d;
      sum3 += d * d * d;
      least = std::min(least, value);
      most = std::max(most, value);
      positive += value > 0 ? 1 : 0;
    }
    expected.sum1[j] = sum1;
    expected.sum2[j] = sum2;
    expected.sum3[j] = sum3;
    expected.least[j] = least;
    expected.most[j] = most;
    expected.positive[j] = positive;
  }
  // The same operations in the same order: every instruction set gives the same bits.
  for (const Sums& actual : with_each_instruction_set([&] {
         Sums sums(n_col);
         column_power_sums<T>(sums.view(), x, origin);
         return sums;
       })) {
    EXPECT_EQ(actual, expected);
  }
}

TEST(ColumnPowerSums, SameBitsAsPlainLoops) {
  for (const Index n_row : kSizes) {
    for (const Index n_col : kSizes) {
      expect_power_sums<float>(n_row, n_col);
      expect_power_sums<double>(n_row, n_col);
    }
  }
}

TEST(ColumnPowerSums, ShapeErrors) {
  const std::vector<float> values(6);
  const MatrixView<const float> x(values.data(), 2, 3);
  Sums sums(3);
  EXPECT_EQ(
      shape_error_of([&] { column_power_sums<float>(sums.view(), x, std::vector<double>(2)); }),
      "column_power_sums: origin has 2 values, expected one for each of 3 columns");
  Sums narrow(2);
  EXPECT_EQ(
      shape_error_of([&] { column_power_sums<float>(narrow.view(), x, std::vector<double>(3)); }),
      "column_power_sums: sum1 has 2 values, expected one for each of 3 columns");
}

TEST(ColumnMaxima, LargestOfEveryColumn) {
  for (const Index n_row : kSizes) {
    for (const Index n_col : kSizes) {
      SCOPED_TRACE(testing::Message() << n_row << " rows, " << n_col << " columns");
      std::vector<float> values = normal_values<float>(n_row * n_col, 2);
      const MatrixView<const float> x(values.data(), n_row, n_col);
      std::vector<float> expected(static_cast<std::size_t>(n_col),
                                  -std::numeric_limits<float>::infinity());
      for (Index i = 0; i < n_row; ++i) {
        for (Index j = 0; j < n_col; ++j) {
          float& most = expected[static_cast<std::size_t>(j)];
          most = std::max(most, x(i, j));
        }
      }
      for (const std::vector<float>& actual : with_each_instruction_set([&] {
             std::vector<float> most(expected.size(), 77.0F);
             column_maxima<float>(most, x);
             return most;
           })) {
        EXPECT_EQ(actual, expected);
      }
    }
  }
}

TEST(AddRowsToSum, AddsTheRowsNamedInTheirOrder) {
  const std::vector<float> values = normal_values<float>(20 * 19, 3);
  const MatrixView<const float> x(values.data(), 20, 19);
  for (const std::vector<Index>& rows :
       {std::vector<Index>{}, {7}, {3, 3, 0}, {19, 2, 5, 11}, {0, 4, 8, 12, 16, 19, 1, 2, 3}}) {
    std::vector<double> expected(19, 0.5);
    for (const Index row : rows) {
      for (Index j = 0; j < 19; ++j)
        expected[static_cast<std::size_t>(j)] += static_cast<double>(x(row, j));
    }
    for (const std::vector<double>& actual : with_each_instruction_set([&] {
           std::vector<double> sum(19, 0.5);
           add_rows_to_sum<float>(sum, x, rows);
           return sum;
         })) {
      EXPECT_EQ(actual, expected);
    }
  }
  std::vector<double> narrow(18);
  EXPECT_EQ(shape_error_of([&] { add_rows_to_sum<float>(narrow, x, {}); }),
            "add_rows_to_sum: sum has 18 values, expected one for each of 19 columns");
}

}  // namespace
}  // namespace gnomon
