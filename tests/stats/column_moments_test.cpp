// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/column_moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/moments.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

// Skewed columns: column j is offset + exp(normal) / (j + 1).
Tensor<double> skewed_rows(Index n_row, Index width, double offset, std::uint64_t seed) {
  Random random(seed, "column_moments_test");
  Tensor<double> rows({n_row, width});
  for (Index i = 0; i < n_row; ++i) {
    for (Index j = 0; j < width; ++j)
      rows.matrix()(i, j) = offset + std::exp(random.normal()) / static_cast<double>(j + 1);
  }
  return rows;
}

ColumnMoments in_parts(const Tensor<double>& rows, Index part) {
  ColumnMoments moments(rows.matrix().cols);
  for (Index first = 0; first < rows.matrix().rows; first += part) {
    moments.add_rows(rows.matrix().row_range(first, std::min(part, rows.matrix().rows - first)));
  }
  return moments;
}

TEST(ColumnMoments, AgreeWithScalarMomentsWhateverTheParts) {
  const Index n = 500;
  const Tensor<double> rows = skewed_rows(n, 9, -1, 1);
  for (const Index part : {1, 7, 64, 500}) {
    SCOPED_TRACE(part);
    const ColumnMoments moments = in_parts(rows, part);
    ASSERT_EQ(moments.n(), n);
    for (Index j = 0; j < 9; ++j) {
      Moments expected;
      double positive = 0;
      for (Index i = 0; i < n; ++i) {
        expected.add(rows.matrix()(i, j));
        positive += rows.matrix()(i, j) > 0 ? 1 : 0;
      }
      // Sums of n terms of one magnitude: n eps of it, and the third powers of a skewed column are
      // of different magnitudes.
      const double tolerance = static_cast<double>(n) * kEps;
      EXPECT_NEAR(*moments.mean(j), *expected.mean(), tolerance);
      EXPECT_NEAR(*moments.variance(j) / *expected.variance(), 1, tolerance);
      EXPECT_NEAR(*moments.sd(j) / *expected.sd(), 1, tolerance);
      EXPECT_NEAR(*moments.skewness(j) / *expected.skewness(), 1, 10 * tolerance);
      EXPECT_EQ(moments.min(j), expected.min());
      EXPECT_EQ(moments.max(j), expected.max());
      EXPECT_EQ(*moments.share_positive(j), positive / static_cast<double>(n));
      EXPECT_NEAR(moments.sum_of_squares(j) / (n - 1) / *expected.variance(), 1, tolerance);
    }
  }
}

TEST(ColumnMoments, DoNotCancelForAMeanFarFromZero) {
  // The offset is exact in double; the values beside it lose 2^-53 1e8 = 1e-8 when they are made,
  // and nothing when they are subtracted again.
  const Tensor<double> rows = skewed_rows(400, 3, 1e8, 2);
  Tensor<double> near_zero = rows;
  for (double& value : near_zero.values()) value -= 1e8;
  const ColumnMoments far = in_parts(rows, 50);
  const ColumnMoments near = in_parts(near_zero, 50);
  for (Index j = 0; j < 3; ++j) {
    // The mean itself is rounded to eps 1e8 = 2e-8 after every part.
    EXPECT_NEAR(*far.variance(j) / *near.variance(j), 1, 1e-6);
    EXPECT_NEAR(*far.skewness(j) / *near.skewness(j), 1, 1e-6);
  }
}

TEST(ColumnMoments, AFirstRowFarFromTheRestCostsLittle) {
  // The sums of the first part are about its first row, here 1000 sd away.
  Tensor<double> rows = skewed_rows(1000, 1, 0, 3);
  rows.values()[0] = 1000;
  Moments expected;
  expected.add(rows.values());
  const ColumnMoments moments = in_parts(rows, 1000);
  EXPECT_NEAR(*moments.variance(0) / *expected.variance(), 1, 1000 * 1000 * kEps);
  EXPECT_NEAR(*moments.skewness(0) / *expected.skewness(), 1, 1e4 * 1000 * kEps);
}

