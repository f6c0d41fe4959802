// SPDX-License-Identifier: Apache-2.0
// Share of outputs whose bits differ when the same rows are computed n at a time instead of as the
// first of 1024 with one thread: the largest over the projections of real models. 0 is the
// guarantee of `packed`.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "banner.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/matmul.h"
#include "sizes.h"

namespace gnomon::bench {
namespace {

const Banner kBanner;
constexpr Index kAllRows = 1024;

template <class T>
std::vector<T> first_rows(const std::vector<T>& x, const WeightView<T>& weight, Index n_row,
                          Backend backend) {
  std::vector<T> y(static_cast<std::size_t>(n_row * weight.n_out));
  linear_forward<T>({y.data(), n_row, weight.n_out}, {x.data(), n_row, weight.n_in}, weight, {},
                    backend);
  return y;
}

template <class T>
double other_bits(const Projection& projection, WeightLayout layout, Index n_row, int n_thread,
                  Backend backend) {
  Random random(1, "row_bits_bench");
  std::vector<T> x(static_cast<std::size_t>(kAllRows * projection.n_in));
  std::vector<T> w(static_cast<std::size_t>(projection.n_in * projection.n_out));
  for (T& value : x) value = static_cast<T>(random.normal());
  for (T& value : w) value = static_cast<T>(random.normal());
  const Index stride = layout == WeightLayout::in_out ? projection.n_out : projection.n_in;
  const WeightView<T> weight{w.data(), projection.n_in, projection.n_out, stride, layout};
  set_threads(1);
  const auto all = first_rows(x, weight, kAllRows, backend);
  set_threads(n_thread);
  const auto some = first_rows(x, weight, n_row, backend);
  set_threads(0);
  std::size_t n_other = 0;
  for (std::size_t i = 0; i < some.size(); ++i)
    n_other += std::memcmp(&some[i], &all[i], sizeof(T)) != 0 ? 1 : 0;
  return static_cast<double>(n_other) / static_cast<double>(some.size());
}

template <class T>
void row_bits(benchmark::State& state, Index n_row, int n_thread, Backend backend) {
  double worst = 0;
  for ([[maybe_unused]] const auto _ : state) {
    for (const Projection& projection : kProjections) {
      for (const WeightLayout layout : {WeightLayout::in_out, WeightLayout::out_in}) {
        worst = std::max(worst, other_bits<T>(projection, layout, n_row, n_thread, backend));
      }
    }
  }
  state.counters["other_bits"] = worst;
}

const bool kRegistered = [] {
  for (const Backend backend : {Backend::blas, Backend::packed}) {
    for (const int n_thread : {1, 2}) {
      for (const Index n_row : {1, 2, 3, 5, 16, 17, 200, 1024}) {
        const auto name = [&](const char* scalar) {
          return fmt::format("{}/{}/{} threads/{} rows", backend_name(backend), scalar, n_thread,
                             n_row);
        };
        benchmark::RegisterBenchmark(name("float").c_str(), row_bits<float>, n_row, n_thread,
                                     backend)
            ->Iterations(1);
        benchmark::RegisterBenchmark(name("double").c_str(), row_bits<double>, n_row, n_thread,
                                     backend)
            ->Iterations(1);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace gnomon::bench
