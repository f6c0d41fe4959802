// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/distance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

// i = np.arange(40); x = np.sin(i); y = np.sin(i) + np.cos(3 * i)
// a = np.round(4 * x); b = np.round(3 * np.cos(np.arange(25)))
struct Samples {
  std::vector<double> x;
  std::vector<double> y;
  std::vector<double> a;
  std::vector<double> b;
  Samples() {
    for (int i = 0; i < 40; ++i) {
      x.push_back(std::sin(i));
      y.push_back(std::sin(i) + std::cos(3 * i));
      a.push_back(std::nearbyint(4 * std::sin(i)));
      if (i < 25) b.push_back(std::nearbyint(3 * std::cos(i)));
    }
  }
};

TEST(Wasserstein, MatchesScipy) {
  // scipy.stats.wasserstein_distance(x, y) and (a, b), the second with ties and other sizes
  const Samples s;
  EXPECT_NEAR(wasserstein1(s.x, s.y), 0.2185485900527008, 1e-15);
  EXPECT_NEAR(wasserstein1(s.a, s.b), 0.665, 1e-15);
  EXPECT_NEAR(wasserstein1(s.b, s.a), 0.665, 1e-15);
}

TEST(Wasserstein, AlgebraicCases) {
  const Samples s;
  EXPECT_EQ(wasserstein1(s.x, s.x), 0);
  EXPECT_EQ(wasserstein1(std::vector<double>{1}, std::vector<double>{4}), 3);
  EXPECT_EQ(wasserstein1(std::vector<double>{1, 2}, std::vector<double>{11, 12}), 10);
  EXPECT_THROW(wasserstein1({}, s.x), ArgumentError);
  EXPECT_THROW(wasserstein1(s.x, std::vector<double>{std::nan("")}), NumericError);
}

TEST(KolmogorovSmirnov, MatchesScipy) {
  // scipy.stats.ks_2samp(x, y).statistic and (a, b)
  const Samples s;
  EXPECT_NEAR(kolmogorov_smirnov(s.x, s.y), 0.2, 1e-15);
  EXPECT_NEAR(kolmogorov_smirnov(s.a, s.b), 0.175, 1e-15);
  EXPECT_EQ(kolmogorov_smirnov(s.x, s.x), 0);
  EXPECT_EQ(kolmogorov_smirnov(std::vector<double>{1, 2}, std::vector<double>{3}), 1);
  EXPECT_EQ(kolmogorov_smirnov(std::vector<double>{3}, std::vector<double>{1, 2}), 1);
}

TEST(KlDivergence, MatchesScipy) {
  // p = (np.array([5, 0, 3, 2]) + .5) / 12; q = (np.array([1, 4, 4, 0]) + .5) / 11;
  // scipy.stats.entropy(p, q)
  const std::vector<Index> a = {5, 0, 3, 2};
  const std::vector<Index> b = {1, 4, 4, 0};
  const KlDivergence divergence = kl_divergence(a, b, 0.5);
  EXPECT_NEAR(divergence.nats, 0.678941823522904, 1e-15);
  EXPECT_EQ(divergence.pseudo_count, 0.5);
  EXPECT_EQ(divergence.n_cell, 4);
  EXPECT_EQ(kl_divergence(a, a, 0.5).nats, 0);
}

TEST(KlDivergence, OfSamples) {
  // h1, edges = np.histogram(x, bins=8, range=(min of both, max of both)); h2 = np.histogram(y,
  // edges)[0] scipy.stats.entropy((h1 + .5) / 44, (h2 + .5) / 44)
  const Samples s;
  const KlDivergence divergence = kl_divergence(s.x, s.y, 8, 0.5);
  EXPECT_NEAR(divergence.nats, 0.19411443935489459, 1e-15);
  EXPECT_NEAR(divergence.low, -1.8728289502805064, 1e-15);
  EXPECT_NEAR(divergence.high, 1.8694677134760478, 1e-15);
  EXPECT_EQ(kl_divergence(std::vector<double>{2, 2}, std::vector<double>{2, 2}, 8, 0.5).nats, 0);
}

TEST(KlDivergence, RefusesBadInput) {
  const std::vector<Index> a = {1, 2};
  EXPECT_THROW(kl_divergence(a, std::vector<Index>{1}, 0.5), ShapeError);
  EXPECT_THROW(kl_divergence(a, a, 0), ArgumentError);
  EXPECT_THROW(kl_divergence(a, std::vector<Index>{1, -1}, 0.5), ArgumentError);
  EXPECT_THROW(kl_divergence(std::vector<Index>{}, std::vector<Index>{}, 0.5), ArgumentError);
  const std::vector<double> x = {1, 2};
  EXPECT_THROW(kl_divergence(x, x, 0, 0.5), ArgumentError);
}

}  // namespace
}  // namespace gnomon
