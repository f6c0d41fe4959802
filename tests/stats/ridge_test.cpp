// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/ridge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/stats/regression.h"
#include "gnomon/tensor/tensor.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

struct Data {
  Tensor<double> x;
  std::vector<double> y;

  MatrixView<const double> features() const { return x.matrix(); }
};

// X = np.array([[np.sin(1 + 3*i + 7*j + .1*i*j) * (1 + j) + j for j in range(d)] for i in
// range(n)]) y = np.array([np.cos(2*i) + X[i, 0] - .5 * X[i, 1] + 3 for i in range(n)])
Data wave_data(Index n, Index d) {
  Data data{Tensor<double>({n, d}), {}};
  for (Index i = 0; i < n; ++i) {
    const auto row = static_cast<double>(i);
    for (Index j = 0; j < d; ++j) {
      const auto column = static_cast<double>(j);
      data.x.matrix()(i, j) =
          std::sin(1 + 3 * row + 7 * column + 0.1 * row * column) * (1 + column) + column;
    }
    data.y.push_back(std::cos(2 * row) + data.x.matrix()(i, 0) - 0.5 * data.x.matrix()(i, 1) + 3);
  }
  return data;
}

Data noise_data(Index n, Index d) {
  Random random(1, "ridge_test");
  Data data{Tensor<double>({n, d}), {}};
  for (double& value : data.x.values()) value = random.normal();
  for (Index i = 0; i < n; ++i) data.y.push_back(random.normal());
  return data;
}

std::vector<Index> own_groups(Index n) {
  std::vector<Index> groups(static_cast<std::size_t>(n));
  std::iota(groups.begin(), groups.end(), Index{0});
  return groups;
}

struct SklearnFit {
  Index n;
  Index d;
  double lambda;
  FeatureScaling scaling;
  std::vector<double> weight;
  double bias;
};

// none: m = sklearn.linear_model.Ridge(alpha=lambda, solver="svd").fit(X, y); m.coef_, m.intercept_
// unit_variance: s = StandardScaler().fit(X); m as above on s.transform(X);
//   w = m.coef_ / s.scale_, m.intercept_ - w @ s.mean_
const SklearnFit kSklearn[] = {
    {30,
     4,
     0.5,
     FeatureScaling::none,
     {0.8265889324077196, -0.43941584924178356, 0.14020725130350747, 0.0790982585455832},
     2.4466267810473075},
    {30,
     4,
     0.5,
     FeatureScaling::unit_variance,
     {0.9897206093574635, -0.43449694350559515, 0.05347264026871132, 0.04928662819157302},
     2.706981257483664},
    {30,
     4,
     10,
     FeatureScaling::none,
     {0.31680538972537065, -0.4140216516886013, 0.34059204635129353, 0.15384430406706173},
     1.7923541422802125},
    {30,
     4,
     10,
     FeatureScaling::unit_variance,
     {0.7262286241647841, -0.3431941945633387, 0.13940933921834386, 0.08168799670013498},
     2.3442114486522456},
    {5,
     8,
     0.5,
     FeatureScaling::none,
     {0.011307417622012863, 0.07979713782623606, 0.048456492508514346, -0.10676158510530159,
      -0.1440326702281916, 0.02400359948091138, 0.04579662974522121, -0.30584512129600466},
     4.939161928285319},
    {5,
     8,
     10,
     FeatureScaling::unit_variance,
     {-0.00791120381028468, -0.021640525274804104, -0.012821454133708776, 0.08725940754039023,
      0.01616833819761421, -0.000191252617045301, -0.03992340743375251, -0.030360193202203855},
     2.7995655094119956},
};

TEST(Ridge, MatchesScikitLearn) {
  for (const SklearnFit& expected : kSklearn) {
    const Data data = wave_data(expected.n, expected.d);
    const RidgeFit fit = fit_ridge(data.features(), data.y, expected.lambda, expected.scaling);
    // The condition number of (Gram + lambda) is below 1e4 in all cases; eps 1e4 = 2e-12.
    test::expect_close("weight", fit.weight, expected.weight, {.absolute = 2e-12});
    EXPECT_NEAR(fit.bias, expected.bias, 1e-11);
    EXPECT_EQ(fit.n, expected.n);
  }
}

