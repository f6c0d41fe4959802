// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/attention.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/attention_cases.h"
#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

template <class T>
struct Steps {
  std::vector<T> scores, pattern, z;
};

template <class T>
Steps<T> run_steps(const Text<T>& text) {
  const Index n_row = text.shape.n_heads * text.n_q();
  StridedMatrix<T> scores(n_row, text.n_k());
  StridedMatrix<T> pattern(n_row, text.n_k());
  StridedMatrix<T> z(text.n_q(), text.q_width());
  attention_scores_forward<T>(scores.view(), text.q_rows().read(), text.k_rows().read(),
                              text.position, text.shape);
  attention_pattern_forward<T>(pattern.view(), scores.read());
  attention_values_forward<T>(z.view(), pattern.read(), text.v_rows().read(), text.shape);
  EXPECT_TRUE(scores.gaps_untouched() && pattern.gaps_untouched() && z.gaps_untouched());
  return {scores.packed(), pattern.packed(), z.packed()};
}

template <class T>
std::vector<T> run_fused(const Text<T>& text) {
  StridedMatrix<T> z(text.n_q(), text.q_width());
  attention_forward<T>(z.view(), text.q_rows().read(), text.k_rows().read(), text.v_rows().read(),
                       text.position, text.shape);
  EXPECT_TRUE(z.gaps_untouched());
  return z.packed();
}

template <class T>
Steps<double> plain_attention(const Text<T>& text) {
  Steps<double> result;
  result.z.resize(text.q.size());
  const auto at = [](const std::vector<T>& values, Index i) {
    return static_cast<double>(values[static_cast<std::size_t>(i)]);
  };
  for (Index h = 0; h < text.shape.n_heads; ++h) {
    const Index g = h * text.shape.n_kv_heads / text.shape.n_heads;
    for (Index i = 0; i < text.n_q(); ++i) {
      std::vector<double> row;
      for (Index j = 0; j < text.n_k(); ++j) {
        double sum = 0;
        for (Index c = 0; c < text.shape.d_head; ++c) {
          sum += at(text.q, i * text.q_width() + h * text.shape.d_head + c) *
                 at(text.k, j * text.k_width() + g * text.shape.d_head + c);
        }
        row.push_back(j <= text.position[static_cast<std::size_t>(i)]
                          ? text.shape.scale * sum
                          : -std::numeric_limits<double>::infinity());
      }
      result.scores.insert(result.scores.end(), row.begin(), row.end());
      const double largest = *std::ranges::max_element(row);
      double total = 0;
      for (double& value : row) total += value = std::exp(value - largest);
      for (double& value : row) value /= total;
      result.pattern.insert(result.pattern.end(), row.begin(), row.end());
      for (Index c = 0; c < text.shape.d_head; ++c) {
        double& z =
            result.z[static_cast<std::size_t>(i * text.q_width() + h * text.shape.d_head + c)];
        for (Index j = 0; j < text.n_k(); ++j) {
          z += row[static_cast<std::size_t>(j)] *
               at(text.v, j * text.k_width() + g * text.shape.d_head + c);
        }
      }
    }
  }
  return result;
}

template <class T>
class Attention : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(Attention, Scalars);

// A product of d_head terms errs by d_head eps Σ|q||k| <= d_head eps |q| |k|; with |q|, |k| about
// √d_head and the scale 1/√d_head that is d_head^1.5 eps, of which rounding's random signs leave a
// small part. exp turns the absolute error of a score into a relative one of the pattern.
TYPED_TEST(Attention, IsThePlainFormula) {
  using T = TypeParam;
  for (const Text<T>& text : cases<T>()) {
    SCOPED_TRACE(fmt::format("{} queries, {} keys, {} heads of {}", text.n_q(), text.n_k(),
                             text.shape.n_heads, text.shape.d_head));
    const auto expected = plain_attention(text);
    const auto actual = run_steps(text);
    const double tolerance =
        (16 + std::pow(static_cast<double>(text.shape.d_head), 1.5)) * kEps<T> / 4;
    auto scores = widened<T>(actual.scores);
    auto expected_scores = expected.scores;
    for (std::size_t cell = 0; cell < scores.size(); ++cell) {
      ASSERT_EQ(std::isinf(scores[cell]), std::isinf(expected_scores[cell])) << cell;
      if (std::isinf(scores[cell])) scores[cell] = expected_scores[cell] = 0;
    }
    expect_close("scores", scores, expected_scores, {.absolute = tolerance});
    expect_close("pattern", widened<T>(actual.pattern), expected.pattern,
                 {.absolute = 2 * tolerance});
    expect_close("z", widened<T>(actual.z), expected.z, {.absolute = 8 * tolerance});
  }
}

TYPED_TEST(Attention, FusedIsTheStepsBitForBit) {
  using T = TypeParam;
  for (const Text<T>& text : cases<T>()) {
    EXPECT_TRUE(same_bits<T>(run_fused(text), run_steps(text).z))
        << text.n_q() << " of " << text.n_k();
  }
}

