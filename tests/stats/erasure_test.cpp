// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/erasure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/ridge.h"

namespace gnomon {
namespace {

constexpr Index kWidth = 6;

struct Rows {
  Tensor<double> x{{300, kWidth}};
  std::vector<double> z;
};

// Correlated columns that tell z, and noise.
Rows planted() {
  Rows rows;
  Random random(11, "erasure");
  for (Index i = 0; i < 300; ++i) {
    const double z = random.normal();
    rows.z.push_back(3 * z - 1);
    const double common = random.normal();
    for (Index c = 0; c < kWidth; ++c)
      rows.x.matrix()(i, c) =
          5 + common + (c < 3 ? z : 0) + static_cast<double>(c) * random.normal();
  }
  return rows;
}

Tensor<double> erased(const Rows& rows, const RankOneErasure& map) {
  Tensor<double> result(rows.x.shape());
  for (Index i = 0; i < rows.x.matrix().rows; ++i)
    std::ranges::copy(map.erased(rows.x.matrix().row(i)), result.matrix().row(i).begin());
  return result;
}

TEST(Erasure, AfterLeaceNoLinearPredictorBeatsTheMean) {
  const Rows rows = planted();
  const double before = *fit_ridge(rows.x.matrix(), rows.z, 0, FeatureScaling::none).r2_train;
  EXPECT_GT(before, 0.5);
  const Tensor<double> after = erased(rows, leace(rows.x.matrix(), rows.z));
  // R² of least squares is a sum of 6 squared correlations, each a few roundings of sums of 300
  // numbers below 100: about (300 · 1e-16)².
  EXPECT_NEAR(*fit_ridge(std::as_const(after).matrix(), rows.z, 0, FeatureScaling::none).r2_train,
              0, 1e-12);
}

// Belrose et al. 2023, theorem 4.3, with the matrices written out: x - W⁺ P W (x - mean).
TEST(Erasure, LeaceIsTheFormulaOfThePaper) {
  const Rows rows = planted();
  const RankOneErasure map = leace(rows.x.matrix(), rows.z);
  const Index n = 300;
  std::vector<double> mean(kWidth), cross(kWidth);
  double z_mean = 0;
  for (Index i = 0; i < n; ++i) {
    z_mean += rows.z[static_cast<std::size_t>(i)] / static_cast<double>(n);
    for (Index c = 0; c < kWidth; ++c)
      mean[static_cast<std::size_t>(c)] += rows.x.matrix()(i, c) / static_cast<double>(n);
  }
  Tensor<double> sigma({kWidth, kWidth});
  for (Index i = 0; i < n; ++i) {
    for (Index a = 0; a < kWidth; ++a) {
      const double xa = rows.x.matrix()(i, a) - mean[static_cast<std::size_t>(a)];
      cross[static_cast<std::size_t>(a)] +=
          xa * (rows.z[static_cast<std::size_t>(i)] - z_mean) / static_cast<double>(n);
      for (Index b = 0; b < kWidth; ++b)
        sigma.matrix()(a, b) += xa * (rows.x.matrix()(i, b) - mean[static_cast<std::size_t>(b)]) /
                                static_cast<double>(n);
    }
  }
  // W = Σ^(-1/2) and its inverse.
  const SymmetricEigen eigen = symmetric_eigen(std::as_const(sigma).matrix());
  const auto power = [&](double exponent) {
    Tensor<double> result({kWidth, kWidth});
    for (Index k = 0; k < kWidth; ++k) {
      const double factor = std::pow(eigen.value[static_cast<std::size_t>(k)], exponent);
      for (Index a = 0; a < kWidth; ++a) {
        for (Index b = 0; b < kWidth; ++b)
          result.matrix()(a, b) +=
              factor * eigen.vector.matrix()(k, a) * eigen.vector.matrix()(k, b);
      }
    }
    return result;
  };
  const auto times = [](const Tensor<double>& matrix, const std::vector<double>& v) {
    std::vector<double> result(kWidth);
    for (Index a = 0; a < kWidth; ++a) {
      for (Index b = 0; b < kWidth; ++b)
        result[static_cast<std::size_t>(a)] +=
            matrix.matrix()(a, b) * v[static_cast<std::size_t>(b)];
    }
    return result;
  };
  const Tensor<double> whiten = power(-0.5), colour = power(0.5);
  const std::vector<double> u = times(whiten, cross);
  double squared = 0;
  for (const double value : u) squared += value * value;
  for (const Index i : {0, 7, 123}) {
    std::vector<double> centred(kWidth);
    for (Index c = 0; c < kWidth; ++c)
      centred[static_cast<std::size_t>(c)] =
          rows.x.matrix()(i, c) - mean[static_cast<std::size_t>(c)];
    const std::vector<double> white = times(whiten, centred);
    double along = 0;
    for (std::size_t c = 0; c < u.size(); ++c) along += u[c] * white[c] / squared;
    std::vector<double> projected = u;
    for (double& value : projected) value *= along;
    const std::vector<double> removed = times(colour, projected);
    const std::vector<double> found = map.erased(rows.x.matrix().row(i));
    const std::vector<double> kept = map.kept(rows.x.matrix().row(i));
    for (std::size_t c = 0; c < removed.size(); ++c) {
      EXPECT_NEAR(found[c], rows.x.matrix()(i, static_cast<Index>(c)) - removed[c], 1e-11);
      EXPECT_NEAR(kept[c], mean[c] + removed[c], 1e-11);
    }
  }
}

// Erasing twice is erasing once, and both maps keep what the other takes.
TEST(Erasure, IsAProjection) {
  const Rows rows = planted();
  for (const RankOneErasure& map :
       {leace(rows.x.matrix(), rows.z),
        mean_projection(rows.x.matrix(), std::vector<double>{1, 2, 0, 0, -1, 3})}) {
    const std::vector<double> once = map.erased(rows.x.matrix().row(4));
    const std::vector<double> twice = map.erased(once);
    const std::vector<double> kept = map.kept(rows.x.matrix().row(4));
    for (std::size_t c = 0; c < once.size(); ++c) {
      EXPECT_NEAR(twice[c], once[c], 1e-12);
      EXPECT_NEAR(once[c] + kept[c] - map.mean[c], rows.x.matrix()(4, static_cast<Index>(c)),
                  1e-12);
    }
  }
}

TEST(Erasure, MeanProjectionSetsTheComponentToTheMeans) {
  const Rows rows = planted();
  const std::vector<double> direction = {0, 2, 0, 0, 0, 0};
  const RankOneErasure map = mean_projection(rows.x.matrix(), direction);
  const std::vector<double> row = map.erased(rows.x.matrix().row(9));
  EXPECT_NEAR(row[1], map.mean[1], 1e-13);
  for (const std::size_t c : {0, 2, 3, 4, 5})
    EXPECT_EQ(row[c], rows.x.matrix()(9, static_cast<Index>(c)));
}

// More columns than rows: the labels can be told exactly, and are erased all the same.
TEST(Erasure, LeaceOfFewRows) {
  Random random(2, "few rows");
  Rows rows;
  rows.x = Tensor<double>({5, 12});
  for (double& value : rows.x.values()) value = random.normal();
  rows.z = {1, 2, 3, 5, 8};
  const Tensor<double> after = erased(rows, leace(rows.x.matrix(), rows.z));
  for (Index c = 0; c < 12; ++c) {
    double covariance = 0;
    for (Index i = 0; i < 5; ++i)
      covariance += after.matrix()(i, c) * (rows.z[static_cast<std::size_t>(i)] - 3.8);
    EXPECT_NEAR(covariance, 0, 1e-12);
  }
}

TEST(Erasure, RefusesWhatCannotBeErased) {
  const Rows rows = planted();
  EXPECT_THROW(leace(rows.x.matrix(), std::vector<double>(300, 2.0)), ArgumentError);
  EXPECT_THROW(leace(rows.x.matrix(), std::vector<double>(4, 2.0)), ShapeError);
  EXPECT_THROW(mean_projection(rows.x.matrix(), std::vector<double>(kWidth, 0.0)), ArgumentError);
  EXPECT_THROW(mean_projection(rows.x.matrix(), std::vector<double>(2, 1.0)), ShapeError);
  const RankOneErasure map = mean_projection(rows.x.matrix(), std::vector<double>(kWidth, 1.0));
  EXPECT_THROW(map.erased(std::vector<double>(2, 1.0)), ShapeError);
}

}  // namespace
}  // namespace gnomon
