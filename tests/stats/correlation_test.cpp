// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/correlation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gnomon/base/error.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// i = np.arange(40); x = np.sin(i); y = np.sin(i) + np.cos(3 * i)
std::vector<double> wave_x() {
  std::vector<double> x;
  for (int i = 0; i < 40; ++i) x.push_back(std::sin(i));
  return x;
}
std::vector<double> wave_y() {
  std::vector<double> y;
  for (int i = 0; i < 40; ++i) y.push_back(std::sin(i) + std::cos(3 * i));
  return y;
}

TEST(Pearson, MatchesHigherPrecision) {
  // mpmath, 60 digits, on these doubles: Σ(x-x̄)(y-ȳ) / sqrt(Σ(x-x̄)² Σ(y-ȳ)²)
  const Correlation correlation = pearson(wave_x(), wave_y());
  EXPECT_EQ(correlation.n, 40);
  EXPECT_NEAR(correlation.r.value(), 0.70679811501072419, 4 * kEpsilon);
  EXPECT_EQ(correlation.why_undefined, "");
}

TEST(Pearson, LargeMean) {
  // The values are exact in double, so a shift must not change r: mpmath gives this for both.
  const double expected = 0.98639392383214374;
  const std::vector<double> y = {0, 1, 2, 3, 5};
  for (const double shift : {0.0, 1e9, -1e15}) {
    std::vector<double> x;
    for (int i = 0; i < 5; ++i) x.push_back(shift + i);
    EXPECT_NEAR(pearson(x, y).r.value(), expected, 4 * kEpsilon) << "shift " << shift;
  }
}

TEST(Pearson, ExtremeScales) {
  const std::vector<double> x = wave_x();
  const std::vector<double> y = wave_y();
  const double expected = pearson(x, y).r.value();
  for (const double scale : {0x1p1000, 0x1p-1000}) {
    std::vector<double> scaled = x;
    for (double& value : scaled) value *= scale;
    EXPECT_EQ(pearson(scaled, y).r.value(), expected) << "scale " << scale;
  }
  const double largest = std::numeric_limits<double>::max();
  EXPECT_EQ(
      pearson(std::vector<double>{-largest, largest, largest}, std::vector<double>{0, 1, 1}).r,
      1.0);
}

TEST(Pearson, PerfectIsExact) {
  const std::vector<double> x = wave_x();
  std::vector<double> y;
  std::vector<double> affine;
  for (const double value : x) {
    y.push_back(-2 * value);
    affine.push_back(3 * value + 0.7);
  }
  EXPECT_EQ(pearson(x, x).r, 1.0);
  EXPECT_EQ(pearson(x, y).r, -1.0);
  EXPECT_NEAR(pearson(x, affine).r.value(), 1.0, kEpsilon);
}

TEST(Pearson, FewRows) {
  EXPECT_EQ(pearson({}, {}).why_undefined, "fewer than 2 rows");
  EXPECT_FALSE(pearson(std::vector<double>{1}, std::vector<double>{2}).r);
  EXPECT_EQ(pearson(std::vector<double>{1, 2}, std::vector<double>{5, 3}).r, -1.0);
  // (1, 2, 3) and (1, 3, 2): 1 / 2
  EXPECT_NEAR(pearson(std::vector<double>{1, 2, 3}, std::vector<double>{1, 3, 2}).r.value(), 0.5,
              2 * kEpsilon);
}

TEST(Pearson, ConstantColumns) {
  const std::vector<double> y = {1, 2, 3};
  const std::vector<double> constant(3, 0.1);
  EXPECT_FALSE(pearson(constant, y).r);
  EXPECT_EQ(pearson(constant, y).why_undefined, "the first column is constant");
  EXPECT_EQ(pearson(y, constant).why_undefined, "the second column is constant");
  EXPECT_EQ(pearson(constant, constant).why_undefined, "both columns are constant");
  // One unit in the last place is rounding, not variation.
  const std::vector<double> rounding = {0.1, std::nextafter(0.1, 1.0), 0.1};
  EXPECT_FALSE(pearson(rounding, y).r);
}

