// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/cross_entropy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/gradient_cases.h"
#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

template <class T>
constexpr T kInf = std::numeric_limits<T>::infinity();

std::vector<Index> labels(Index n_row, Index n_class) {
  std::vector<Index> result;
  for (Index i = 0; i < n_row; ++i) result.push_back((i * 7 + 3) % n_class);
  return result;
}

template <class T>
std::vector<double> loss_of(MatrixView<const T> logits, std::span<const Index> label) {
  std::vector<double> loss(label.size());
  cross_entropy_forward<T>(loss, logits, label);
  return loss;
}

template <class T>
std::vector<T> gradient_of(MatrixView<const T> logits, std::span<const Index> label,
                           std::span<const double> row_weight) {
  StridedMatrix<T> grad(logits.rows, logits.cols);
  cross_entropy_backward<T>(grad.view(), logits, label, row_weight);
  EXPECT_TRUE(grad.gaps_untouched());
  return grad.packed();
}

template <class T>
std::vector<double> softmax_of(MatrixView<const T> logits) {
  StridedMatrix<double> probability(logits.rows, logits.cols);
  softmax_forward<T>(probability.view(), logits);
  EXPECT_TRUE(probability.gaps_untouched());
  return probability.packed();
}

struct Plain {
  std::vector<double> loss, probability, gradient;
};

template <class T>
Plain plain(MatrixView<const T> logits, std::span<const Index> label,
            std::span<const double> row_weight) {
  Plain result;
  for (Index i = 0; i < logits.rows; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto row = logits.row(i);
    const long double largest = *std::ranges::max_element(row);
    long double sum = 0;
    for (const T value : row) sum += std::exp(value - largest);
    result.loss.push_back(static_cast<double>(std::log(sum) + largest - logits(i, label[at])));
    for (Index c = 0; c < logits.cols; ++c) {
      const long double p = std::exp(logits(i, c) - largest) / sum;
      result.probability.push_back(static_cast<double>(p));
      result.gradient.push_back(static_cast<double>(row_weight[at] * (p - (c == label[at]))));
    }
  }
  return result;
}

template <class T>
class CrossEntropy : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(CrossEntropy, Scalars);

TYPED_TEST(CrossEntropy, SmallRowsByHand) {
  using T = TypeParam;
  // exp(log 3) = 3 of a sum of 4.
  const std::vector<T> logits = {0, static_cast<T>(std::log(3.0)), 5, 5};
  const MatrixView<const T> rows(logits.data(), 2, 2);
  const std::vector<Index> label = {1, 0};
  const auto loss = loss_of<T>(rows, label);
  EXPECT_NEAR(loss[0], std::log(4.0 / 3), 4 * kEps<T>);
  EXPECT_NEAR(loss[1], std::log(2.0), 4 * kEps<T>);
  const auto gradient = widened<T>(gradient_of<T>(rows, label, std::vector<double>{2, 10}));
  expect_close("gradient", gradient, std::vector<double>{0.5, -0.5, -5, 5},
               {.absolute = 10 * kEps<T>});
}

// Classes around the 16 sums; the vocabulary of GPT-2. A logit of up to 20 minus the largest rounds
// to half an eps of 20: the terms have relative errors of 10 eps, and so have their sums.
TYPED_TEST(CrossEntropy, IsThePlainFormula) {
  using T = TypeParam;
  for (const Index n_class : {1, 2, 3, 15, 16, 17, 31, 33, 100, 50257}) {
    for (const Index n_row : {0, 1, 5}) {
      SCOPED_TRACE(::testing::Message() << n_row << " rows of " << n_class);
      auto values = normal_values<T>(n_row * n_class, "logits");
      for (T& value : values) value *= T{4};
      const StridedMatrix<T> logits(n_row, n_class, values);
      const auto label = labels(n_row, n_class);
      auto weight = normal_values<double>(n_row, "weight");
      const auto expected = plain<T>(logits.read(), label, weight);
      expect_close("loss", loss_of<T>(logits.read(), label), expected.loss,
                   {.absolute = 10 * kEps<T>, .relative = 2 * kEps<double>});
      expect_close("probability", softmax_of<T>(logits.read()), expected.probability,
                   {.absolute = 0, .relative = 20 * kEps<double>});
      expect_close("gradient", widened<T>(gradient_of<T>(logits.read(), label, weight)),
                   expected.gradient, {.absolute = kEps<T> / 4, .relative = 20 * kEps<T>});
    }
  }
}

