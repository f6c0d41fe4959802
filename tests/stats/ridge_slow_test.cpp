// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/stats/regression.h"
#include "gnomon/stats/ridge.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {
namespace {

std::vector<Index> own_groups(Index n) {
  std::vector<Index> groups(static_cast<std::size_t>(n));
  std::iota(groups.begin(), groups.end(), Index{0});
  return groups;
}

// The shape of a residual stream: 768 features, standard deviations 1 / sqrt(rank), one of them
// huge. The outcome reads ten of the strong directions and has as much noise as gives a population
// R² of 0.8.
struct Stream {
  Tensor<double> x;
  std::vector<double> y;
};

Stream make_stream(Index n, Random& random) {
  const Index d = 768;
  Stream stream{Tensor<double>({n, d}), {}};
  std::vector<double> direction(static_cast<std::size_t>(d), 0.0);
  double variance = 0;
  std::vector<double> sd;
  for (Index j = 0; j < d; ++j) {
    sd.push_back(j == 0 ? 300 : 1 / std::sqrt(static_cast<double>(j)));
    if (j >= 1 && j <= 10) {
      direction[j] = random.normal();
      variance += direction[j] * direction[j] * sd[j] * sd[j];
    }
  }
  for (Index i = 0; i < n; ++i) {
    double y = std::sqrt(variance / 4) * random.normal();
    for (Index j = 0; j < d; ++j) {
      const double value = sd[j] * random.normal();
      stream.x.matrix()(i, j) = value + 5;
      y += direction[j] * value;
    }
    stream.y.push_back(y);
  }
  return stream;
}

TEST(RidgeCalibration, FindsTheSignal) {
  Random random(1, "ridge_slow_test");
  const Index n = 1000;
  const Index n_fresh = 1000;
  const Stream stream = make_stream(n + n_fresh, random);
  const std::span<const double> y = stream.y;
  for (const FeatureScaling scaling : {FeatureScaling::none, FeatureScaling::unit_variance}) {
    const RidgeCv cv = fit_ridge_cross_validated(stream.x.matrix().row_range(0, n),
                                                 y.first(static_cast<std::size_t>(n)),
                                                 own_groups(n), {.scaling = scaling});
    EXPECT_FALSE(cv.at_edge);
    // The ceiling is 0.8; 758 useless features and 800 rows per fold cost some of it, most where
    // scaling has made them as large as the useful ones.
    EXPECT_LT(cv.cv_r2.value(), 0.85);
    EXPECT_GT(cv.cv_r2.value(), scaling == FeatureScaling::none ? 0.5 : 0.2);
    // The promise of cross-validation: new rows fare as the held-out ones did. The standard error
    // of an R² of 0.5 from 1000 rows is about 0.02, and there are two.
    std::vector<double> prediction;
    for (Index i = n; i < n + n_fresh; ++i) {
      prediction.push_back(cv.fit.predict(stream.x.matrix().row(i)));
    }
    EXPECT_NEAR(r2_identity(prediction, y.subspan(static_cast<std::size_t>(n))).value(),
                cv.cv_r2.value(), 0.1);
  }
}

// Without a relation the score averages below zero: selecting lambda does not conjure skill.
TEST(RidgeCalibration, NoSkillWithoutSignal) {
  Random random(2, "ridge_slow_test");
  const int n_replicate = 200;
  double sum = 0;
  double squares = 0;
  for (int k = 0; k < n_replicate; ++k) {
    Tensor<double> x({60, 20});
    for (double& value : x.values()) value = random.normal();
    std::vector<double> y;
    for (Index i = 0; i < 60; ++i) y.push_back(random.normal());
    const double r2 = fit_ridge_cross_validated(std::as_const(x).matrix(), y, own_groups(60),
                                                {.seed = static_cast<std::uint64_t>(k)})
                          .cv_r2.value();
    sum += r2;
    squares += r2 * r2;
  }
  const double mean = sum / n_replicate;
  const double se = std::sqrt((squares / n_replicate - mean * mean) / n_replicate);
  EXPECT_LT(mean, 3 * se);
  EXPECT_GT(mean, -0.2);
}

}  // namespace
}  // namespace gnomon
