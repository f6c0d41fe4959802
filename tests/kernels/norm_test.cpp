// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr double kEpsilon = 1e-5;

template <class T>
struct Normed {
  std::vector<T> mean, scale, normalized, y;
};

template <class T>
Normed<T> run_norm(NormKind kind, MatrixView<const T> x, std::span<const T> weight,
                   std::span<const T> bias) {
  Normed<T> result;
  result.mean.resize(static_cast<std::size_t>(x.rows));
  result.scale.resize(static_cast<std::size_t>(x.rows));
  StridedMatrix<T> normalized(x.rows, x.cols);
  StridedMatrix<T> y(x.rows, x.cols);
  norm_scale_forward<T>(kind, result.mean, result.scale, x, kEpsilon);
  norm_normalize_forward<T>(normalized.view(), x, result.mean, result.scale);
  norm_affine_forward<T>(y.view(), normalized.read(), weight, bias);
  EXPECT_TRUE(normalized.gaps_untouched());
  EXPECT_TRUE(y.gaps_untouched());
  result.normalized = normalized.packed();
  result.y = y.packed();
  return result;
}

template <class T>
Normed<double> plain_norm(NormKind kind, MatrixView<const T> x, std::span<const T> weight,
                          std::span<const T> bias) {
  Normed<double> result;
  for (Index i = 0; i < x.rows; ++i) {
    long double mean = 0;
    for (Index j = 0; j < x.cols && kind == NormKind::layer_norm; ++j) mean += x(i, j);
    mean /= static_cast<long double>(x.cols);
    long double square = 0;
    for (Index j = 0; j < x.cols; ++j) square += (x(i, j) - mean) * (x(i, j) - mean);
    const long double scale = std::sqrt(square / static_cast<long double>(x.cols) + kEpsilon);
    result.mean.push_back(static_cast<double>(mean));
    result.scale.push_back(static_cast<double>(scale));
    for (Index j = 0; j < x.cols; ++j) {
      const auto column = static_cast<std::size_t>(j);
      const long double normalized = (x(i, j) - mean) / scale;
      result.normalized.push_back(static_cast<double>(normalized));
      result.y.push_back(
          static_cast<double>(normalized * weight[column] + (bias.empty() ? 0 : bias[column])));
    }
  }
  return result;
}

template <class T>
class Norm : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Norm, Scalars);

// Columns around the 16 partial sums and the vectors. Each of mean, subtraction, scale, division,
// weight and bias rounds once, to half an eps of its own size; 4 eps of the largest number covers
// the six.
TYPED_TEST(Norm, IsThePlainFormula) {
  using T = TypeParam;
  for (const NormKind kind : {NormKind::layer_norm, NormKind::rms_norm}) {
    for (const Index d : {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 576, 768}) {
      for (const Index n_row : {0, 1, 5}) {
        SCOPED_TRACE(::testing::Message() << n_row << " rows of " << d);
        const StridedMatrix<T> x(n_row, d, normal_values<T>(n_row * d, "x"));
        const auto weight = normal_values<T>(d, "weight");
        const auto bias = normal_values<T>(d, "bias");
        for (const std::span<const T> some_bias :
             {std::span<const T>(bias), std::span<const T>()}) {
          const auto expected = plain_norm<T>(kind, x.read(), weight, some_bias);
          const auto actual = run_norm<T>(kind, x.read(), weight, some_bias);
          const Tolerance tolerance{.absolute = kEps<T>, .relative = 4 * kEps<T>};
          expect_close("mean", widened<T>(actual.mean), expected.mean, tolerance);
          expect_close("scale", widened<T>(actual.scale), expected.scale, tolerance);
          // With one column x - mean is 0 and the rounding of the mean is all there is.
          if (d == 1 && kind == NormKind::layer_norm) continue;
          expect_close("normalized", widened<T>(actual.normalized), expected.normalized, tolerance);
          expect_close("y", widened<T>(actual.y), expected.y,
                       {.absolute = 0, .relative = 8 * kEps<T>});
        }
      }
    }
  }
}