TEST(CrossEntropyGradient, IsTheDerivativeOfTheForwardPass) {
  for (const Index n_class : {2, 17, 37}) {
    const auto logits = normal_values<double>(4 * n_class, "logits");
    const auto label = labels(4, n_class);
    const auto weight = normal_values<double>(4, "weight");
    expect_gradient(
        "logits",
        [&](std::span<const double> v) {
          return dot(loss_of<double>({v.data(), 4, n_class}, label), weight);
        },
        logits, gradient_of<double>({logits.data(), 4, n_class}, label, weight));
  }
}

TYPED_TEST(CrossEntropy, ExtremeLogits) {
  using T = TypeParam;
  const auto loss = [](std::vector<T> row, Index label) {
    return loss_of<T>({row.data(), 1, static_cast<Index>(row.size())}, std::vector{label})[0];
  };
  const auto gradient = [](std::vector<T> row, Index label) {
    return gradient_of<T>({row.data(), 1, static_cast<Index>(row.size())}, std::vector{label},
                          std::vector<double>{1});
  };
  EXPECT_EQ(loss({1e4, -1e4, 0}, 0), 0);
  EXPECT_EQ(loss({1e4, -1e4, 0}, 1), 2e4);
  EXPECT_EQ(loss({-1e4, -1e4}, 1), std::log(2.0));
  EXPECT_EQ(gradient({1e4, -1e4, 0}, 0), (std::vector<T>{0, 0, 0}));
  EXPECT_EQ(gradient({1e4, -1e4, 0}, 1), (std::vector<T>{1, -1, 0}));
  // A class that is ruled out.
  EXPECT_EQ(loss({0, -kInf<T>, 0}, 0), std::log(2.0));
  EXPECT_EQ(loss({0, -kInf<T>, 0}, 1), kInf<double>);
  EXPECT_EQ(gradient({0, -kInf<T>, 0}, 0), (std::vector<T>{-0.5, 0, 0.5}));
  EXPECT_EQ(gradient({0, -kInf<T>, 0}, 1), (std::vector<T>{0.5, -1, 0.5}));
  // No softmax.
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  for (const std::vector<T>& row :
       {std::vector<T>{-kInf<T>, -kInf<T>}, std::vector<T>{0, kInf<T>}, std::vector<T>{kNan, 0}}) {
    EXPECT_TRUE(std::isnan(loss(row, 0)));
    for (const T value : gradient(row, 0)) EXPECT_TRUE(std::isnan(value));
    for (const double p : softmax_of<T>({row.data(), 1, 2})) EXPECT_TRUE(std::isnan(p));
  }
  EXPECT_EQ(softmax_of<T>(MatrixView<const T>(std::vector<T>{1e4, -kInf<T>, 1e4}.data(), 1, 3)),
            (std::vector<double>{0.5, 0, 0.5}));
}

// 1 - softmax where softmax rounds to 1: Σ of the others, not a difference.
TYPED_TEST(CrossEntropy, GradientOfALabelThatIsNearlyCertain) {
  using T = TypeParam;
  const std::vector<T> row = {30, 0};
  const auto gradient =
      gradient_of<T>({row.data(), 1, 2}, std::vector<Index>{0}, std::vector<double>{1});
  const double rest = 1 / (1 + std::exp(30.0));
  EXPECT_NEAR(static_cast<double>(gradient[0]), -rest, kEps<double>);  // of a sum near 1
  EXPECT_NEAR(static_cast<double>(gradient[1]), rest, 4 * kEps<T> * rest);
}

TYPED_TEST(CrossEntropy, RowsWithoutWeightGiveZeros) {
  using T = TypeParam;
  const std::vector<T> logits = {std::numeric_limits<T>::quiet_NaN(), 1, 2, 3};
  EXPECT_EQ(
      gradient_of<T>({logits.data(), 2, 2}, std::vector<Index>{0, 1}, std::vector<double>{0, 0}),
      std::vector<T>(4, T{0}));
}

