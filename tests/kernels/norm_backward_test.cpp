// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/kernels/norm.h"
#include "kernels/gradient_cases.h"
#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr double kEpsilon = 1e-5;
constexpr NormKind kKinds[] = {NormKind::layer_norm, NormKind::rms_norm};

template <class T>
struct Forward {
  std::vector<T> mean, scale, normalized, y;
};

template <class T>
Forward<T> forward(NormKind kind, MatrixView<const T> x, std::span<const T> weight,
                   std::span<const T> bias) {
  const auto n_row = static_cast<std::size_t>(x.rows);
  const auto n = static_cast<std::size_t>(x.rows * x.cols);
  Forward<T> f{std::vector<T>(n_row), std::vector<T>(n_row), std::vector<T>(n), std::vector<T>(n)};
  norm_scale_forward<T>(kind, f.mean, f.scale, x, kEpsilon);
  norm_normalize_forward<T>({f.normalized.data(), x.rows, x.cols}, x, f.mean, f.scale);
  norm_affine_forward<T>({f.y.data(), x.rows, x.cols}, {f.normalized.data(), x.rows, x.cols},
                         weight, bias);
  return f;
}

template <class T>
struct Backward {
  std::vector<T> x, weight, bias;
};

// The gradients that the three steps give, added to `before` everywhere.
template <class T>
Backward<T> backward(NormKind kind, MatrixView<const T> x, std::span<const T> weight,
                     std::span<const T> grad_y, T before = 0) {
  const auto f = forward<T>(kind, x, weight, {});
  const auto d = static_cast<std::size_t>(x.cols);
  const StridedMatrix<T> normalized(x.rows, x.cols, f.normalized);
  const StridedMatrix<T> grad_y_rows(x.rows, x.cols, grad_y);
  StridedMatrix<T> grad_normalized(x.rows, x.cols);
  StridedMatrix<T> grad_c(x.rows, x.cols);
  StridedMatrix<T> grad_x(x.rows, x.cols,
                          std::vector<T>(d * static_cast<std::size_t>(x.rows), before));
  std::vector<T> grad_scale(static_cast<std::size_t>(x.rows));
  Backward<T> result{{}, std::vector<T>(d, before), std::vector<T>(d, before)};
  norm_affine_backward<T>(grad_normalized.view(), result.weight, result.bias, grad_y_rows.read(),
                          normalized.read(), weight);
  norm_normalize_backward<T>(grad_c.view(), grad_scale, grad_normalized.read(), normalized.read(),
                             f.scale);
  norm_scale_backward<T>(kind, grad_x.view(), grad_c.read(), grad_scale, normalized.read());
  EXPECT_TRUE(grad_normalized.gaps_untouched() && grad_c.gaps_untouched() &&
              grad_x.gaps_untouched());
  result.x = grad_x.packed();
  return result;
}

TEST(NormBackward, IsTheDerivativeOfTheForwardPass) {
  for (const NormKind kind : kKinds) {
    for (const Index d : {3, 16, 17, 40}) {
      for (const Index n_row : {0, 1, 4}) {
        SCOPED_TRACE(::testing::Message() << n_row << " rows of " << d);
        const auto x = normal_values<double>(n_row * d, "x");
        const auto weight = normal_values<double>(d, "weight");
        const auto bias = normal_values<double>(d, "bias");
        const auto grad_y = normal_values<double>(n_row * d, "grad_y");
        const auto gradient = backward<double>(kind, {x.data(), n_row, d}, weight, grad_y);
        const auto loss = [&](std::span<const double> some_x, std::span<const double> some_weight,
                              std::span<const double> some_bias) {
          return dot(forward<double>(kind, {some_x.data(), n_row, d}, some_weight, some_bias).y,
                     grad_y);
        };
        expect_gradient(
            "x", [&](std::span<const double> v) { return loss(v, weight, bias); }, x, gradient.x);
        expect_gradient(
            "weight", [&](std::span<const double> v) { return loss(x, v, bias); }, weight,
            gradient.weight);
        expect_gradient(
            "bias", [&](std::span<const double> v) { return loss(x, weight, v); }, bias,
            gradient.bias);
      }
    }
  }
}

// The middle step alone, where a hook may stand on either side: mean and scale are its inputs.
TEST(NormBackward, NormalizeIsTheDerivativeInBothInputs) {
  constexpr Index kRows = 3;
  constexpr Index kColumns = 19;
  const auto x = normal_values<double>(kRows * kColumns, "x");
  const auto grad = normal_values<double>(kRows * kColumns, "grad");
  const std::vector<double> mean = {0.1, -0.2, 0.3};
  const std::vector<double> scale = {0.5, 1.5, 2};
  const auto normalized = [&](std::span<const double> some_x, std::span<const double> some_scale) {
    std::vector<double> result(x.size());
    norm_normalize_forward<double>({result.data(), kRows, kColumns},
                                   {some_x.data(), kRows, kColumns}, mean, some_scale);
    return result;
  };
  const auto output = normalized(x, scale);
  std::vector<double> grad_c(x.size()), grad_scale(kRows);
  norm_normalize_backward<double>({grad_c.data(), kRows, kColumns}, grad_scale,
                                  {grad.data(), kRows, kColumns}, {output.data(), kRows, kColumns},
                                  scale);
  expect_gradient(
      "c", [&](std::span<const double> v) { return dot(normalized(v, scale), grad); }, x, grad_c);
  expect_gradient(
      "scale", [&](std::span<const double> v) { return dot(normalized(x, v), grad); }, scale,
      grad_scale);
}

