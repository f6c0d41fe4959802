// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gnomon/kernels/activation.h"
#include "kernels/gradient_cases.h"
#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr Activation kActivations[] = {Activation::gelu_new, Activation::gelu, Activation::silu,
                                       Activation::relu};

template <class T>
std::vector<T> gradient(Activation activation, std::span<const T> grad_y, std::span<const T> x) {
  std::vector<T> grad_x(x.size());
  activation_backward<T>(activation, grad_x, grad_y, x);
  return grad_x;
}

// f'(x).
template <class T>
std::vector<T> derivative(Activation activation, std::span<const T> x) {
  return gradient<T>(activation, std::vector<T>(x.size(), T{1}), x);
}

TEST(ActivationBackward, IsTheDerivativeOfTheForwardPass) {
  // Points 0.07 apart, none within a step of relu's kink.
  std::vector<double> x;
  for (int i = 0; i < 180; ++i) x.push_back(-6.31 + 0.07 * i);
  const auto grad_y = normal_values<double>(static_cast<Index>(x.size()), "grad_y");
  for (const Activation activation : kActivations) {
    SCOPED_TRACE(activation_name(activation));
    const auto loss = [&](std::span<const double> some_x) {
      std::vector<double> y(some_x.size());
      activation_forward<double>(activation, y, some_x);
      return dot(y, grad_y);
    };
    expect_gradient("x", loss, x, gradient<double>(activation, grad_y, x));
  }
}

// What activation.h states: a few units in the last place of 1.
TEST(ActivationBackward, FloatErrorsAreAsStated) {
  std::vector<float> x;
  for (int i = 0; i <= 400000; ++i) x.push_back(static_cast<float>(-20 + 1e-4 * i));
  for (float large = 20; large < 1e30F; large *= 1.1F) {
    x.push_back(large);
    x.push_back(-large);
  }
  for (const Activation activation : kActivations) {
    expect_close(activation_name(activation), widened<float>(derivative<float>(activation, x)),
                 derivative<double>(activation, widened<float>(x)), {.absolute = 6e-7});
  }
}

template <class T>
class ActivationBackwardOf : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ActivationBackwardOf, Scalars);

TYPED_TEST(ActivationBackwardOf, ValuesAtTheEdges) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kMost = std::numeric_limits<T>::max();
  const std::vector<T> x = {0, -T{0}, kInf, -kInf, kMost, -kMost, T{1e4}, T{-1e4}};
  for (const Activation activation : {Activation::gelu_new, Activation::gelu, Activation::silu}) {
    const auto actual = derivative<T>(activation, x);
    EXPECT_NEAR(static_cast<double>(actual[0]), 0.5, 4 * kEps<T>) << activation_name(activation);
    EXPECT_EQ(actual[1], actual[0]);
    EXPECT_EQ(std::vector<T>(actual.begin() + 2, actual.end()), (std::vector<T>{1, 0, 1, 0, 1, 0}))
        << activation_name(activation);
  }
  EXPECT_EQ(derivative<T>(Activation::relu, x), (std::vector<T>{0, 0, 1, 0, 1, 0, 1, 0}));
  const T tiny = std::numeric_limits<T>::denorm_min();
  EXPECT_EQ(derivative<T>(Activation::relu, std::vector<T>{tiny, -tiny}), (std::vector<T>{1, 0}));
  for (const Activation activation : kActivations) {
    EXPECT_TRUE(std::isnan(
        derivative<T>(activation, std::vector<T>{std::numeric_limits<T>::quiet_NaN()})[0]))
        << activation_name(activation);
  }
}

TYPED_TEST(ActivationBackwardOf, InPlaceAndOfAnyLengthTheSameBits) {
  using T = TypeParam;
  auto x = normal_values<T>(80, "x");
  for (T& value : x) value *= T{3};
  const auto grad_y = normal_values<T>(80, "grad_y");
  for (const Activation activation : kActivations) {
    std::vector<T> one_by_one;
    for (std::size_t i = 0; i < x.size(); ++i) {
      one_by_one.push_back(gradient<T>(activation, std::span<const T>(grad_y).subspan(i, 1),
                                       std::span<const T>(x).subspan(i, 1))[0]);
    }
    for (std::size_t n = 0; n <= 70; ++n) {
      for (const std::size_t first : {std::size_t{0}, std::size_t{1}, std::size_t{3}}) {
        auto work = grad_y;
        const auto part = std::span<T>(work).subspan(first, n);
        activation_backward<T>(activation, part, part, std::span<const T>(x).subspan(first, n));
        EXPECT_TRUE(same_bits<T>(part, std::span<const T>(one_by_one).subspan(first, n)))
            << activation_name(activation) << ", " << n << " from " << first;
        EXPECT_TRUE(same_bits<T>(std::span<const T>(work).subspan(first + n),
                                 std::span<const T>(grad_y).subspan(first + n)));
      }
    }
  }
}

TYPED_TEST(ActivationBackwardOf, SameBitsUnderEveryInstructionSet) {
  using T = TypeParam;
  auto x = normal_values<T>(5000, "x");
  for (T& value : x) value *= T{5};
  const auto grad_y = normal_values<T>(5000, "grad_y");
  for (const Activation activation : kActivations) {
    const auto results =
        with_each_instruction_set([&] { return gradient<T>(activation, grad_y, x); });
    for (const auto& result : results)
      EXPECT_TRUE(same_bits<T>(result, results[0])) << activation_name(activation);
  }
}

TYPED_TEST(ActivationBackwardOf, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> two(2), three(3);
  EXPECT_EQ(shape_error_of([&] { activation_backward<T>(Activation::silu, two, two, three); }),
            "activation_backward: grad_x and grad_y have 2 and 2 values, expected as many as x: 3");
  EXPECT_EQ(shape_error_of([&] { activation_backward<T>(Activation::silu, three, two, three); }),
            "activation_backward: grad_x and grad_y have 3 and 2 values, expected as many as x: 3");
}

}  // namespace
}  // namespace gnomon