TYPED_TEST(Attention, RowsSumToOneAndTheFutureIsExactlyZero) {
  using T = TypeParam;
  for (const Text<T>& text : cases<T>()) {
    const auto steps = run_steps(text);
    for (std::size_t row = 0; row < steps.pattern.size() / static_cast<std::size_t>(text.n_k());
         ++row) {
      const Index position = text.position[row % text.position.size()];
      double sum = 0;
      for (Index j = 0; j < text.n_k(); ++j) {
        const auto cell = row * static_cast<std::size_t>(text.n_k()) + static_cast<std::size_t>(j);
        sum += static_cast<double>(steps.pattern[cell]);
        EXPECT_EQ(std::isinf(steps.scores[cell]), j > position);
        if (j > position) {
          EXPECT_TRUE(steps.pattern[cell] == 0 && !std::signbit(steps.pattern[cell]));
        }
      }
      // Every entry and the sum of n / 16 + 4 additions round once; the signs are random.
      EXPECT_NEAR(sum, 1, (4 + static_cast<double>(text.n_k()) / 16) * kEps<T>);
    }
  }
}

// Alone, in pairs, reversed: a query does not see its company.
TYPED_TEST(Attention, QueriesDoNotDependOnEachOther) {
  using T = TypeParam;
  for (const Index n : {7, 24, 40, 100}) {
    const Text<T> text(4, 2, 64, n, all_positions(n));
    const auto all = run_fused(text);
    const auto width = static_cast<std::size_t>(text.q_width());
    const auto check_subset = [&](const std::vector<Index>& subset) {
      Text<T> some = text;
      some.position = subset;
      some.q.clear();
      for (const Index i : subset) {
        const auto from = text.q.begin() + i * text.q_width();
        some.q.insert(some.q.end(), from, from + text.q_width());
      }
      const auto z = run_fused(some);
      for (std::size_t i = 0; i < subset.size(); ++i) {
        EXPECT_TRUE(same_bits<T>(
            std::span<const T>(z).subspan(i * width, width),
            std::span<const T>(all).subspan(static_cast<std::size_t>(subset[i]) * width, width)))
            << "query " << subset[i] << " of " << n << " among " << subset.size();
      }
    };
    for (Index i = 0; i < n; ++i) check_subset({i});
    check_subset({n - 1, 0});
    auto reversed = all_positions(n);
    std::ranges::reverse(reversed);
    check_subset(reversed);
  }
}

// What stands later in the text changes nothing, whether it is there, other numbers or not numbers
// at all.
TYPED_TEST(Attention, TheFutureDoesNotReachBack) {
  using T = TypeParam;
  constexpr Index kLong = 45;
  for (const Index n : {1, 12, 30}) {
    const Text<T> text(3, 3, 64, kLong, all_positions(n));
    const auto expected = run_fused(text);
    Text<T> cut = text;
    cut.k.resize(static_cast<std::size_t>(n * text.k_width()));
    cut.v.resize(static_cast<std::size_t>(n * text.k_width()));
    EXPECT_TRUE(same_bits<T>(run_fused(cut), expected));
    EXPECT_TRUE(same_bits<T>(run_steps(cut).z, expected));
    Text<T> poisoned = text;
    for (std::size_t i = cut.k.size(); i < text.k.size(); ++i) {
      poisoned.k[i] = std::numeric_limits<T>::quiet_NaN();
      poisoned.v[i] = std::numeric_limits<T>::infinity();
    }
    EXPECT_TRUE(same_bits<T>(run_fused(poisoned), expected));
    EXPECT_TRUE(same_bits<T>(run_steps(poisoned).z, expected));
  }
}

TYPED_TEST(Attention, BadValuesReachTheQueriesThatSeeThem) {
  using T = TypeParam;
  Text<T> text(1, 1, 8, 20, all_positions(20));
  text.v[10 * 8 + 2] = std::numeric_limits<T>::quiet_NaN();
  const auto z = run_fused(text);
  for (std::size_t i = 0; i < 20; ++i) {
    for (std::size_t c = 0; c < 8; ++c) EXPECT_EQ(std::isnan(z[i * 8 + c]), i >= 10 && c == 2);
  }
}

TYPED_TEST(Attention, PatternOfUnusualScores) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  const auto pattern_of = [](std::vector<T> row) {
    const MatrixView<T> view(row.data(), 1, static_cast<Index>(row.size()));
    attention_pattern_forward<T>(view, view);  // in place
    return row;
  };
  for (const std::size_t n : {1, 3, 16, 20, 33}) {
    EXPECT_EQ(pattern_of(std::vector<T>(n, -kInf)), std::vector<T>(n, T{0}));
    EXPECT_EQ(pattern_of(std::vector<T>(n, T{1000})), std::vector<T>(n, 1 / static_cast<T>(n)));
    for (std::size_t bad = 0; bad < n; ++bad) {
      auto row = std::vector<T>(n, bad % 2 == 0 ? T{1} : -kInf);
      row[bad] = kNan;
      for (const T value : pattern_of(row)) EXPECT_TRUE(std::isnan(value));
    }
  }
  EXPECT_EQ(pattern_of({-kInf, 2, -kInf}), (std::vector<T>{0, 1, 0}));
  EXPECT_EQ(pattern_of({-1e4, 0, -1e4}), (std::vector<T>{0, 1, 0}));
  for (const T value : pattern_of({0, kInf})) EXPECT_TRUE(std::isnan(value));
  EXPECT_TRUE(pattern_of({}).empty());
}