TEST(Ridge, DegreesOfFreedomAndTrainFit) {
  // s = np.linalg.svd(X - X.mean(0), compute_uv=False)**2; (s / (s + lambda)).sum() + 1; m.score(X,
  // y)
  const Data tall = wave_data(30, 4);
  const RidgeFit fit = fit_ridge(tall.features(), tall.y, 0.5, FeatureScaling::none);
  EXPECT_NEAR(fit.degrees_of_freedom, 4.627872250017051, 1e-12);
  EXPECT_NEAR(fit.r2_train.value(), 0.7714392306658272, 1e-12);
  const Data wide = wave_data(5, 8);
  EXPECT_NEAR(fit_ridge(wide.features(), wide.y, 10, FeatureScaling::none).degrees_of_freedom,
              3.12149724937024, 1e-12);
}

TEST(Ridge, ZeroLambdaIsMinimumNormLeastSquares) {
  // np.linalg.pinv(X - X.mean(0)) @ (y - y.mean()); the squared singular values span 345 to 0.0079,
  // and forming the Gram matrix costs eps 345 / 0.0079 = 1e-11 of the largest weight
  const Data data = wave_data(5, 8);
  const RidgeFit fit = fit_ridge(data.features(), data.y, 0, FeatureScaling::none);
  test::expect_close(
      "weight", fit.weight,
      std::vector<double>{-0.8557133448989087, -0.9897066655380734, -1.7392848196353428,
                          -2.85819908893946, -1.4614490730305225, 0.8946344532995314,
                          -1.1325446304012334, -0.3548823126725314},
      {.absolute = 0, .relative = 1e-10});
  EXPECT_NEAR(fit.r2_train.value(), 1, 1e-10);
  const Data tall = wave_data(30, 2);
  const MatrixView<const double> first = tall.features().columns(0, 1);
  std::vector<double> column;
  for (Index i = 0; i < 30; ++i) column.push_back(first(i, 0));
  const SimpleRegression line = ols(column, tall.y);
  const RidgeFit one = fit_ridge(first, tall.y, 0, FeatureScaling::unit_variance);
  EXPECT_NEAR(one.weight[0], line.slope.value(), 1e-13);
  EXPECT_NEAR(one.bias, line.intercept.value(), 1e-13);
}

TEST(Ridge, ConstantFeaturesAndOutcomes) {
  Data data = wave_data(20, 3);
  for (Index i = 0; i < 20; ++i) data.x.matrix()(i, 1) = 0.1;
  for (const FeatureScaling scaling : {FeatureScaling::none, FeatureScaling::unit_variance}) {
    const RidgeFit fit = fit_ridge(data.features(), data.y, 1, scaling);
    EXPECT_EQ(fit.weight[1], 0) << feature_scaling_name(scaling);
  }
  const std::vector<double> flat(20, 4.0);
  const RidgeFit of_flat = fit_ridge(data.features(), flat, 1, FeatureScaling::none);
  EXPECT_NEAR(of_flat.bias, 4, 1e-15);
  EXPECT_FALSE(of_flat.r2_train);
  // Nothing varies: the mean is all there is.
  const Tensor<double> still({20, 2}, std::vector<double>(40, 3.0));
  const RidgeCv mean =
      fit_ridge_cross_validated(still.matrix(), data.y, own_groups(20), {.n_fold = 4});
  EXPECT_EQ(mean.fit.weight, std::vector<double>(2, 0.0));
  EXPECT_LE(mean.cv_r2.value(), 0);
}

TEST(Ridge, RefusesBadInput) {
  Data data = wave_data(5, 2);
  EXPECT_THROW(fit_ridge(data.features(), data.y, -1, FeatureScaling::none), ArgumentError);
  EXPECT_THROW(fit_ridge(data.features(), data.y, INFINITY, FeatureScaling::none), ArgumentError);
  EXPECT_THROW(fit_ridge(data.features(), std::vector<double>{1, 2}, 1, FeatureScaling::none),
               ShapeError);
  EXPECT_THROW(fit_ridge(data.features().columns(0, 0), data.y, 1, FeatureScaling::none),
               ArgumentError);
  EXPECT_THROW(fit_ridge_cross_validated(data.features(), data.y, own_groups(4), {}), ShapeError);
  EXPECT_THROW(fit_ridge_cross_validated(data.features(), data.y, own_groups(5), {.n_fold = 6}),
               ArgumentError);
  EXPECT_THROW(fit_ridge_cross_validated(data.features(), data.y, own_groups(5), {.n_lambda = 0}),
               ArgumentError);
  EXPECT_THROW(
      fit_ridge(data.features(), data.y, 1, FeatureScaling::none).predict(std::vector<double>{1}),
      ShapeError);
  data.x.matrix()(3, 1) = std::nan("");
  try {
    fit_ridge(data.features(), data.y, 1, FeatureScaling::none);
    FAIL() << "expected NumericError";
  } catch (const NumericError& error) {
    EXPECT_STREQ(error.what(), "fit_ridge: x[3, 1] is nan, expected a finite number");
  }
}