TEST(Pearson, RefusesBadInput) {
  const std::vector<double> x = {1, 2, 3, std::nan("")};
  try {
    pearson(x, x);
    FAIL() << "expected NumericError";
  } catch (const NumericError& error) {
    EXPECT_STREQ(error.what(), "pearson: x[3] is nan, expected a finite number");
  }
  EXPECT_THROW(pearson(std::vector<double>{1, 2}, std::vector<double>{1}), ShapeError);
  EXPECT_THROW(spearman(std::vector<double>{1, 2}, std::vector<double>{1, INFINITY}), NumericError);
}

TEST(Spearman, TiesShareRanks) {
  EXPECT_EQ(average_ranks(std::vector<double>{3, 1, 3, 2, 3}),
            (std::vector<double>{4, 1, 4, 2, 4}));
  EXPECT_TRUE(average_ranks({}).empty());
  std::vector<double> x = wave_x();
  std::vector<double> y = wave_y();
  for (double& value : x) value = std::nearbyint(4 * value);
  for (double& value : y) value = std::nearbyint(3 * value);
  // scipy.stats.spearmanr(np.round(4 * x), np.round(3 * y)).statistic
  EXPECT_NEAR(spearman(x, y).r.value(), 0.7313539739638014, 8 * kEpsilon);
  EXPECT_EQ(spearman(std::vector<double>{1, 2, 30}, std::vector<double>{-1, 0, 1e9}).r, 1.0);
  EXPECT_FALSE(spearman(std::vector<double>{1, 1, 1}, std::vector<double>{1, 2, 3}).r);
}

struct LogP {
  double r;
  double n;
  double log10_p;
};

// mpmath, 60 digits, r exact as a double: a = (n - 2) / 2, x = 1 - r²,
// log10(x^a sqrt(1 - x) 2F1(a + 1/2, 1; a + 1; x) / (a B(a, 1/2)))
constexpr LogP kLogP[] = {
    {0.1, 10, -0.10600290287419764838},
    {0.5, 20, -1.6060817290075041527},
    {-0.3, 12.5, -0.48006002192473969265},
    {0.05, 3, -0.014054778258432024345},
    {0.8885, 500, -169.87120915558514159},
    {0.95, 1000, -506.06220127766788551},
    {0.99, 300, -254.80208860862054407},
    {0.9486832980505138, 100000, -50001.575178418539482},
    {0.999999, 100000, -284945.41015956680906},
    {0.02, 5000000, -436.12998187744468947},
    {0.3, 10000, -206.32766642156824166},
    {1 - 0x1p-52, 3, -7.8723847664616731291},
};

TEST(CorrelationTest, LogPMatchesHigherPrecision) {
  for (const LogP& row : kLogP) {
    const CorrelationTest test = correlation_test(row.r, row.n);
    // In the direct branch the error of p is a few hundred eps; in the log branch log10 p has the
    // relative error of a few roundings.
    EXPECT_NEAR(test.log10_p, row.log10_p, 1e-13 + 4e-14 * std::abs(row.log10_p))
        << "r = " << row.r << ", n = " << row.n;
    EXPECT_FALSE(test.log10_p_is_bound);
    EXPECT_EQ(test.p_value_is_bound, row.log10_p < -307.6);
    if (!test.p_value_is_bound) {
      EXPECT_NEAR(test.p_value / std::pow(10, row.log10_p), 1, 1e-11);
    } else {
      EXPECT_EQ(test.p_value, std::numeric_limits<double>::min());
    }
  }
}

TEST(CorrelationTest, MatchesScipy) {
  // scipy.stats.pearsonr(x, y).pvalue; r carries 4 eps, which d ln p / d r = 27 turns into 1e-14
  const double r = pearson(wave_x(), wave_y()).r.value();
  EXPECT_NEAR(correlation_test(r, 40).p_value, 3.445315404582976e-07, 1e-12 * 3.4e-07);
}

