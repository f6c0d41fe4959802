// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/rotary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kernels/gradient_cases.h"
#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

std::vector<double> frequencies(Index m) {
  std::vector<double> result;
  for (Index i = 0; i < m; ++i) {
    result.push_back(std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(m)));
  }
  return result;
}

template <class T>
std::vector<T> turned(std::span<const T> x, std::span<const Index> position, Index n_col,
                      std::span<const double> frequency, Index d_head) {
  const auto n_row = static_cast<Index>(position.size());
  const StridedMatrix<T> from(n_row, n_col, x);
  StridedMatrix<T> to(n_row, n_col);
  rotary_forward<T>(to.view(), from.read(), position, frequency, d_head);
  EXPECT_TRUE(to.gaps_untouched());
  return to.packed();
}

template <class T>
class Rotary : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Rotary, Scalars);

// Two products and a sum in double, one rounding to T: half an eps, or two in double.
TYPED_TEST(Rotary, IsThePlainFormula) {
  using T = TypeParam;
  struct Case {
    Index n_heads, d_head, m;
  };
  for (const auto& [n_heads, d_head, m] : {Case{1, 2, 1}, Case{3, 6, 3}, Case{2, 64, 32},
                                           Case{2, 80, 16}, Case{1, 7, 2}, Case{2, 5, 0}}) {
    const std::vector<Index> position = {0, 1, 5, 5, 1023, 0, 100000};
    const auto frequency = frequencies(m);
    const Index n_col = n_heads * d_head;
    const auto x = normal_values<T>(7 * n_col, "x");
    std::vector<double> expected = widened<T>(x);
    for (std::size_t r = 0; r < position.size(); ++r) {
      for (Index head = 0; head < n_heads; ++head) {
        double* row = expected.data() + static_cast<Index>(r) * n_col + head * d_head;
        for (Index i = 0; i < m; ++i) {
          const double angle =
              static_cast<double>(position[r]) * frequency[static_cast<std::size_t>(i)];
          const double first = row[i];
          const double second = row[i + m];
          row[i] = first * std::cos(angle) - second * std::sin(angle);
          row[i + m] = second * std::cos(angle) + first * std::sin(angle);
        }
      }
    }
    const auto y = turned<T>(x, position, n_col, frequency, d_head);
    expect_close("y", widened<T>(y), expected, {.relative = 2 * kEps<T>});
    // Channels that do not turn, and position 0, are copies.
    for (Index j = 0; j < n_col; ++j) {
      const auto column = static_cast<std::size_t>(j);
      EXPECT_EQ(y[column], x[column]);
      if (j % d_head >= 2 * m) {
        EXPECT_EQ(y[static_cast<std::size_t>(4 * n_col + j)],
                  x[static_cast<std::size_t>(4 * n_col + j)]);
      }
    }
  }
}

TYPED_TEST(Rotary, ProductsDependOnTheDistanceOnly) {
  using T = TypeParam;
  constexpr Index kHead = 64;
  const auto q = normal_values<T>(kHead, "q");
  const auto k = normal_values<T>(kHead, "k");
  const auto product_at = [&](Index q_position, Index k_position) {
    const auto frequency = frequencies(kHead / 2);
    const auto q_turned = turned<T>(q, std::vector{q_position}, kHead, frequency, kHead);
    const auto k_turned = turned<T>(k, std::vector{k_position}, kHead, frequency, kHead);
    return static_cast<double>(
        std::inner_product(q_turned.begin(), q_turned.end(), k_turned.begin(), T{0}));
  };
  const double near = product_at(7, 3);
  EXPECT_NEAR(product_at(507, 503), near, 64 * 64 * kEps<T>);
  EXPECT_NE(product_at(8, 3), near);
}