// The out-of-fold predictions are those of fit_ridge on the other folds, for both shapes and
// scalings.
TEST(RidgeCv, EqualsFittingEachFoldAlone) {
  struct Case {
    Index n;
    Index d;
    FeatureScaling scaling;
  };
  for (const Case& c :
       {Case{40, 6, FeatureScaling::none}, Case{40, 6, FeatureScaling::unit_variance},
        Case{20, 30, FeatureScaling::none}, Case{20, 30, FeatureScaling::unit_variance}}) {
    const Data data = wave_data(c.n, c.d);
    std::vector<Index> groups = own_groups(c.n);
    for (Index& g : groups) g /= 2;
    const RidgeCv cv = fit_ridge_cross_validated(
        data.features(), data.y, groups,
        {.lambdas = {3, 0.1, 30}, .n_fold = 4, .seed = 9, .scaling = c.scaling});
    EXPECT_EQ(cv.lambda, (std::vector<double>{0.1, 3, 30}));
    double best = INFINITY;
    for (std::size_t l = 0; l < cv.lambda.size(); ++l) {
      double sum = 0;
      std::vector<double> held_out(static_cast<std::size_t>(c.n));
      for (Index f = 0; f < 4; ++f) {
        Tensor<double> kept_x({c.n, c.d});
        std::vector<double> kept_y;
        for (Index k = 0; k < c.n; ++k) {
          if (cv.fold[k] == f) continue;
          const std::span<const double> row = data.features().row(k);
          std::copy(row.begin(), row.end(),
                    kept_x.matrix().row(static_cast<Index>(kept_y.size())).begin());
          kept_y.push_back(data.y[k]);
        }
        const RidgeFit fit =
            fit_ridge(kept_x.matrix().row_range(0, static_cast<Index>(kept_y.size())), kept_y,
                      cv.lambda[l], c.scaling);
        for (Index i = 0; i < c.n; ++i) {
          if (cv.fold[i] != f) continue;
          held_out[i] = fit.predict(data.features().row(i));
          sum += (data.y[i] - held_out[i]) * (data.y[i] - held_out[i]);
        }
      }
      EXPECT_NEAR(cv.held_out_sum_of_squares[l] / sum, 1, 1e-9);
      best = std::min(best, sum);
      if (l == cv.selected) {
        test::expect_close("held out", cv.held_out_prediction, held_out, {.absolute = 1e-9});
        EXPECT_EQ(cv.cv_r2, r2_identity(cv.held_out_prediction, data.y));
      }
    }
    EXPECT_NEAR(cv.held_out_sum_of_squares[cv.selected], best, 1e-9 * best);
    const RidgeFit refit = fit_ridge(data.features(), data.y, cv.lambda[cv.selected], c.scaling);
    test::expect_close("weight", cv.fit.weight, refit.weight, {.absolute = 1e-9});
    EXPECT_NEAR(cv.fit.bias, refit.bias, 1e-9);
    EXPECT_EQ(cv.at_edge, cv.selected != 1);
  }
}

// One factorisation for several outcomes gives what each alone gets, for both shapes.
TEST(RidgeCv, SeveralOutcomesAreThoseOfEachAlone) {
  for (const Index d : {6, 40}) {
    const Data data = wave_data(30, d);
    std::vector<double> reversed(data.y.rbegin(), data.y.rend());
    const std::vector<double> constant(data.y.size(), 2.5);
    const std::vector<std::span<const double>> outcomes = {data.y, reversed, constant};
    const std::vector<Index> groups = own_groups(30);
    const std::vector<RidgeCv> together =
        fit_ridges_cross_validated(data.features(), outcomes, groups, {.seed = 2});
    ASSERT_EQ(together.size(), 3U);
    for (std::size_t k = 0; k < outcomes.size(); ++k) {
      const RidgeCv alone =
          fit_ridge_cross_validated(data.features(), outcomes[k], groups, {.seed = 2});
      EXPECT_EQ(together[k].lambda, alone.lambda);
      EXPECT_EQ(together[k].fold, alone.fold);
      EXPECT_EQ(together[k].cv_r2.has_value(), k < 2);
      test::expect_close("errors", together[k].held_out_sum_of_squares,
                         alone.held_out_sum_of_squares, {.absolute = 1e-12, .relative = 1e-9});
      if (k == 2) continue;  // every lambda gives the same fit, so rounding selects
      EXPECT_EQ(together[k].selected, alone.selected);
      test::expect_close("weight", together[k].fit.weight, alone.fit.weight, {.absolute = 1e-9});
      test::expect_close("held out", together[k].held_out_prediction, alone.held_out_prediction,
                         {.absolute = 1e-9});
    }
  }
  const Data data = wave_data(30, 6);
  EXPECT_THROW(fit_ridges_cross_validated(data.features(), {}, own_groups(30), {}), ArgumentError);
}

