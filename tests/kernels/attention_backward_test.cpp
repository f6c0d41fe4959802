// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gnomon/kernels/attention.h"
#include "kernels/attention_cases.h"
#include "kernels/gradient_cases.h"
#include "kernels/kernel_cases.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

template <class T>
struct Gradients {
  std::vector<T> q, k, v;
};

template <class T>
std::vector<T> grad_z_of(const Text<T>& text) {
  return normal_values<T>(text.n_q() * text.q_width(), "grad_z");
}

// grad_q starts as NaN, which must be overwritten; grad_k and grad_v as `before`.
template <class T>
struct Outputs {
  StridedMatrix<T> q, k, v;

  explicit Outputs(const Text<T>& text, T before = 0)
      : q(text.n_q(), text.q_width(),
          std::vector<T>(text.q.size(), std::numeric_limits<T>::quiet_NaN())),
        k(text.n_k(), text.k_width(), std::vector<T>(text.k.size(), before)),
        v(text.n_k(), text.k_width(), std::vector<T>(text.k.size(), before)) {}

  Gradients<T> take() {
    EXPECT_TRUE(q.gaps_untouched() && k.gaps_untouched() && v.gaps_untouched());
    return {q.packed(), k.packed(), v.packed()};
  }
};

template <class T>
Gradients<T> run_fused(const Text<T>& text, std::span<const T> grad_z, T before = 0) {
  Outputs<T> out(text, before);
  const StridedMatrix<T> grad_z_rows(text.n_q(), text.q_width(), grad_z);
  attention_backward<T>(out.q.view(), out.k.view(), out.v.view(), grad_z_rows.read(),
                        text.q_rows().read(), text.k_rows().read(), text.v_rows().read(),
                        text.position, text.shape);
  return out.take();
}

template <class T>
Gradients<T> run_steps(const Text<T>& text, std::span<const T> grad_z, T before = 0) {
  Outputs<T> out(text, before);
  const Index n_row = text.shape.n_heads * text.n_q();
  const StridedMatrix<T> grad_z_rows(text.n_q(), text.q_width(), grad_z);
  StridedMatrix<T> pattern(n_row, text.n_k());
  StridedMatrix<T> grad(n_row, text.n_k());
  attention_scores_forward<T>(pattern.view(), text.q_rows().read(), text.k_rows().read(),
                              text.position, text.shape);
  attention_pattern_forward<T>(pattern.view(), pattern.read());
  attention_values_backward<T>(grad.view(), out.v.view(), grad_z_rows.read(), pattern.read(),
                               text.v_rows().read(), text.position, text.shape);
  for (Index row = 0; row < n_row; ++row) {
    for (Index j = text.position[static_cast<std::size_t>(row % text.n_q())] + 1; j < text.n_k();
         ++j) {
      EXPECT_EQ(grad.read()(row, j), T{0});
    }
  }
  attention_pattern_backward<T>(grad.view(), grad.read(), pattern.read());
  attention_scores_backward<T>(out.q.view(), out.k.view(), grad.read(), text.q_rows().read(),
                               text.k_rows().read(), text.position, text.shape);
  EXPECT_TRUE(grad.gaps_untouched());
  return out.take();
}