TYPED_TEST(Rotary, InPlaceAndEveryInstructionSetGiveTheSameBits) {
  using T = TypeParam;
  constexpr Index kRows = 70;
  constexpr Index kColumns = 3 * 20;
  const auto x = normal_values<T>(kRows * kColumns, "x");
  std::vector<Index> position(kRows);
  for (Index i = 0; i < kRows; ++i) position[static_cast<std::size_t>(i)] = (i * 7) % 31;
  const auto frequency = frequencies(9);
  const auto results =
      with_each_instruction_set([&] { return turned<T>(x, position, kColumns, frequency, 20); });
  for (const auto& result : results) EXPECT_TRUE(same_bits<T>(result, results[0]));
  auto work = x;
  const MatrixView<T> view(work.data(), kRows, kColumns);
  rotary_forward<T>(view, view, position, frequency, 20);
  EXPECT_TRUE(same_bits<T>(work, results[0]));
}

TEST(RotaryBackward, IsTheDerivativeOfTheForwardPass) {
  const std::vector<Index> position = {0, 1, 5, 1023, 5};
  struct Case {
    Index n_heads, d_head, m;
  };
  for (const auto& [n_heads, d_head, m] : {Case{1, 2, 1}, Case{3, 6, 3}, Case{2, 7, 2}}) {
    const Index n_col = n_heads * d_head;
    const auto frequency = frequencies(m);
    const auto x = normal_values<double>(5 * n_col, "x");
    const auto grad_y = normal_values<double>(5 * n_col, "grad_y");
    const StridedMatrix<double> grad_y_rows(5, n_col, grad_y);
    StridedMatrix<double> grad_x(5, n_col);
    rotary_backward<double>(grad_x.view(), grad_y_rows.read(), position, frequency, d_head);
    EXPECT_TRUE(grad_x.gaps_untouched());
    expect_gradient(
        "x",
        [&](std::span<const double> some_x) {
          return dot(turned<double>(some_x, position, n_col, frequency, d_head), grad_y);
        },
        x, grad_x.packed());
  }
}

TYPED_TEST(Rotary, BackwardUndoesForwardInPlace) {
  using T = TypeParam;
  const std::vector<Index> position = {7, 0, 100};
  const auto x = normal_values<T>(3 * 38, "x");
  auto work = x;
  const MatrixView<T> view(work.data(), 3, 38);
  rotary_forward<T>(view, view, position, frequencies(8), 19);
  rotary_backward<T>(view, view, position, frequencies(8), 19);
  // A turn keeps lengths; each of the two rounds once, and in double twice more.
  expect_close("x", widened<T>(work), widened<T>(x), {.relative = 4 * kEps<T>});
  EXPECT_EQ(shape_error_of([&] {
              rotary_backward<T>({work.data(), 3, 4}, view, position, frequencies(8), 19);
            }),
            "rotary_backward: grad_x is [3, 4], expected the shape of grad_y, [3, 38]");
}

TYPED_TEST(Rotary, NoRows) {
  using T = TypeParam;
  EXPECT_TRUE(turned<T>({}, {}, 8, frequencies(2), 4).empty());
}

TYPED_TEST(Rotary, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> data(64);
  const std::vector<Index> position = {0, 1};
  const auto error_of = [&](MatrixView<T> y, MatrixView<const T> x, Index m, Index d_head) {
    return shape_error_of([&] { rotary_forward<T>(y, x, position, frequencies(m), d_head); });
  };
  T* d = data.data();
  EXPECT_EQ(error_of({d, 2, 8}, {d, 2, 8}, 1, 3),
            "rotary_forward: x has 8 columns, expected a multiple of d_head = 3");
  EXPECT_EQ(error_of({d, 2, 4}, {d, 2, 8}, 1, 4),
            "rotary_forward: y is [2, 4], expected the shape of x, [2, 8]");
  EXPECT_EQ(error_of({d, 3, 8}, {d, 3, 8}, 1, 4),
            "rotary_forward: position has 2 values, expected n_row = 3");
  EXPECT_EQ(error_of({d, 2, 8}, {d, 2, 8}, 3, 4),
            "rotary_forward: 3 frequencies turn 6 channels, expected at most d_head = 4");
}

}  // namespace
}  // namespace gnomon
