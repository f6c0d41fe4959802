// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/regression.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// i = np.arange(40); x = np.sin(i); y = np.sin(i) + np.cos(3 * i)
struct Wave {
  std::vector<double> x;
  std::vector<double> y;
  Wave() {
    for (int i = 0; i < 40; ++i) {
      x.push_back(std::sin(i));
      y.push_back(std::sin(i) + std::cos(3 * i));
    }
  }
};

// Both sides compute sums of 40 terms of size 1 in double: a few hundred eps at most.
constexpr double kTolerance = 1e-13;

TEST(Ols, MatchesScipy) {
  // l = scipy.stats.linregress(x, y); residual_sd = sqrt(((y - l.slope x - l.intercept)**2).sum() /
  // 38)
  const Wave wave;
  const SimpleRegression fit = ols(wave.x, wave.y);
  EXPECT_EQ(fit.n, 40);
  EXPECT_NEAR(fit.slope.value(), 0.9641848878491919, kTolerance);
  EXPECT_NEAR(fit.intercept.value(), 0.0038698708410611384, kTolerance);
  EXPECT_NEAR(fit.r2_fit.value(), 0.49956357538271307, kTolerance);
  EXPECT_NEAR(fit.slope_se.value(), 0.15654802598207856, kTolerance);
  EXPECT_NEAR(fit.intercept_se.value(), 0.11036898221560713, kTolerance);
  EXPECT_NEAR(fit.residual_sd.value(), 0.6974509627823599, kTolerance);
}

TEST(Ols, BandOfTheLine) {
  // s = residual_sd; se = s sqrt(1/40 + (0.5 - x.mean())**2 / ((x - x.mean())**2).sum());
  // slope 0.5 + intercept -+ scipy.stats.t.ppf(0.975, 38) se
  const Wave wave;
  const std::optional<Interval> band = line_interval(ols(wave.x, wave.y), 0.5, 0.95);
  EXPECT_NEAR(band.value().ci_low, 0.2173834860754143, kTolerance);
  EXPECT_NEAR(band.value().ci_high, 0.7545411434559, kTolerance);
}

TEST(Ols, ScalesAndOffsets) {
  // y = 2 x + 1 exactly, with x far from zero and tiny or huge units.
  for (const double unit : {1.0, 0x1p-500, 0x1p300}) {
    std::vector<double> x;
    std::vector<double> y;
    for (int i = 0; i < 10; ++i) {
      x.push_back((1e6 + i) * unit);
      y.push_back(2 * (1e6 + i) + 1);
    }
    const SimpleRegression fit = ols(x, y);
    EXPECT_NEAR(fit.slope.value() * unit, 2, 1e-9) << "unit " << unit;
    EXPECT_NEAR(fit.intercept.value(), 1, 1e-3) << "unit " << unit;
    EXPECT_NEAR(fit.r2_fit.value(), 1, 1e-13);
  }
}

TEST(Ols, Edges) {
  const std::vector<double> two = {1, 2};
  const SimpleRegression line = ols(two, std::vector<double>{3, 5});
  EXPECT_EQ(line.slope, 2);
  EXPECT_EQ(line.intercept, 1);
  EXPECT_EQ(line.r2_fit, 1);
  EXPECT_FALSE(line.slope_se);
  EXPECT_FALSE(line_interval(line, 0, 0.95));

  const SimpleRegression upright = ols(std::vector<double>{1, 1, 1}, std::vector<double>{1, 2, 3});
  EXPECT_FALSE(upright.slope);
  EXPECT_EQ(upright.why_undefined, "the predictor is constant");

  const SimpleRegression flat = ols(std::vector<double>{1, 2, 3}, std::vector<double>{4, 4, 4});
  EXPECT_EQ(flat.slope, 0);
  EXPECT_EQ(flat.intercept, 4);
  EXPECT_FALSE(flat.r2_fit);
  EXPECT_EQ(flat.slope_se, 0);

  EXPECT_FALSE(ols({}, {}).slope);
  EXPECT_THROW(ols(two, std::vector<double>{1, std::nan("")}), NumericError);
  EXPECT_THROW(ols(two, std::vector<double>{1}), ShapeError);
}

TEST(R2, IdentityDoesNotRefit) {
  // sklearn.metrics.r2_score(y, x)
  const Wave wave;
  EXPECT_NEAR(r2_identity(wave.x, wave.y).value(), 0.4988655656272646, kTolerance);
  // A report of the wrong sign and scale fits perfectly and is worthless as it stands.
  const std::vector<double> truth = {0, 1, 2, 3};
  const std::vector<double> report = {0, -10, -20, -30};
  EXPECT_EQ(r2_fit(report, truth), 1);
  // Σ (11 k)² = 121 * 14, Σ (truth - 1.5)² = 5
  EXPECT_NEAR(r2_identity(report, truth).value(), 1 - 121.0 * 14 / 5, 1e-12);
  EXPECT_EQ(r2_identity(truth, truth), 1);
  EXPECT_EQ(r2_identity(std::vector<double>(4, 1.5), truth), 0);
  EXPECT_FALSE(r2_identity(truth, std::vector<double>(4, 2.0)));
  EXPECT_FALSE(r2_identity({}, {}));
}

TEST(Calibrate, ShowsOffsetAndScale) {
  const std::vector<double> truth = {0, 2, 4, 6};
  const std::vector<double> prediction = {1, 2, 3, 4};  // truth = 2 prediction - 2
  const Calibration calibration = calibrate(prediction, truth);
  EXPECT_NEAR(calibration.truth_on_prediction.slope.value(), 2, 1e-14);
  EXPECT_NEAR(calibration.truth_on_prediction.intercept.value(), -2, 1e-14);
  EXPECT_NEAR(calibration.mean_error, -0.5, 1e-15);  // 1, 0, -1, -2
  EXPECT_NEAR(calibration.mean_absolute_error, 1, 1e-15);
  EXPECT_NEAR(calibration.root_mean_square_error, std::sqrt(1.5), 1e-15);
  EXPECT_NEAR(calibration.r2_identity.value(), 1 - 6.0 / 20, 1e-15);
  EXPECT_THROW(calibrate({}, {}), ArgumentError);
}

}  // namespace
}  // namespace gnomon