// The formulas as loops in double.
template <class T>
Gradients<double> plain_gradients(const Text<T>& text, std::span<const T> grad_z) {
  Gradients<double> result{std::vector<double>(text.q.size()), std::vector<double>(text.k.size()),
                           std::vector<double>(text.v.size())};
  const Index d = text.shape.d_head;
  const auto at = [](std::span<const T> values, Index i) {
    return static_cast<double>(values[static_cast<std::size_t>(i)]);
  };
  for (Index h = 0; h < text.shape.n_heads; ++h) {
    const Index g = h * text.shape.n_kv_heads / text.shape.n_heads;
    for (Index i = 0; i < text.n_q(); ++i) {
      const Index q_at = i * text.q_width() + h * d;
      const auto k_at = [&](Index j) { return j * text.k_width() + g * d; };
      const Index n_key = text.position[static_cast<std::size_t>(i)] + 1;
      std::vector<double> pattern, grad_pattern;
      double total = 0;
      for (Index j = 0; j < n_key; ++j) {
        double score = 0;
        double grad = 0;
        for (Index c = 0; c < d; ++c) {
          score += at(text.q, q_at + c) * at(text.k, k_at(j) + c);
          grad += at(grad_z, q_at + c) * at(text.v, k_at(j) + c);
        }
        pattern.push_back(std::exp(text.shape.scale * score));
        grad_pattern.push_back(grad);
        total += pattern.back();
      }
      double mean = 0;
      for (std::size_t j = 0; j < pattern.size(); ++j) {
        pattern[j] /= total;
        mean += pattern[j] * grad_pattern[j];
      }
      for (Index j = 0; j < n_key; ++j) {
        const double p = pattern[static_cast<std::size_t>(j)];
        const double grad =
            text.shape.scale * p * (grad_pattern[static_cast<std::size_t>(j)] - mean);
        for (Index c = 0; c < d; ++c) {
          const auto q_cell = static_cast<std::size_t>(q_at + c);
          const auto k_cell = static_cast<std::size_t>(k_at(j) + c);
          result.q[q_cell] += grad * at(text.k, k_at(j) + c);
          result.k[k_cell] += grad * at(text.q, q_at + c);
          result.v[k_cell] += p * at(grad_z, q_at + c);
        }
      }
    }
  }
  return result;
}

template <class T>
class AttentionBackward : public ::testing::Test {};
using Scalars = ::testing::Types<float, double>;
TYPED_TEST_SUITE(AttentionBackward, Scalars);

// The pattern and its gradient have relative errors of about (16 + d_head^1.5 / 4) eps, as in the
// forward pass; each gradient is a sum of products of them with numbers about 1, Σ|terms| a few
// times the largest element.
TYPED_TEST(AttentionBackward, FusedAndStepsAreThePlainFormula) {
  using T = TypeParam;
  auto texts = cases<T>();
  texts.emplace_back(2, 1, 32, 600, all_positions(600));
  for (const Text<T>& text : texts) {
    SCOPED_TRACE(fmt::format("{} queries, {} keys, {} heads of {}", text.n_q(), text.n_k(),
                             text.shape.n_heads, text.shape.d_head));
    const auto grad_z = grad_z_of(text);
    const auto expected = plain_gradients<T>(text, grad_z);
    const double relative = (16 + std::pow(static_cast<double>(text.shape.d_head), 1.5)) * kEps<T>;
    const Tolerance tolerance{.absolute = 8 * kEps<T>, .relative = relative};
    for (const auto& actual : {run_fused<T>(text, grad_z), run_steps<T>(text, grad_z)}) {
      expect_close("grad_q", widened<T>(actual.q), expected.q, tolerance);
      expect_close("grad_k", widened<T>(actual.k), expected.k, tolerance);
      expect_close("grad_v", widened<T>(actual.v), expected.v, tolerance);
    }
  }
}

TEST(AttentionBackward, IsTheDerivativeOfTheForwardPass) {
  std::vector<Text<double>> texts;
  texts.emplace_back(1, 1, 1, 1, all_positions(1));
  texts.emplace_back(2, 2, 3, 6, all_positions(6));
  texts.emplace_back(4, 2, 5, 4, std::vector<Index>{3, 1});
  texts.emplace_back(6, 2, 8, 30, all_positions(30));
  texts.emplace_back(3, 1, 16, 40, std::vector<Index>{39, 3, 3, 20, 0});
  for (const Text<double>& text : texts) {
    SCOPED_TRACE(fmt::format("{} queries, {} keys", text.n_q(), text.n_k()));
    const auto grad_z = grad_z_of(text);
    const auto gradients = run_fused<double>(text, grad_z);
    const auto loss_with = [&](auto member, std::span<const double> values) {
      Text<double> moved = text;
      (moved.*member).assign(values.begin(), values.end());
      StridedMatrix<double> z(text.n_q(), text.q_width());
      attention_forward<double>(z.view(), moved.q_rows().read(), moved.k_rows().read(),
                                moved.v_rows().read(), text.position, text.shape);
      return dot(z.packed(), grad_z);
    };
    expect_gradient(
        "q", [&](std::span<const double> x) { return loss_with(&Text<double>::q, x); }, text.q,
        gradients.q);
    expect_gradient(
        "k", [&](std::span<const double> x) { return loss_with(&Text<double>::k, x); }, text.k,
        gradients.k);
    expect_gradient(
        "v", [&](std::span<const double> x) { return loss_with(&Text<double>::v, x); }, text.v,
        gradients.v);
  }
}

