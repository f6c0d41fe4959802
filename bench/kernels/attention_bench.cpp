// SPDX-License-Identifier: Apache-2.0
// Attention of one layer for a short and a long text, one thread, against plain loops.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "banner.h"
#include "gnomon/base/random.h"
#include "gnomon/kernels/attention.h"
#include "sizes.h"

namespace gnomon::bench {
namespace {

const Banner kBanner;

struct Text {
  AttentionShape shape;
  Index n;
  std::vector<Index> position;
  std::vector<float> q, k, v, z, scores, grad_z, grad_q, grad_k, grad_v;

  Text(const AttentionSize& size, Index n_token)
      : shape{size.n_heads, size.n_kv_heads, size.d_head,
              1 / std::sqrt(static_cast<double>(size.d_head))},
        n(n_token),
        position(static_cast<std::size_t>(n)),
        q(static_cast<std::size_t>(n * size.n_heads * size.d_head)),
        k(static_cast<std::size_t>(n * size.n_kv_heads * size.d_head)),
        v(k.size()),
        z(q.size()),
        scores(static_cast<std::size_t>(size.n_heads * n * n)),
        grad_z(q.size()),
        grad_q(q.size()),
        grad_k(k.size()),
        grad_v(k.size()) {
    std::iota(position.begin(), position.end(), Index{0});
    Random random(1, "attention_bench");
    for (auto* values : {&q, &k, &v, &grad_z}) {
      for (float& value : *values) value = static_cast<float>(random.normal());
    }
  }
  MatrixView<float> of_q(std::vector<float>& data) const {
    return {data.data(), n, shape.n_heads * shape.d_head};
  }
  MatrixView<float> of_k(std::vector<float>& data) const {
    return {data.data(), n, shape.n_kv_heads * shape.d_head};
  }
};

void fused(Text& text) {
  attention_forward<float>(text.of_q(text.z), text.of_q(text.q), text.of_k(text.k),
                           text.of_k(text.v), text.position, text.shape);
}

void steps(Text& text) {
  const MatrixView<float> scores(text.scores.data(), text.shape.n_heads * text.n, text.n);
  attention_scores_forward<float>(scores, text.of_q(text.q), text.of_k(text.k), text.position,
                                  text.shape);
  attention_pattern_forward<float>(scores, scores);
  attention_values_forward<float>(text.of_q(text.z), scores, text.of_k(text.v), text.shape);
}

void fused_backward(Text& text) {
  std::ranges::fill(text.grad_k, 0.0F);
  std::ranges::fill(text.grad_v, 0.0F);
  attention_backward<float>(text.of_q(text.grad_q), text.of_k(text.grad_k), text.of_k(text.grad_v),
                            text.of_q(text.grad_z), text.of_q(text.q), text.of_k(text.k),
                            text.of_k(text.v), text.position, text.shape);
}

void steps_backward(Text& text) {
  const MatrixView<float> pattern(text.scores.data(), text.shape.n_heads * text.n, text.n);
  std::vector<float> cells(text.scores.size());
  const MatrixView<float> grad(cells.data(), pattern.rows, pattern.cols);
  std::ranges::fill(text.grad_k, 0.0F);
  std::ranges::fill(text.grad_v, 0.0F);
  attention_scores_forward<float>(pattern, text.of_q(text.q), text.of_k(text.k), text.position,
                                  text.shape);
  attention_pattern_forward<float>(pattern, pattern);
  attention_values_backward<float>(grad, text.of_k(text.grad_v), text.of_q(text.grad_z), pattern,
                                   text.of_k(text.v), text.position, text.shape);
  attention_pattern_backward<float>(grad, grad, pattern);
  attention_scores_backward<float>(text.of_q(text.grad_q), text.of_k(text.grad_k), grad,
                                   text.of_q(text.q), text.of_k(text.k), text.position, text.shape);
}

void plain(Text& text) {
  const Index d = text.shape.d_head;
  std::vector<float> row(static_cast<std::size_t>(text.n));
  for (Index h = 0; h < text.shape.n_heads; ++h) {
    const Index g = h * text.shape.n_kv_heads / text.shape.n_heads;
    for (Index i = 0; i < text.n; ++i) {
      const float* q = &text.of_q(text.q)(i, h * d);
      float largest = -INFINITY;
      for (Index j = 0; j <= i; ++j) {
        const float* k = &text.of_k(text.k)(j, g * d);
        float sum = 0;
        for (Index c = 0; c < d; ++c) sum += q[c] * k[c];
        row[static_cast<std::size_t>(j)] = static_cast<float>(text.shape.scale) * sum;
        largest = std::max(largest, row[static_cast<std::size_t>(j)]);
      }
      float total = 0;
      for (Index j = 0; j <= i; ++j) {
        float& value = row[static_cast<std::size_t>(j)];
        total += value = std::exp(value - largest);
      }
      float* z = &text.of_q(text.z)(i, h * d);
      std::fill_n(z, d, 0.0F);
      for (Index j = 0; j <= i; ++j) {
        const float weight = row[static_cast<std::size_t>(j)] / total;
        const float* v = &text.of_k(text.v)(j, g * d);
        for (Index c = 0; c < d; ++c) z[c] += weight * v[c];
      }
    }
  }
}

void run(benchmark::State& state, const AttentionSize& size, Index n, void (*attend)(Text&)) {
  Text text(size, n);
  plain(text);
  const auto expected = text.z;
  attend(text);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!(std::abs(text.z[i] - expected[i]) < 1e-5F))
      return state.SkipWithError("the attention is wrong");
  }
  for ([[maybe_unused]] const auto _ : state) {
    attend(text);
    benchmark::ClobberMemory();
  }
  // The two products over the causal half.
  const double flop = 2.0 * static_cast<double>(n * (n + 1) * size.n_heads * size.d_head);
  state.counters["FLOP/s"] =
      benchmark::Counter(flop, benchmark::Counter::kIsIterationInvariantRate);
}

