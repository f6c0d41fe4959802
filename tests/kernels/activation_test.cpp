// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/activation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "gnomon/kernels/detail/vector_math.h"
#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr Activation kActivations[] = {Activation::gelu_new, Activation::gelu, Activation::silu,
                                       Activation::relu};

// The formulas in long double. The two GELUs are written without 1 + tanh and 1 + erf, which cancel
// for negative x; TextbookForms compares with those.
double exact(Activation activation, double x) {
  const long double v = x;
  switch (activation) {
    case Activation::gelu_new: {
      const long double u =
          std::sqrt(2 / 3.141592653589793238462643L) * (v + 0.044715L * v * v * v);
      return static_cast<double>(v / (1 + std::exp(-2 * u)));
    }
    case Activation::gelu:
      return static_cast<double>(v / 2 * std::erfc(-v * std::sqrt(0.5L)));
    case Activation::silu:
      return static_cast<double>(v / (1 + std::exp(-v)));
    case Activation::relu:
      return std::max(x, 0.0);
  }
  return 0;
}

template <class T>
std::vector<T> activate(Activation activation, std::span<const T> x) {
  std::vector<T> y(x.size());
  activation_forward<T>(activation, y, x);
  return y;
}

// |actual - expected| in units of float's last place at `expected`.
double ulps(float actual, double expected) {
  int exponent = 0;
  std::frexp(static_cast<float>(expected), &exponent);
  const double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::abs(static_cast<double>(actual) - expected) / unit;
}

std::vector<float> dense(double from, double to, int n) {
  std::vector<float> x;
  for (int i = 0; i <= n; ++i) x.push_back(static_cast<float>(from + (to - from) * i / n));
  return x;
}

double worst_relative_error(Activation activation, double from, double to) {
  const auto x = dense(from, to, 100000);
  const auto y = activate<float>(activation, x);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = exact(activation, static_cast<double>(x[i]));
    // Below the normal numbers a unit in the last place is no longer relative.
    if (std::abs(expected) < 1.2e-38) continue;
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) / expected - 1));
  }
  return worst;
}

TEST(VectorMath, ExpIsWithinOneUnitInTheLastPlace) {
  double worst = 0;
  for (const float x : dense(-104, 88.72, 1000000)) {
    worst = std::max(worst, ulps(detail::vector_exp(x), std::exp(static_cast<double>(x))));
  }
  for (float x = 1e-40F; x < 1; x *= 1.0003F) {
    worst = std::max(worst, ulps(detail::vector_exp(-x), std::exp(static_cast<double>(-x))));
  }
  EXPECT_LE(worst, 1.0);
}

TEST(VectorMath, ExpAtTheEdges) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(detail::vector_exp(0.0F), 1.0F);
  EXPECT_EQ(detail::vector_exp(-0.0F), 1.0F);
  EXPECT_EQ(detail::vector_exp(-kInf), 0.0F);
  EXPECT_EQ(detail::vector_exp(-1e4F), 0.0F);
  EXPECT_EQ(detail::vector_exp(kInf), kInf);
  EXPECT_EQ(detail::vector_exp(1e4F), kInf);
  EXPECT_EQ(detail::vector_exp(1e-45F), 1.0F);
  EXPECT_TRUE(std::isnan(detail::vector_exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST(VectorMath, NormalCdfIsWithinEightUnitsInTheLastPlace) {
  double worst = 0;
  for (const float x : dense(-14.5, 10, 500000)) {
    worst = std::max(worst, ulps(detail::vector_normal_cdf(x),
                                 0.5 * std::erfc(-static_cast<double>(x) * std::sqrt(0.5))));
  }
  EXPECT_LE(worst, 8.0);
  EXPECT_EQ(detail::vector_normal_cdf(1e4F), 1.0F);
  EXPECT_EQ(detail::vector_normal_cdf(-1e4F), 0.0F);
  EXPECT_TRUE(std::isnan(detail::vector_normal_cdf(std::numeric_limits<float>::quiet_NaN())));
}

// What activation.h states. Under x = -13.2 the results are subnormal (gelu_new: -9.9).
TEST(Activation, FloatErrorsAreAsStated) {
  EXPECT_LT(worst_relative_error(Activation::gelu_new, -1, 1), 6e-7);
  EXPECT_LT(worst_relative_error(Activation::gelu_new, 1, 50), 2e-7);
  EXPECT_LT(worst_relative_error(Activation::gelu_new, -5, -1), 3e-6);
  EXPECT_LT(worst_relative_error(Activation::gelu_new, -12, -5), 3e-5);
  EXPECT_LT(worst_relative_error(Activation::gelu, -14, 50), 8 * 1.2e-7);
  EXPECT_LT(worst_relative_error(Activation::silu, -80, 50), 4 * 1.2e-7);
}

TEST(Activation, FloatErrorIsSmallAgainstTheInputEverywhere) {
  // Beside x itself no activation errs by more than two units in the last place.
  for (const Activation activation : kActivations) {
    for (const auto& x :
         {dense(-20, 20, 100000), dense(-1e4, 1e4, 100000), dense(-1e-38, 1e-38, 1000)}) {
      const auto y = activate<float>(activation, x);
      double worst = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error =
            std::abs(static_cast<double>(y[i]) - exact(activation, static_cast<double>(x[i])));
        worst = std::max(worst,
                         (error - 1.5e-45) / std::max(std::abs(static_cast<double>(x[i])), 1e-45));
      }
      EXPECT_LT(worst, 2 * kEps<float>) << activation_name(activation);
    }
  }
}

TEST(Activation, DoubleIsTheFormula) {
  for (const Activation activation : kActivations) {
    std::vector<double> x;
    std::vector<double> expected;
    for (double v = -20; v < 30; v += 0.00917) x.push_back(v);
    for (const double v : x) expected.push_back(exact(activation, v));
    const auto y = activate<double>(activation, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      // The exponent of gelu_new, up to 600 here, is rounded to half a unit in its last place.
      const double tolerance = 1e-15 + 3e-16 * std::pow(std::abs(x[i]), 3);
      EXPECT_NEAR(y[i], expected[i], std::abs(expected[i]) * tolerance)
          << activation_name(activation) << x[i];
    }
  }
}

TEST(Activation, TextbookForms) {
  std::vector<double> x;
  for (double v = -8; v < 8; v += 0.01) x.push_back(v);
  const auto gelu_new = activate<double>(Activation::gelu_new, x);
  const auto gelu = activate<double>(Activation::gelu, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double v = x[i];
    EXPECT_NEAR(gelu_new[i],
                v / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))), 1e-15);
    EXPECT_NEAR(gelu[i], v / 2 * (1 + std::erf(v / std::sqrt(2))), 2e-15);
  }
}