TEST(CorrelationTest, BranchesMeet) {
  // p crosses 1e-290, where the evaluation changes, between these neighbours.
  double previous = 0;
  for (int k = 0; k < 200; ++k) {
    const double log10_p = correlation_test(0.9 + 1e-4 * k, 800).log10_p;
    if (k > 0) {
      EXPECT_LT(log10_p, previous);
      EXPECT_GT(log10_p, previous - 1);
    }
    previous = log10_p;
  }
  EXPECT_GT(correlation_test(0.9, 800).log10_p, -290.0);
  EXPECT_LT(previous, -290.0);
}

TEST(CorrelationTest, Edges) {
  EXPECT_EQ(correlation_test(0, 10).p_value, 1);
  EXPECT_EQ(correlation_test(0, 10).log10_p, 0);
  EXPECT_EQ(correlation_test(1, 2).p_value, 1);
  EXPECT_EQ(correlation_test(-1, 1).log10_p, 0);
  const CorrelationTest perfect = correlation_test(-1, 10);
  EXPECT_TRUE(perfect.log10_p_is_bound);
  EXPECT_TRUE(perfect.p_value_is_bound);
  EXPECT_GT(perfect.p_value, 0);
  // I_x(4, 1/2) with x = 2^-52: x^4 / (4 B(4, 1/2)) to first order; B(4, 1/2) = 32/35
  EXPECT_NEAR(perfect.log10_p, 4 * -52 * std::log10(2.0) - std::log10(4 * 32.0 / 35), 1e-12);
  EXPECT_EQ(correlation_test(0.4, 30).p_value, correlation_test(-0.4, 30).p_value);
  EXPECT_THROW(correlation_test(1.5, 10), ArgumentError);
  EXPECT_THROW(correlation_test(std::nan(""), 10), ArgumentError);
  EXPECT_THROW(correlation_test(0.5, INFINITY), ArgumentError);
}

TEST(FisherInterval, MatchesScipy) {
  // scipy.stats.pearsonr(x, y).confidence_interval(level)
  const double r = pearson(wave_x(), wave_y()).r.value();
  const Interval at_95 = fisher_interval(r, 40, 0.95);
  EXPECT_NEAR(at_95.ci_low, 0.5068936889609923, 1e-14);
  EXPECT_NEAR(at_95.ci_high, 0.8345590709435609, 1e-14);
  EXPECT_EQ(at_95.level, 0.95);
  const Interval at_99 = fisher_interval(r, 40, 0.99);
  EXPECT_NEAR(at_99.ci_low, 0.4278751980505331, 1e-14);
  EXPECT_NEAR(at_99.ci_high, 0.8628056494074943, 1e-14);
}

TEST(FisherInterval, Edges) {
  EXPECT_EQ(fisher_interval(0.5, 3, 0.95).ci_low, -1);
  EXPECT_EQ(fisher_interval(0.5, 3, 0.95).ci_high, 1);
  EXPECT_EQ(fisher_interval(1, 10, 0.95).ci_low, 1);
  EXPECT_THROW(fisher_interval(0.5, 10, 1), ArgumentError);
  EXPECT_THROW(fisher_interval(2, 10, 0.95), ArgumentError);
}

TEST(CorrelationMatrix, HoldsAllPairs) {
  const std::vector<double> x = wave_x();
  const std::vector<double> y = wave_y();
  const std::vector<double> constant(40, 2.0);
  const std::vector<std::span<const double>> columns = {x, y, constant};
  const CorrelationMatrix matrix = correlation_matrix(columns);
  EXPECT_EQ(matrix.n, 40);
  EXPECT_EQ(matrix.at(0, 0), 1.0);
  EXPECT_EQ(matrix.at(0, 1), pearson(x, y).r);
  EXPECT_EQ(matrix.at(1, 0), matrix.at(0, 1));
  EXPECT_FALSE(matrix.at(2, 2));
  EXPECT_FALSE(matrix.at(0, 2));
  EXPECT_EQ(correlation_matrix({}).n_column, 0);
  const std::vector<double> bad = {1, std::nan("")};
  const std::vector<std::span<const double>> bad_columns = {bad};
  EXPECT_THROW(correlation_matrix(bad_columns), NumericError);
}

}  // namespace
}  // namespace gnomon
