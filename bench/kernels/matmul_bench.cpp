// SPDX-License-Identifier: Apache-2.0
// Matrix products over the projections of real models: rate, and share of a measured ceiling.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <thread>
#include <vector>

#include "banner.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/matmul.h"
#include "sizes.h"

#ifdef GNOMON_HAS_X86_TARGETS
#include <immintrin.h>
#endif

namespace gnomon::bench {
namespace {

const Banner kBanner;

constexpr int kCeilingSteps = 200000;

// As many independent chains of fused multiply-adds as hide their latency, all in registers: what
// no product on this machine can exceed. Returns multiply-adds times 2.
#ifdef GNOMON_HAS_X86_TARGETS
GNOMON_TARGET_AVX512 double fma_avx512() {
  __m512 sum[12];
  for (int i = 0; i < 12; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 a = _mm512_set1_ps(0.999F);
  const __m512 b = _mm512_set1_ps(0.001F);
  for (int step = 0; step < kCeilingSteps; ++step) {
#pragma GCC unroll 12
    for (auto& s : sum) s = _mm512_fmadd_ps(s, a, b);
  }
  for (auto& s : sum) benchmark::DoNotOptimize(s);
  return 2.0 * 16 * 12 * kCeilingSteps;
}

GNOMON_TARGET_AVX2 double fma_avx2() {
  __m256 sum[12];
  for (int i = 0; i < 12; ++i) sum[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 a = _mm256_set1_ps(0.999F);
  const __m256 b = _mm256_set1_ps(0.001F);
  for (int step = 0; step < kCeilingSteps; ++step) {
#pragma GCC unroll 12
    for (auto& s : sum) s = _mm256_fmadd_ps(s, a, b);
  }
  for (auto& s : sum) benchmark::DoNotOptimize(s);
  return 2.0 * 8 * 12 * kCeilingSteps;
}
#endif

double fma_burst() {
#ifdef GNOMON_HAS_X86_TARGETS
  if (detail::instruction_set() == detail::InstructionSet::avx512) return fma_avx512();
  if (detail::instruction_set() == detail::InstructionSet::avx2) return fma_avx2();
#endif
  return 0;
}

// The best of many short bursts, in FLOP/s; 0 where there is no such loop for the machine.
double ceiling(int n_thread) {
  static std::map<int, double> measured;
  if (const auto known = measured.find(n_thread); known != measured.end()) return known->second;
  double best = 0;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::jthread> others;
    for (int t = 1; t < n_thread; ++t) others.emplace_back([] { fma_burst(); });
    const double flop = fma_burst() * n_thread;
    others.clear();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, flop / seconds.count());
  }
  return measured[n_thread] = best;
}

struct Operands {
  std::vector<float> x, w, y, grad_x, grad_w;
  MatrixView<float> y_view, grad_x_view;
  MatrixView<const float> x_view;
  WeightView<float> weight;
  GradWeightView<float> grad_weight;

  Operands(Index n_row, const Projection& projection, WeightLayout layout)
      : x(static_cast<std::size_t>(n_row * projection.n_in)),
        w(static_cast<std::size_t>(projection.n_in * projection.n_out)),
        y(static_cast<std::size_t>(n_row * projection.n_out)),
        grad_x(x.size()),
        grad_w(w.size()),
        y_view(y.data(), n_row, projection.n_out),
        grad_x_view(grad_x.data(), n_row, projection.n_in),
        x_view(x.data(), n_row, projection.n_in),
        weight{w.data(), projection.n_in, projection.n_out,
               layout == WeightLayout::in_out ? projection.n_out : projection.n_in, layout},
        grad_weight{grad_w.data(), weight.n_in, weight.n_out, weight.stride, layout} {
    Random random(1, "matmul_bench");
    for (auto* values : {&x, &w, &y}) {
      for (float& value : *values) value = static_cast<float>(random.normal());
    }
  }
};

// The three products of a projection in training.
enum class Pass { forward, backward_input, backward_weight };

const char* pass_name(Pass pass) {
  constexpr const char* kNames[] = {"forward", "backward input", "backward weight"};
  return kNames[static_cast<int>(pass)];
}

void run(Pass pass, Operands& operands, Backend backend) {
  switch (pass) {
    case Pass::forward:
      return linear_forward<float>(operands.y_view, operands.x_view, operands.weight, {}, backend);
    case Pass::backward_input:
      return linear_backward_input<float>(operands.grad_x_view, operands.y_view, operands.weight,
                                          Output::overwrite, backend);
    case Pass::backward_weight:
      return linear_backward_weight<float>(operands.grad_weight, {}, operands.x_view,
                                           operands.y_view, backend);
  }
}

// The largest difference from the reference, beside the largest value.
double error_of(std::span<const float> actual, std::span<const float> expected) {
  double worst = 0;
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto value = static_cast<double>(expected[i]);
    worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - value));
    largest = std::max(largest, std::abs(value));
  }
  return worst / largest;
}