TEST(RidgeCv, AutomaticLambdasSpanTheSpectrum) {
  const Data data = noise_data(60, 10);
  const RidgeCv cv = fit_ridge_cross_validated(data.features(), data.y, own_groups(60), {});
  ASSERT_EQ(cv.lambda.size(), 25U);
  // Eigenvalues of a 60 by 10 normal Gram lie around 60, between 60 (1 -+ sqrt(10/60))² = 21 and
  // 119.
  EXPECT_GT(cv.lambda.front(), 0.05);
  EXPECT_LT(cv.lambda.front(), 0.5);
  EXPECT_GT(cv.lambda.back(), 600);
  EXPECT_LT(cv.lambda.back(), 2400);
  for (std::size_t l = 2; l < 25; ++l) {
    EXPECT_NEAR(cv.lambda[l] / cv.lambda[l - 1], cv.lambda[1] / cv.lambda[0], 1e-10);
  }
  // All lambdas scale with the features, the predictions stay.
  Data scaled = data;
  for (double& value : scaled.x.values()) value *= 1000;
  const RidgeCv of_scaled =
      fit_ridge_cross_validated(scaled.features(), data.y, own_groups(60), {});
  EXPECT_NEAR(of_scaled.lambda[3] / cv.lambda[3], 1e6, 1e-4);
  test::expect_close("held out", of_scaled.held_out_prediction, cv.held_out_prediction,
                     {.absolute = 1e-10});
}

TEST(RidgeCv, GroupsKeepDuplicatesFromLeaking) {
  // 60 texts of 100 features, each four times, with outcomes that have nothing to do with them. By
  // row, a copy of each held-out row has been fitted and the score is near 1; by group there is no
  // skill.
  const Data distinct = noise_data(60, 100);
  Data data{Tensor<double>({240, 100}), {}};
  std::vector<Index> groups;
  for (Index i = 0; i < 240; ++i) {
    const std::span<const double> row = distinct.features().row(i % 60);
    std::copy(row.begin(), row.end(), data.x.matrix().row(i).begin());
    data.y.push_back(distinct.y[i % 60]);
    groups.push_back(i % 60);
  }
  const RidgeCv by_row = fit_ridge_cross_validated(data.features(), data.y, own_groups(240), {});
  EXPECT_GT(by_row.cv_r2.value(), 0.95);
  const RidgeCv by_group = fit_ridge_cross_validated(data.features(), data.y, groups, {});
  EXPECT_LT(by_group.cv_r2.value(), 0.05);
}

TEST(RidgeCv, SameSeedSameBytes) {
  const Data data = noise_data(50, 8);
  const RidgeCv first = fit_ridge_cross_validated(data.features(), data.y, own_groups(50), {});
  const RidgeCv second = fit_ridge_cross_validated(data.features(), data.y, own_groups(50), {});
  EXPECT_EQ(first.held_out_prediction, second.held_out_prediction);
  EXPECT_EQ(first.fit.weight, second.fit.weight);
  const RidgeCv other =
      fit_ridge_cross_validated(data.features(), data.y, own_groups(50), {.seed = 1});
  EXPECT_NE(first.fold, other.fold);
}

TEST(RidgeCv, SameBytesForAnyNumberOfThreads) {
  const Data data = noise_data(300, 120);
  const int before = threads();
  set_threads(1);
  const RidgeCv one = fit_ridge_cross_validated(data.features(), data.y, own_groups(300), {});
  set_threads(3);
  const RidgeCv three = fit_ridge_cross_validated(data.features(), data.y, own_groups(300), {});
  set_threads(before);
  EXPECT_EQ(one.held_out_prediction, three.held_out_prediction);
  EXPECT_EQ(one.fit.weight, three.fit.weight);
}

}  // namespace
}  // namespace gnomon
