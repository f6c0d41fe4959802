// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/moments.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

// i = np.arange(40); y = np.sin(i) + np.cos(3 * i)
std::vector<double> wave() {
  std::vector<double> y;
  for (int i = 0; i < 40; ++i) y.push_back(std::sin(i) + std::cos(3 * i));
  return y;
}

TEST(Moments, MatchScipy) {
  // y.mean(), y.var(ddof=1), scipy.stats.skew(y), scipy.stats.kurtosis(y); the last two also of
  // exp(y)
  Moments moments;
  moments.add(wave());
  EXPECT_EQ(moments.n(), 40);
  EXPECT_NEAR(moments.mean().value(), 0.03166486844290631, 1e-15);
  EXPECT_NEAR(moments.variance().value(), 0.9471034818851098, 1e-14);
  EXPECT_NEAR(moments.sd().value(), std::sqrt(0.9471034818851098), 1e-14);
  EXPECT_NEAR(moments.skewness().value(), -0.004818829051278482, 1e-14);
  EXPECT_NEAR(moments.excess_kurtosis().value(), -0.654255194271943, 1e-14);
  Moments of_exp;
  for (const double value : wave()) of_exp.add(std::exp(value));
  EXPECT_NEAR(of_exp.skewness().value(), 1.7351889333978894, 1e-13);
  EXPECT_NEAR(of_exp.excess_kurtosis().value(), 2.392828313718068, 1e-13);
}

TEST(Moments, MergedPartsEqualTheWhole) {
  Random random(3, "moments_test");
  Moments whole;
  Moments merged;
  Moments part;
  for (int i = 0; i < 1000; ++i) {
    const double value = 1e6 + std::exp(random.normal());
    whole.add(value);
    part.add(value);
    if (random.below(50) == 0) {
      merged.merge(part);
      part = Moments();
    }
  }
  merged.merge(part);
  merged.merge(Moments());
  EXPECT_EQ(merged.n(), whole.n());
  EXPECT_EQ(merged.min(), whole.min());
  EXPECT_EQ(merged.max(), whole.max());
  // eps |mean| n / sd = 1e-7 bounds what the offset of 1e6 may cost; it costs far less.
  EXPECT_NEAR(merged.mean().value(), whole.mean().value(), 1e-8);
  EXPECT_NEAR(merged.variance().value() / whole.variance().value(), 1, 1e-8);
  EXPECT_NEAR(merged.skewness().value() / whole.skewness().value(), 1, 1e-8);
  EXPECT_NEAR(merged.excess_kurtosis().value() / whole.excess_kurtosis().value(), 1, 1e-8);
}

TEST(Moments, Edges) {
  Moments moments;
  EXPECT_FALSE(moments.mean());
  EXPECT_FALSE(moments.min());
  moments.add(0.1);
  EXPECT_EQ(moments.mean(), 0.1);
  EXPECT_FALSE(moments.variance());
  EXPECT_FALSE(moments.skewness());
  moments.add(0.1);
  EXPECT_EQ(moments.variance(), 0);
  EXPECT_FALSE(moments.skewness());
  EXPECT_FALSE(moments.excess_kurtosis());
  try {
    moments.add(std::nan(""));
    FAIL() << "expected NumericError";
  } catch (const NumericError& error) {
    EXPECT_STREQ(error.what(), "Moments: value 2 is nan, expected a finite number");
  }
}

// M = np.array([[np.sin(3 * r + c) + 1000 * c for c in range(3)] for r in range(50)])
Tensor<double> shifted_waves() {
  Tensor<double> rows({50, 3});
  for (Index r = 0; r < 50; ++r) {
    for (Index c = 0; c < 3; ++c) {
      rows.matrix()(r, c) =
          std::sin(static_cast<double>(3 * r + c)) + 1000 * static_cast<double>(c);
    }
  }
  return rows;
}

TEST(CovarianceAccumulator, MatchesNumpy) {
  // np.cov(M.T); the columns of 1000 and 2000 are stored with an error of 1e-13
  const std::vector<double> expected = {
      0.469150631362763,    0.2269760080811337, -0.22387931027680782,
      0.2269760080811337,   0.4986009076697881, 0.3118144321627412,
      -0.22387931027680782, 0.3118144321627412, 0.5608274236778118};
  const Tensor<double> rows = shifted_waves();
  CovarianceAccumulator at_once(3);
  at_once.add_rows(rows.matrix());
  CovarianceAccumulator one_by_one(3);
  for (Index r = 0; r < 50; ++r) one_by_one.add(rows.matrix().row(r));
  CovarianceAccumulator merged(3);
  for (Index first = 0; first < 50; first += 17) {
    CovarianceAccumulator part(3);
    part.add_rows(rows.matrix().row_range(first, std::min<Index>(17, 50 - first)));
    merged.merge(part);
  }
  merged.merge(CovarianceAccumulator(3));
  for (const CovarianceAccumulator* accumulator : {&at_once, &one_by_one, &merged}) {
    EXPECT_EQ(accumulator->n(), 50);
    test::expect_close("covariance", accumulator->covariance().values(), expected,
                       {.absolute = 1e-12});
  }
}

TEST(CovarianceAccumulator, ManyBlocksOfFloats) {
  Random random(5, "moments_test");
  const Index n = 1000;
  Tensor<float> rows({n, 2});
  double sum_products = 0;
  double sums[2] = {0, 0};
  for (Index i = 0; i < n; ++i) {
    for (Index j = 0; j < 2; ++j) {
      rows.matrix()(i, j) = static_cast<float>(random.normal());
      sums[j] += static_cast<double>(rows.matrix()(i, j));
    }
    sum_products +=
        static_cast<double>(rows.matrix()(i, 0)) * static_cast<double>(rows.matrix()(i, 1));
  }
  CovarianceAccumulator accumulator(2);
  accumulator.add_rows(std::as_const(rows).matrix());
  const double expected = (sum_products - sums[0] * sums[1] / n) / (n - 1);
  EXPECT_NEAR(accumulator.covariance().matrix()(0, 1), expected, 1e-13);
  EXPECT_NEAR(accumulator.mean()[0], sums[0] / n, 1e-15);
}

TEST(CovarianceAccumulator, Edges) {
  CovarianceAccumulator accumulator(2);
  EXPECT_THROW(accumulator.covariance(), ArgumentError);
  EXPECT_THROW(accumulator.add(std::vector<double>{1, 2, 3}), ShapeError);
  accumulator.add(std::vector<double>{1, 2});
  try {
    accumulator.add(std::vector<double>{1, INFINITY});
    FAIL() << "expected NumericError";
  } catch (const NumericError& error) {
    EXPECT_STREQ(error.what(),
                 "CovarianceAccumulator: row 1, column 1 is inf, expected a finite number");
  }
  EXPECT_EQ(accumulator.n(), 1);
  EXPECT_THROW(accumulator.merge(CovarianceAccumulator(3)), ShapeError);
}

}  // namespace
}  // namespace gnomon