// Each step by itself, with gradients that the step before would not give: hooks may stand between.
TEST(AttentionBackward, EachStepIsTheDerivativeOfItsForwardStep) {
  const Text<double> text(4, 2, 3, 5, {4, 0, 2});
  const Index n_row = 4 * 3;
  const auto grad_cells = normal_values<double>(n_row * 5, "grad_cells");
  const MatrixView<const double> grad_rows(grad_cells.data(), n_row, 5);

  Outputs<double> out(text);
  attention_scores_backward<double>(out.q.view(), out.k.view(), grad_rows, text.q_rows().read(),
                                    text.k_rows().read(), text.position, text.shape);
  const auto scores_loss = [&](const Text<double>& moved) {
    std::vector<double> scores(grad_cells.size());
    attention_scores_forward<double>({scores.data(), n_row, 5}, moved.q_rows().read(),
                                     moved.k_rows().read(), text.position, text.shape);
    for (double& score : scores) score = std::isinf(score) ? 0 : score;
    return dot(scores, grad_cells);
  };
  const auto scores_gradients = out.take();
  expect_gradient(
      "q of scores",
      [&](std::span<const double> q) {
        Text<double> moved = text;
        moved.q.assign(q.begin(), q.end());
        return scores_loss(moved);
      },
      text.q, scores_gradients.q);
  expect_gradient(
      "k of scores",
      [&](std::span<const double> k) {
        Text<double> moved = text;
        moved.k.assign(k.begin(), k.end());
        return scores_loss(moved);
      },
      text.k, scores_gradients.k);

  const auto scores = normal_values<double>(n_row * 5, "scores");
  const auto pattern_of = [&](std::span<const double> some_scores) {
    std::vector<double> pattern(some_scores.size());
    attention_pattern_forward<double>({pattern.data(), n_row, 5}, {some_scores.data(), n_row, 5});
    return pattern;
  };
  const auto pattern = pattern_of(scores);
  std::vector<double> grad_scores(scores.size());
  attention_pattern_backward<double>({grad_scores.data(), n_row, 5}, grad_rows,
                                     {pattern.data(), n_row, 5});
  expect_gradient(
      "scores",
      [&](std::span<const double> some_scores) { return dot(pattern_of(some_scores), grad_cells); },
      scores, grad_scores);

  // A pattern that a hook set, with cells after the query.
  const auto free_pattern = normal_values<double>(n_row * 5, "free pattern");
  const auto grad_z = grad_z_of(text);
  std::vector<double> grad_pattern(free_pattern.size());
  Outputs<double> values_out(text);
  attention_values_backward<double>({grad_pattern.data(), n_row, 5}, values_out.v.view(),
                                    {grad_z.data(), 3, 12}, {free_pattern.data(), n_row, 5},
                                    text.v_rows().read(), text.position, text.shape);
  const auto values_loss = [&](std::span<const double> some_pattern, std::span<const double> v) {
    std::vector<double> z(grad_z.size());
    attention_values_forward<double>({z.data(), 3, 12}, {some_pattern.data(), n_row, 5},
                                     {v.data(), 5, 6}, text.shape);
    return dot(z, grad_z);
  };
  expect_gradient(
      "v of values", [&](std::span<const double> v) { return values_loss(free_pattern, v); },
      text.v, values_out.v.packed());
  for (Index cell = 0; cell < n_row * 5; ++cell) {
    const auto at = static_cast<std::size_t>(cell);
    if (cell % 5 > text.position[static_cast<std::size_t>(cell / 5 % 3)]) {
      EXPECT_EQ(grad_pattern[at], 0);
      continue;
    }
    std::vector<double> unit(free_pattern.size());
    unit[at] = 1;
    EXPECT_NEAR(
        central_difference([&](std::span<const double> some) { return values_loss(some, text.v); },
                           free_pattern, unit),
        grad_pattern[at], 1e-9);
  }
}