// The gradient of Σ z grad_z along q, which scaling q by 1 ± step differences, in double.
double along_q(const Text& text) {
  const auto loss = [&](double factor) {
    const auto wide = [](const std::vector<float>& values) {
      return std::vector<double>(values.begin(), values.end());
    };
    auto q = wide(text.q);
    const auto k = wide(text.k);
    const auto v = wide(text.v);
    std::vector<double> z(q.size());
    for (double& value : q) value *= factor;
    const Index q_width = text.shape.n_heads * text.shape.d_head;
    const Index k_width = text.shape.n_kv_heads * text.shape.d_head;
    attention_forward<double>({z.data(), text.n, q_width}, {q.data(), text.n, q_width},
                              {k.data(), text.n, k_width}, {v.data(), text.n, k_width},
                              text.position, text.shape);
    double sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i) sum += z[i] * static_cast<double>(text.grad_z[i]);
    return sum;
  };
  return (loss(1 + 1e-4) - loss(1 - 1e-4)) / 2e-4;
}

void run_backward(benchmark::State& state, const AttentionSize& size, Index n,
                  void (*differentiate)(Text&)) {
  Text text(size, n);
  differentiate(text);
  double actual = 0;
  for (std::size_t i = 0; i < text.q.size(); ++i) {
    actual += static_cast<double>(text.grad_q[i]) * static_cast<double>(text.q[i]);
  }
  if (!(std::abs(actual - along_q(text)) < 1e-4 * std::sqrt(static_cast<double>(text.q.size()))))
    return state.SkipWithError("the gradient is wrong");
  for ([[maybe_unused]] const auto _ : state) {
    differentiate(text);
    benchmark::ClobberMemory();
  }
  // Five products over the causal half, of which one recomputes the scores.
  const double flop = 5.0 * static_cast<double>(n * (n + 1) * size.n_heads * size.d_head);
  state.counters["FLOP/s"] =
      benchmark::Counter(flop, benchmark::Counter::kIsIterationInvariantRate);
}

const bool kRegistered = [] {
  for (const AttentionSize& size : kAttentionSizes) {
    for (const Index n : kTextLengths) {
      const auto add = [&](const char* name, void (*attend)(Text&)) {
        benchmark::RegisterBenchmark(fmt::format("{}/{} tokens/{}", size.name, n, name).c_str(),
                                     [=](benchmark::State& state) { run(state, size, n, attend); })
            ->Unit(benchmark::kMicrosecond);
      };
      add("fused", fused);
      add("three steps", steps);
      add("plain loops", plain);
      const auto add_backward = [&](const char* name, void (*differentiate)(Text&)) {
        benchmark::RegisterBenchmark(
            fmt::format("{}/{} tokens/{}", size.name, n, name).c_str(),
            [=](benchmark::State& state) { run_backward(state, size, n, differentiate); })
            ->Unit(benchmark::kMicrosecond);
      };
      add_backward("fused backward", fused_backward);
      add_backward("three steps backward", steps_backward);
    }
  }
  return true;
}();

}  // namespace
}  // namespace gnomon::bench