// Of the last row of x's or y's side, or of the first stored row of the weights, which is the whole
// gradient of a projection from or to one number.
double error_after(Pass pass, const Operands& operands) {
  const Index last = operands.x_view.rows - 1;
  const MatrixView<const float> x_row = operands.x_view.row_range(last, 1);
  const MatrixView<const float> y_row = operands.y_view.row_range(last, 1);
  const WeightView<float>& weight = operands.weight;
  if (pass == Pass::forward) {
    std::vector<float> expected(static_cast<std::size_t>(weight.n_out));
    linear_forward<float>({expected.data(), 1, weight.n_out}, x_row, weight, {},
                          Backend::reference);
    return error_of(y_row.row(0), expected);
  }
  if (pass == Pass::backward_input) {
    std::vector<float> expected(static_cast<std::size_t>(weight.n_in));
    linear_backward_input<float>({expected.data(), 1, weight.n_in}, y_row, weight,
                                 Output::overwrite, Backend::reference);
    return error_of(operands.grad_x_view.row(last), expected);
  }
  std::vector<float> expected(static_cast<std::size_t>(weight.stride));
  const bool in_out = weight.layout == WeightLayout::in_out;
  linear_backward_weight<float>(
      {expected.data(), in_out ? 1 : weight.n_in, in_out ? weight.n_out : 1, weight.stride,
       weight.layout},
      {}, in_out ? operands.x_view.columns(0, 1) : operands.x_view,
      in_out ? MatrixView<const float>(operands.y_view) : operands.y_view.columns(0, 1),
      Backend::reference);
  return error_of(std::span<const float>(operands.grad_w).first(expected.size()), expected);
}

void product(benchmark::State& state, Pass pass, Backend backend, const Projection& projection,
             Index n_row, WeightLayout layout, int n_thread) {
  set_threads(n_thread);
  Operands operands(n_row, projection, layout);
  run(pass, operands, backend);
  if (!(error_after(pass, operands) < 1e-5)) return state.SkipWithError("the product is wrong");
  for ([[maybe_unused]] const auto _ : state) {
    run(pass, operands, backend);
    benchmark::ClobberMemory();
  }
  const double flop = 2.0 * static_cast<double>(n_row * projection.n_in * projection.n_out);
  state.counters["FLOP/s"] =
      benchmark::Counter(flop, benchmark::Counter::kIsIterationInvariantRate);
  const double most = ceiling(n_thread);
  if (most > 0) {
    state.counters["of_peak"] =
        benchmark::Counter(flop / most, benchmark::Counter::kIsIterationInvariantRate);
  }
  set_threads(0);
}

void add(Pass pass, const Projection& projection, Index n_row, WeightLayout layout, Backend backend,
         int n_thread) {
  auto* bench = benchmark::RegisterBenchmark(
      fmt::format("{}/{}/{} rows/{} {}x{}/{}/{} threads", pass_name(pass), backend_name(backend),
                  n_row, projection.name, projection.n_in, projection.n_out,
                  layout == WeightLayout::in_out ? "in_out" : "out_in", n_thread)
          .c_str(),
      [=](benchmark::State& state) {
        product(state, pass, backend, projection, n_row, layout, n_thread);
      });
  if (n_thread > 1) bench->UseRealTime();
}

const bool kRegistered = [] {
  for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weight}) {
    for (const Index n_row : kRows) {
      for (const Projection& projection : kProjections) {
        for (const WeightLayout layout : {WeightLayout::in_out, WeightLayout::out_in}) {
          for (const Backend backend : {Backend::blas, Backend::packed}) {
            for (const int n_thread : {1, 2}) {
              add(pass, projection, n_row, layout, backend, n_thread);
            }
          }
        }
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace gnomon::bench