TYPED_TEST(CrossEntropy, InPlaceThreadsAndInstructionSetsGiveTheSameBits) {
  using T = TypeParam;
  constexpr Index kRows = 20;
  constexpr Index kClasses = 4099;
  const auto logits = normal_values<T>(kRows * kClasses, "logits");
  const MatrixView<const T> rows(logits.data(), kRows, kClasses);
  const auto label = labels(kRows, kClasses);
  const auto weight = normal_values<double>(kRows, "weight");
  const Restored restored;
  set_threads(1);
  const auto loss = loss_of<T>(rows, label);
  const auto gradient = gradient_of<T>(rows, label, weight);
  const auto probability = softmax_of<T>(rows);
  for (const int n : {2, 3, 7}) {
    set_threads(n);
    EXPECT_TRUE(same_bits<double>(loss_of<T>(rows, label), loss));
    EXPECT_TRUE(same_bits<T>(gradient_of<T>(rows, label, weight), gradient));
    EXPECT_TRUE(same_bits<double>(softmax_of<T>(rows), probability));
  }
  for (const auto& result :
       with_each_instruction_set([&] { return gradient_of<T>(rows, label, weight); })) {
    EXPECT_TRUE(same_bits<T>(result, gradient));
  }
  for (const auto& result : with_each_instruction_set([&] { return loss_of<T>(rows, label); })) {
    EXPECT_TRUE(same_bits<double>(result, loss));
  }
  auto work = logits;
  const MatrixView<T> view(work.data(), kRows, kClasses);
  cross_entropy_backward<T>(view, view, label, weight);
  EXPECT_TRUE(same_bits<T>(work, gradient));
}

TYPED_TEST(CrossEntropy, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> data(12);
  std::vector<double> wide(12);
  const MatrixView<const T> logits(data.data(), 2, 3);
  std::vector<double> two(2), three(3);
  const std::vector<Index> label = {0, 2};
  const std::vector<Index> long_label = {0, 2, 1};
  const auto error_of_label = [&](std::vector<Index> some_label) {
    std::string message = "no ArgumentError";
    try {
      cross_entropy_forward<T>(two, logits, some_label);
    } catch (const ArgumentError& error) {
      EXPECT_EQ(error.code(), ErrorCode::out_of_range);
      message = error.what();
    }
    EXPECT_THROW(cross_entropy_backward<T>({data.data() + 6, 2, 3}, logits, some_label, two),
                 ArgumentError);
    return message;
  };
  EXPECT_EQ(error_of_label({0, 3}),
            "cross_entropy_forward: label 1 is 3, expected 0 to n_class - 1 = 2");
  EXPECT_EQ(error_of_label({-1, 0}),
            "cross_entropy_forward: label 0 is -1, expected 0 to n_class - 1 = 2");
  EXPECT_EQ(shape_error_of([&] { cross_entropy_forward<T>(two, logits, long_label); }),
            "cross_entropy_forward: label has 3 values, expected n_row = 2");
  EXPECT_EQ(shape_error_of([&] { cross_entropy_forward<T>(three, logits, label); }),
            "cross_entropy_forward: loss has 3 values, expected n_row = 2");
  EXPECT_EQ(shape_error_of([&] {
              cross_entropy_backward<T>({data.data(), 2, 4}, logits, label, two);
            }),
            "cross_entropy_backward: grad_logits is [2, 4], expected [n_row, n_class] = [2, 3]");
  EXPECT_EQ(shape_error_of([&] {
              cross_entropy_backward<T>({data.data(), 2, 3}, logits, label, three);
            }),
            "cross_entropy_backward: row_weight has 3 values, expected n_row = 2");
  EXPECT_EQ(shape_error_of([&] {
              softmax_forward<T>({wide.data(), 3, 3}, logits);
            }),
            "softmax_forward: probability is [3, 3], expected [n_row, n_class] = [2, 3]");
}

}  // namespace
}  // namespace gnomon