TEST(ColumnMoments, MergedPartsEqualTheWhole) {
  const Tensor<double> rows = skewed_rows(300, 4, 5, 4);
  ColumnMoments merged(4);
  merged.merge(ColumnMoments(4));
  for (const Index first : {0, 100, 200}) {
    ColumnMoments part(4);
    part.add_rows(std::as_const(rows).matrix().row_range(first, 100));
    merged.merge(part);
  }
  const ColumnMoments whole = in_parts(rows, 300);
  EXPECT_EQ(merged.n(), 300);
  for (Index j = 0; j < 4; ++j) {
    EXPECT_NEAR(*merged.mean(j), *whole.mean(j), 300 * kEps * 5);
    EXPECT_NEAR(*merged.variance(j) / *whole.variance(j), 1, 300 * 10 * kEps);
    EXPECT_NEAR(*merged.skewness(j) / *whole.skewness(j), 1, 300 * 100 * kEps);
  }
}

TEST(ColumnMoments, FloatsAreSummedInDouble) {
  Tensor<float> rows({1000, 2});
  for (Index i = 0; i < 1000; ++i) {
    rows.matrix()(i, 0) = 16777216.0F + 2 * static_cast<float>(i % 2);
    rows.matrix()(i, 1) = 0.1F;
  }
  ColumnMoments moments(2);
  moments.add_rows(std::as_const(rows).matrix());
  EXPECT_EQ(*moments.mean(0), 16777217);
  EXPECT_NEAR(*moments.variance(0), 1000.0 / 999, 1e-13);
  EXPECT_EQ(*moments.mean(1), static_cast<double>(0.1F));
}

TEST(ColumnMoments, Edges) {
  ColumnMoments moments(2);
  EXPECT_FALSE(moments.mean(0));
  EXPECT_FALSE(moments.share_positive(0));
  EXPECT_FALSE(moments.min(1));
  const std::vector<double> row = {0.1, -3};
  moments.add_rows(MatrixView<const double>(row.data(), 1, 2));
  EXPECT_EQ(moments.mean(0), 0.1);
  EXPECT_FALSE(moments.variance(0));
  EXPECT_FALSE(moments.sd(0));
  EXPECT_FALSE(moments.skewness(0));
  for (int i = 0; i < 20; ++i) moments.add_rows(MatrixView<const double>(row.data(), 1, 2));
  EXPECT_EQ(moments.variance(0), 0);  // exactly, however often 0.1 is added
  EXPECT_EQ(moments.mean(0), 0.1);
  EXPECT_FALSE(moments.skewness(0));
  EXPECT_EQ(moments.share_positive(0), 1);
  EXPECT_EQ(moments.share_positive(1), 0);
  moments.add_rows(MatrixView<const double>(row.data(), 0, 2));
  EXPECT_EQ(moments.n(), 21);
}

TEST(ColumnMoments, RefuseWhatIsNotFiniteAndStayAsTheyWere) {
  ColumnMoments moments(2);
  const std::vector<double> good = {1, 2, 3, 4};
  moments.add_rows(MatrixView<const double>(good.data(), 2, 2));
  for (const double bad : {std::nan(""), HUGE_VAL}) {
    const std::vector<double> rows = {1, 2, 3, bad};
    try {
      moments.add_rows(MatrixView<const double>(rows.data(), 2, 2));
      FAIL() << "expected NumericError";
    } catch (const NumericError& error) {
      EXPECT_EQ(std::string(error.what()).substr(0, 33), "ColumnMoments: row 1, column 1 is");
    }
  }
  const std::vector<double> huge = {1, 1e150, 3, -1e150};
  EXPECT_THROW(moments.add_rows(MatrixView<const double>(huge.data(), 2, 2)), NumericError);
  EXPECT_EQ(moments.n(), 2);
  EXPECT_EQ(moments.mean(1), 3);
  EXPECT_THROW(moments.add_rows(MatrixView<const double>(good.data(), 1, 4)), ShapeError);
  EXPECT_THROW(moments.merge(ColumnMoments(3)), ShapeError);
}

}  // namespace
}  // namespace gnomon