template <class T>
class ActivationOf : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ActivationOf, Scalars);

TYPED_TEST(ActivationOf, Extremes) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kTiny = std::numeric_limits<T>::denorm_min();
  const std::vector<T> x = {0,
                            1e4,
                            -1e4,
                            kInf,
                            kTiny,
                            -kTiny,
                            std::numeric_limits<T>::max(),
                            std::numeric_limits<T>::lowest()};
  for (const Activation activation : kActivations) {
    SCOPED_TRACE(activation_name(activation));
    const auto y = activate<T>(activation, x);
    EXPECT_EQ(y[0], T{0});
    EXPECT_EQ(y[1], T{1e4});
    EXPECT_EQ(y[2], T{0});
    EXPECT_EQ(y[3], kInf);
    EXPECT_LE(std::abs(y[4]), kTiny);
    EXPECT_LE(std::abs(y[5]), kTiny);
    EXPECT_EQ(y[6], x[6]);
    EXPECT_EQ(y[7], T{0});
    const std::vector<T> bad = {std::numeric_limits<T>::quiet_NaN(), -kInf};
    const auto bad_y = activate<T>(activation, bad);
    EXPECT_TRUE(std::isnan(bad_y[0]));
    EXPECT_EQ(std::isnan(bad_y[1]), activation != Activation::relu);
  }
}

TYPED_TEST(ActivationOf, SameBitsAtEveryLengthAlignmentAndInPlace) {
  using T = TypeParam;
  const auto x = normal_values<T>(80, "x");
  for (const Activation activation : kActivations) {
    std::vector<T> one_by_one;
    for (const T value : x)
      one_by_one.push_back(activate<T>(activation, std::span<const T>(&value, 1))[0]);
    for (std::size_t n = 0; n <= 70; ++n) {
      for (const std::size_t first : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        auto work = x;
        const auto part = std::span<T>(work).subspan(first, n);
        activation_forward<T>(activation, part, part);
        EXPECT_TRUE(same_bits<T>(part, std::span<const T>(one_by_one).subspan(first, n)))
            << activation_name(activation) << ", " << n << " from " << first;
        EXPECT_TRUE(same_bits<T>(std::span<const T>(work).subspan(first + n),
                                 std::span<const T>(x).subspan(first + n)));
      }
    }
  }
}

TYPED_TEST(ActivationOf, SameBitsUnderEveryInstructionSet) {
  using T = TypeParam;
  auto x = normal_values<T>(5000, "x");
  for (T& value : x) value *= T{5};
  for (const Activation activation : kActivations) {
    const auto results = with_each_instruction_set([&] { return activate<T>(activation, x); });
    for (const auto& result : results)
      EXPECT_TRUE(same_bits<T>(result, results[0])) << activation_name(activation);
  }
}

TYPED_TEST(ActivationOf, Multiply) {
  using T = TypeParam;
  const auto a = normal_values<T>(37, "a");
  const auto b = normal_values<T>(37, "b");
  std::vector<T> expected;
  std::ranges::transform(a, b, std::back_inserter(expected), std::multiplies<T>{});
  std::vector<T> y(37);
  multiply_forward<T>(y, a, b);
  EXPECT_EQ(y, expected);
  auto in_place = a;
  multiply_forward<T>(in_place, in_place, b);
  EXPECT_EQ(in_place, expected);
  in_place = b;
  multiply_forward<T>(in_place, a, in_place);
  EXPECT_EQ(in_place, expected);
}

TYPED_TEST(ActivationOf, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> two(2), three(3);
  EXPECT_EQ(shape_error_of([&] { activation_forward<T>(Activation::silu, two, three); }),
            "activation_forward: y has 2 values, expected as many as x: 3");
  EXPECT_EQ(shape_error_of([&] { multiply_forward<T>(two, two, three); }),
            "multiply_forward: y, a and b have 2, 2 and 3 values, expected equal sizes");
}

TEST(Activation, Names) {
  EXPECT_EQ(activation_name(Activation::gelu_new), "gelu_new");
  EXPECT_EQ(activation_name(Activation::gelu), "gelu");
  EXPECT_EQ(activation_name(Activation::silu), "silu");
  EXPECT_EQ(activation_name(Activation::relu), "relu");
}

}  // namespace
}  // namespace gnomon