TYPED_TEST(AttentionBackward, AddsToKeysAndValuesAndOverwritesQueries) {
  using T = TypeParam;
  const Text<T> text(4, 2, 20, 33, all_positions(33));
  const auto grad_z = grad_z_of(text);
  const auto from_zero = run_fused<T>(text, grad_z);
  const auto added = run_fused<T>(text, grad_z, T{3});
  EXPECT_TRUE(same_bits<T>(added.q, from_zero.q));
  const auto plus_three = [](std::span<const T> values) {
    auto result = widened<T>(values);
    for (double& value : result) value += 3;
    return result;
  };
  // Up to 33 queries of two heads each round a sum near 3.
  const Tolerance tolerance{.absolute = 66 * 4 * kEps<T>};
  expect_close("grad_k", widened<T>(added.k), plus_three(from_zero.k), tolerance);
  expect_close("grad_v", widened<T>(added.v), plus_three(from_zero.v), tolerance);
}

// Cells that are ruled out, and rows with nothing to attend to.
TYPED_TEST(AttentionBackward, PatternOfMaskedScores) {
  using T = TypeParam;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  for (const Index n : {1, 5, 16, 33}) {
    const auto count = static_cast<std::size_t>(n);
    std::vector<T> pattern(2 * count, -kInf);
    for (std::size_t j = 0; j < count; j += 2) pattern[j] = 1;
    const MatrixView<T> rows(pattern.data(), 2, n);
    attention_pattern_forward<T>(rows, rows);
    auto grad = normal_values<T>(2 * n, "grad");
    const MatrixView<T> grad_rows(grad.data(), 2, n);
    double mean = 0;
    for (std::size_t j = 0; j < count; j += 2) {
      mean += static_cast<double>(grad[j]) * static_cast<double>(pattern[j]);
    }
    std::vector<double> expected(2 * count);
    for (std::size_t j = 0; j < count; j += 2) {
      expected[j] = static_cast<double>(pattern[j]) * (static_cast<double>(grad[j]) - mean);
    }
    attention_pattern_backward<T>(grad_rows, grad_rows, rows);  // in place
    expect_close("grad", widened<T>(grad), expected, {.absolute = 4 * kEps<T>});
    for (std::size_t j = 1; j < 2 * count; j += j < count ? 2 : 1) EXPECT_EQ(grad[j], T{0});
  }
}

// Keys and values that no query sees get no gradient, and what they are does not matter.
TYPED_TEST(AttentionBackward, TheFutureDoesNotReachBack) {
  using T = TypeParam;
  for (const Index n : {1, 12, 30}) {
    const Text<T> text(3, 3, 64, 45, all_positions(n));
    const auto grad_z = grad_z_of(text);
    const auto expected = run_fused<T>(text, grad_z);
    const auto seen = static_cast<std::size_t>(n * text.k_width());
    Text<T> poisoned = text;
    for (std::size_t i = seen; i < text.k.size(); ++i) {
      poisoned.k[i] = std::numeric_limits<T>::quiet_NaN();
      poisoned.v[i] = std::numeric_limits<T>::infinity();
      EXPECT_EQ(expected.k[i], T{0});
      EXPECT_EQ(expected.v[i], T{0});
    }
    const auto actual = run_fused<T>(poisoned, grad_z);
    EXPECT_TRUE(same_bits<T>(actual.q, expected.q));
    EXPECT_TRUE(same_bits<T>(actual.k, expected.k));
    EXPECT_TRUE(same_bits<T>(actual.v, expected.v));
  }
}