TYPED_TEST(Attention, LongText) {
  using T = TypeParam;
  const Text<T> text(2, 1, 32, 600, all_positions(600));
  const auto expected = plain_attention(text);
  const auto actual = run_fused(text);
  expect_close("z", widened<T>(actual), expected.z, {.absolute = 200 * kEps<T>});
  EXPECT_TRUE(same_bits<T>(actual, run_steps(text).z));
}

TYPED_TEST(Attention, FusedInstructionSetsAgree) {
  using T = TypeParam;
  const Text<T> text(9, 3, 64, 37, all_positions(37));
  const auto results = with_each_instruction_set([&] { return run_fused(text); });
  // The baseline does not fuse multiply and add.
  expect_close("baseline", results[0], results.back(), {.absolute = 200 * kEps<T>});
  for (std::size_t set = 1; set < results.size(); ++set)
    EXPECT_TRUE(same_bits<T>(results[set], results.back()));
}

TYPED_TEST(Attention, NoQueries) {
  using T = TypeParam;
  const Text<T> text(2, 1, 4, 3, {});
  EXPECT_TRUE(run_fused(text).empty());
  EXPECT_TRUE(run_steps(text).z.empty());
  const Text<T> empty(2, 1, 4, 0, {});
  EXPECT_TRUE(run_fused(empty).empty());
  EXPECT_TRUE(run_steps(empty).scores.empty());
}

TYPED_TEST(Attention, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> data(200);
  T* d = data.data();
  const AttentionShape shape{4, 2, 3, 1};
  const std::vector<Index> position = {0, 1};
  const auto error_of = [&](MatrixView<T> z, MatrixView<const T> q, MatrixView<const T> k,
                            MatrixView<const T> v, const std::vector<Index>& at,
                            const AttentionShape& some_shape) {
    return shape_error_of([&] { attention_forward<T>(z, q, k, v, at, some_shape); });
  };
  const MatrixView<T> q(d, 2, 12);
  const MatrixView<T> k(d, 5, 6);
  EXPECT_EQ(error_of(q, q, k, k, position, {4, 3, 3, 1}),
            "attention_forward: n_heads = 4, n_kv_heads = 3, d_head = 3, expected positive sizes "
            "and n_kv_heads to "
            "divide n_heads");
  EXPECT_EQ(error_of(q, {d, 2, 11}, k, k, position, shape),
            "attention_forward: q is [2, 11], expected [positions, n_heads d_head] = [2, 12]");
  EXPECT_EQ(error_of(q, q, k, k, {0, 1, 2}, shape),
            "attention_forward: q is [2, 12], expected [positions, n_heads d_head] = [3, 12]");
  EXPECT_EQ(error_of(q, q, {d, 5, 12}, k, position, shape),
            "attention_forward: k is [5, 12], expected [n_k, n_kv_heads d_head] = [5, 6]");
  EXPECT_EQ(error_of(q, q, k, {d, 4, 6}, position, shape),
            "attention_forward: v is [4, 6], expected the shape of k = [5, 6]");
  EXPECT_EQ(error_of({d, 1, 12}, q, k, k, position, shape),
            "attention_forward: z is [1, 12], expected the shape of q = [2, 12]");
  EXPECT_EQ(error_of(q, q, k, k, {0, 5}, shape),
            "attention_forward: query 1 is at position 5, expected 0 to n_k - 1 = 4");
  EXPECT_EQ(error_of(q, q, k, k, {-1, 0}, shape),
            "attention_forward: query 0 is at position -1, expected 0 to n_k - 1 = 4");
  EXPECT_EQ(shape_error_of([&] {
              attention_scores_forward<T>({d, 8, 4}, q, k, position, shape);
            }),
            "attention_scores_forward: scores is [8, 4], expected [n_heads n_q, n_k] = [8, 5]");
  EXPECT_EQ(shape_error_of([&] {
              attention_pattern_forward<T>({d, 8, 4}, {d, 8, 5});
            }),
            "attention_pattern_forward: pattern is [8, 4], expected the shape of scores = [8, 5]");
  EXPECT_EQ(shape_error_of([&] {
              attention_values_forward<T>(q, {d, 8, 4}, k, shape);
            }),
            "attention_values_forward: pattern is [8, 4], expected [n_heads n_q, n_k] = [8, 5]");
}

}  // namespace
}  // namespace gnomon