TYPED_TEST(Norm, LargeMean) {
  using T = TypeParam;
  // Mean 3000 and standard deviation 1: E[x²] - E[x]² would lose seven of float's digits.
  auto x = normal_values<T>(768, "x");
  for (T& value : x) value += T{3000};
  std::vector<T> mean(1), scale(1);
  const MatrixView<const T> view(x.data(), 1, 768);
  norm_scale_forward<T>(NormKind::layer_norm, mean, scale, view, kEpsilon);
  const std::vector<T> ones(768, T{1});
  const auto expected = plain_norm<T>(NormKind::layer_norm, view, ones, {});
  EXPECT_NEAR(static_cast<double>(scale[0]), expected.scale[0], 2 * kEps<T>);
}

TYPED_TEST(Norm, ConstantRowGivesZerosAndTheRootOfEps) {
  using T = TypeParam;
  const std::vector<T> x(64, T{5});
  const std::vector<T> ones(64, T{1});
  const auto result = run_norm<T>(NormKind::layer_norm, {x.data(), 1, 64}, ones, {});
  EXPECT_EQ(result.mean[0], T{5});
  EXPECT_EQ(result.scale[0], static_cast<T>(std::sqrt(kEpsilon)));
  EXPECT_EQ(result.y, std::vector<T>(64, T{0}));
}

TYPED_TEST(Norm, InPlace) {
  using T = TypeParam;
  const auto x = normal_values<T>(3 * 40, "x");
  const auto weight = normal_values<T>(40, "weight");
  const auto bias = normal_values<T>(40, "bias");
  const auto expected = run_norm<T>(NormKind::layer_norm, {x.data(), 3, 40}, weight, bias);
  auto work = x;
  const MatrixView<T> view(work.data(), 3, 40);
  norm_normalize_forward<T>(view, view, expected.mean, expected.scale);
  EXPECT_TRUE(same_bits<T>(work, expected.normalized));
  norm_affine_forward<T>(view, view, weight, bias);
  EXPECT_TRUE(same_bits<T>(work, expected.y));
}

TYPED_TEST(Norm, SameBitsInCompanyAndUnderEveryInstructionSet) {
  using T = TypeParam;
  constexpr Index kRows = 90;
  constexpr Index kColumns = 773;
  const auto x = normal_values<T>(kRows * kColumns, "x");
  const auto weight = normal_values<T>(kColumns, "weight");
  const auto bias = normal_values<T>(kColumns, "bias");
  const auto results = with_each_instruction_set([&] {
    return run_norm<T>(NormKind::layer_norm, {x.data(), kRows, kColumns}, weight, bias).y;
  });
  for (const auto& result : results) EXPECT_TRUE(same_bits<T>(result, results[0]));
  const auto alone =
      run_norm<T>(NormKind::layer_norm, {x.data() + 80 * kColumns, 1, kColumns}, weight, bias).y;
  EXPECT_TRUE(same_bits<T>(alone, std::span<const T>(results[0]).subspan(80 * kColumns, kColumns)));
}

TYPED_TEST(Norm, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> two(2), three(3), data(12);
  const MatrixView<const T> x(data.data(), 2, 3);
  const MatrixView<T> y(data.data(), 2, 3);
  EXPECT_EQ(shape_error_of([&] { norm_scale_forward<T>(NormKind::rms_norm, three, two, x, 0); }),
            "norm_scale_forward: mean has 3 values, expected n_row = 2");
  EXPECT_EQ(shape_error_of([&] { norm_scale_forward<T>(NormKind::rms_norm, two, three, x, 0); }),
            "norm_scale_forward: scale has 3 values, expected n_row = 2");
  EXPECT_EQ(shape_error_of([&] {
              norm_scale_forward<T>(NormKind::rms_norm, two, two, {data.data(), 2, 0}, 0);
            }),
            "norm_scale_forward: x has 0 columns, expected at least 1");
  EXPECT_EQ(shape_error_of([&] {
              norm_normalize_forward<T>({data.data(), 2, 4}, x, two, two);
            }),
            "norm_normalize_forward: normalized is [2, 4], expected [n_row, d] = [2, 3]");
  EXPECT_EQ(shape_error_of([&] { norm_normalize_forward<T>(y, x, two, three); }),
            "norm_normalize_forward: scale has 3 values, expected n_row = 2");
  EXPECT_EQ(shape_error_of([&] { norm_affine_forward<T>(y, x, two, three); }),
            "norm_affine_forward: weight has 2 values, expected d = 3");
  EXPECT_EQ(shape_error_of([&] { norm_affine_forward<T>(y, x, three, two); }),
            "norm_affine_forward: bias has 2 values, expected d = 3");
}

}  // namespace
}  // namespace gnomon