// Widths around the 16 partial sums and the stripes of 128 columns. Inputs are float in both; each
// step rounds a few times, to numbers that the division by a scale of about 1 leaves their size.
TEST(NormBackward, FloatIsDouble) {
  for (const NormKind kind : kKinds) {
    for (const Index d : {2, 7, 15, 16, 17, 33, 127, 128, 129, 300, 768}) {
      const Index n_row = d == 2 ? 1 : 9;
      const auto x = normal_values<float>(n_row * d, "x");
      const auto weight = normal_values<float>(d, "weight");
      const auto grad_y = normal_values<float>(n_row * d, "grad_y");
      const auto wide_x = widened<float>(x);
      const auto actual = backward<float>(kind, {x.data(), n_row, d}, weight, grad_y, 0.5F);
      const auto expected = backward<double>(kind, {wide_x.data(), n_row, d},
                                             widened<float>(weight), widened<float>(grad_y), 0.5);
      SCOPED_TRACE(d);
      const Tolerance tolerance{.relative = 16 * kEps<float>};
      expect_close("grad_x", widened<float>(actual.x), expected.x, tolerance);
      expect_close("grad_weight", widened<float>(actual.weight), expected.weight, tolerance);
      expect_close("grad_bias", widened<float>(actual.bias), expected.bias, tolerance);
    }
  }
}

template <class T>
class NormBackwardOf : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(NormBackwardOf, Scalars);

TYPED_TEST(NormBackwardOf, InPlace) {
  using T = TypeParam;
  constexpr Index kRows = 5;
  constexpr Index kColumns = 141;
  const auto normalized = normal_values<T>(kRows * kColumns, "normalized");
  const auto weight = normal_values<T>(kColumns, "weight");
  const auto grad_y = normal_values<T>(kRows * kColumns, "grad_y");
  const std::vector<T> scale = {1, 2, 3, 4, 5};
  const MatrixView<const T> normalized_rows(normalized.data(), kRows, kColumns);
  std::vector<T> apart(grad_y.size()), grad_weight(kColumns), grad_bias(kColumns);
  norm_affine_backward<T>({apart.data(), kRows, kColumns}, grad_weight, grad_bias,
                          {grad_y.data(), kRows, kColumns}, normalized_rows, weight);
  auto work = grad_y;
  const MatrixView<T> view(work.data(), kRows, kColumns);
  std::vector<T> weight_again(kColumns), bias_again(kColumns);
  norm_affine_backward<T>(view, weight_again, bias_again, view, normalized_rows, weight);
  EXPECT_EQ(work, apart);
  EXPECT_EQ(weight_again, grad_weight);
  EXPECT_EQ(bias_again, grad_bias);
  // Sums that nobody asked for.
  work = grad_y;
  norm_affine_backward<T>(view, {}, {}, view, normalized_rows, weight);
  EXPECT_EQ(work, apart);

  std::vector<T> grad_scale(kRows), scale_again(kRows);
  norm_normalize_backward<T>({apart.data(), kRows, kColumns}, grad_scale,
                             {grad_y.data(), kRows, kColumns}, normalized_rows, scale);
  work = grad_y;
  norm_normalize_backward<T>(view, scale_again, view, normalized_rows, scale);
  EXPECT_EQ(work, apart);
  EXPECT_EQ(scale_again, grad_scale);
}

TYPED_TEST(NormBackwardOf, SameBitsWithAnyNumberOfThreadsAndUnderEveryInstructionSet) {
  using T = TypeParam;
  constexpr Index kRows = 90;
  constexpr Index kColumns = 773;
  const auto x = normal_values<T>(kRows * kColumns, "x");
  const auto weight = normal_values<T>(kColumns, "weight");
  const auto grad_y = normal_values<T>(kRows * kColumns, "grad_y");
  const auto compute = [&] {
    return backward<T>(NormKind::layer_norm, {x.data(), kRows, kColumns}, weight, grad_y);
  };
  const Restored restored;
  set_threads(1);
  const auto expected = compute();
  auto results = with_each_instruction_set(compute);
  for (const int n : {2, 3, 7}) {
    set_threads(n);
    results.push_back(compute());
  }
  for (const auto& result : results) {
    EXPECT_TRUE(same_bits<T>(result.x, expected.x));
    EXPECT_TRUE(same_bits<T>(result.weight, expected.weight));
    EXPECT_TRUE(same_bits<T>(result.bias, expected.bias));
  }
}

TYPED_TEST(NormBackwardOf, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> two(2), three(3), data(12);
  const MatrixView<const T> x(data.data(), 2, 3);
  const MatrixView<T> y(data.data(), 2, 3);
  EXPECT_EQ(shape_error_of([&] { norm_affine_backward<T>(y, two, three, x, x, three); }),
            "norm_affine_backward: grad_weight has 2 values, expected d = 3");
  EXPECT_EQ(shape_error_of([&] {
              norm_affine_backward<T>({data.data(), 2, 4}, three, three, x, x, three);
            }),
            "norm_affine_backward: grad_normalized is [2, 4], expected [n_row, d] = [2, 3]");
  EXPECT_EQ(shape_error_of([&] { norm_normalize_backward<T>(y, three, x, x, two); }),
            "norm_normalize_backward: grad_scale has 3 values, expected n_row = 2");
  EXPECT_EQ(shape_error_of([&] {
              norm_scale_backward<T>(NormKind::rms_norm, y, {data.data(), 3, 3}, two, x);
            }),
            "norm_scale_backward: grad_c is [3, 3], expected [n_row, d] = [2, 3]");
  EXPECT_EQ(shape_error_of([&] { norm_scale_backward<T>(NormKind::rms_norm, y, x, three, x); }),
            "norm_scale_backward: grad_scale has 3 values, expected n_row = 2");
}

}  // namespace
}  // namespace gnomon
