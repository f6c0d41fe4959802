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
  std::vector<float> x, w, y;
  MatrixView<float> y_view;
  MatrixView<const float> x_view;
  WeightView<float> weight;

  Operands(Index n_row, const Projection& projection, WeightLayout layout)
      : x(static_cast<std::size_t>(n_row * projection.n_in)),
        w(static_cast<std::size_t>(projection.n_in * projection.n_out)),
        y(static_cast<std::size_t>(n_row * projection.n_out)),
        y_view(y.data(), n_row, projection.n_out),
        x_view(x.data(), n_row, projection.n_in),
        weight{w.data(), projection.n_in, projection.n_out,
               layout == WeightLayout::in_out ? projection.n_out : projection.n_in, layout} {
    Random random(1, "matmul_bench");
    for (float& value : x) value = static_cast<float>(random.normal());
    for (float& value : w) value = static_cast<float>(random.normal());
  }
};

// The largest difference from the reference on the last row, beside the largest value.
double error_of_last_row(Operands& operands) {
  std::vector<float> expected(static_cast<std::size_t>(operands.weight.n_out));
  const Index last = operands.x_view.rows - 1;
  linear_forward<float>({expected.data(), 1, operands.weight.n_out},
                        operands.x_view.row_range(last, 1), operands.weight, {},
                        Backend::reference);
  double worst = 0;
  double largest = 0;
  for (Index o = 0; o < operands.weight.n_out; ++o) {
    const double value = static_cast<double>(expected[static_cast<std::size_t>(o)]);
    worst = std::max(worst, std::abs(static_cast<double>(operands.y_view(last, o)) - value));
    largest = std::max(largest, std::abs(value));
  }
  return worst / largest;
}

void product(benchmark::State& state, Backend backend, const Projection& projection, Index n_row,
             WeightLayout layout, int n_thread) {
  set_threads(n_thread);
  Operands operands(n_row, projection, layout);
  linear_forward<float>(operands.y_view, operands.x_view, operands.weight, {}, backend);
  if (!(error_of_last_row(operands) < 1e-5)) return state.SkipWithError("the product is wrong");
  for ([[maybe_unused]] const auto _ : state) {
    linear_forward<float>(operands.y_view, operands.x_view, operands.weight, {}, backend);
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

const bool kRegistered = [] {
  for (const Index n_row : kRows) {
    for (const Projection& projection : kProjections) {
      for (const WeightLayout layout : {WeightLayout::in_out, WeightLayout::out_in}) {
        for (const Backend backend : {Backend::blas, Backend::packed}) {
          for (const int n_thread : {1, 2}) {
            auto* bench = benchmark::RegisterBenchmark(
                fmt::format("{}/{} rows/{} {}x{}/{}/{} threads", backend_name(backend), n_row,
                            projection.name, projection.n_in, projection.n_out,
                            layout == WeightLayout::in_out ? "in_out" : "out_in", n_thread)
                    .c_str(),
                [=](benchmark::State& state) {
                  product(state, backend, projection, n_row, layout, n_thread);
                });
            if (n_thread > 1) bench->UseRealTime();
          }
        }
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace gnomon::bench