TYPED_TEST(AttentionBackward, InstructionSetsAgree) {
  using T = TypeParam;
  const Text<T> text(9, 3, 64, 37, all_positions(37));
  const auto grad_z = grad_z_of(text);
  const auto results = with_each_instruction_set([&] { return run_fused<T>(text, grad_z); });
  // The baseline does not fuse multiply and add.
  const Tolerance tolerance{.relative = 500 * kEps<T>};
  for (const auto& result : results) {
    expect_close("grad_q", result.q, results.back().q, tolerance);
    expect_close("grad_k", result.k, results.back().k, tolerance);
    expect_close("grad_v", result.v, results.back().v, tolerance);
  }
  for (std::size_t set = 1; set < results.size(); ++set) {
    EXPECT_TRUE(same_bits<T>(results[set].q, results.back().q));
    EXPECT_TRUE(same_bits<T>(results[set].k, results.back().k));
    EXPECT_TRUE(same_bits<T>(results[set].v, results.back().v));
  }
}

TYPED_TEST(AttentionBackward, NoQueries) {
  using T = TypeParam;
  const Text<T> text(2, 1, 4, 3, {});
  EXPECT_EQ(run_fused<T>(text, {}, T{2}).k, std::vector<T>(12, T{2}));
  EXPECT_EQ(run_steps<T>(text, {}, T{2}).v, std::vector<T>(12, T{2}));
  const Text<T> empty(2, 1, 4, 0, {});
  EXPECT_TRUE(run_fused<T>(empty, {}).k.empty());
}

TYPED_TEST(AttentionBackward, ErrorsSayWhatWasFoundAndExpected) {
  using T = TypeParam;
  std::vector<T> data(200);
  T* d = data.data();
  const AttentionShape shape{4, 2, 3, 1};
  const std::vector<Index> position = {0, 1};
  const MatrixView<T> q(d, 2, 12);
  const MatrixView<T> k(d, 5, 6);
  const MatrixView<T> cells(d, 8, 5);
  const MatrixView<T> wrong(d, 3, 3);
  const auto error_of = [&](MatrixView<T> grad_q, MatrixView<T> grad_k, MatrixView<T> grad_v,
                            MatrixView<const T> grad_z) {
    return shape_error_of(
        [&] { attention_backward<T>(grad_q, grad_k, grad_v, grad_z, q, k, k, position, shape); });
  };
  EXPECT_EQ(error_of(wrong, k, k, q),
            "attention_backward: grad_q is [3, 3], expected the shape of q = [2, 12]");
  EXPECT_EQ(error_of(q, wrong, k, q),
            "attention_backward: grad_k is [3, 3], expected the shape of k = [5, 6]");
  EXPECT_EQ(error_of(q, k, wrong, q),
            "attention_backward: grad_v is [3, 3], expected the shape of k = [5, 6]");
  EXPECT_EQ(error_of(q, k, k, wrong),
            "attention_backward: grad_z is [3, 3], expected the shape of q = [2, 12]");
  EXPECT_EQ(
      shape_error_of([&] { attention_values_backward<T>(cells, k, q, wrong, k, position, shape); }),
      "attention_values_backward: pattern is [3, 3], expected [n_heads n_q, n_k] = [8, 5]");
  EXPECT_EQ(shape_error_of(
                [&] { attention_values_backward<T>(cells, k, wrong, cells, k, position, shape); }),
            "attention_values_backward: grad_z is [3, 3], expected [positions, n_heads d_head] = "
            "[2, 12]");
  EXPECT_EQ(
      shape_error_of([&] { attention_pattern_backward<T>(wrong, cells, cells); }),
      "attention_pattern_backward: grad_scores is [3, 3], expected the shape of pattern = [8, 5]");
  EXPECT_EQ(
      shape_error_of([&] { attention_scores_backward<T>(q, k, wrong, q, k, position, shape); }),
      "attention_scores_backward: grad_scores is [3, 3], expected [n_heads n_q, n_k] = "
      "[8, 5]");
  const std::vector<Index> late = {0, 5};
  EXPECT_EQ(shape_error_of([&] { attention_scores_backward<T>(q, k, cells, q, k, late, shape); }),
            "attention_scores_backward: query 1 is at position 5, expected 0 to n_k - 1 = 4");
}

}  // namespace
}  // namespace gnomon
