// SPDX-License-Identifier: Apache-2.0
// Activations of one GPT-2 MLP over 256 tokens, against a scalar loop over libm.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "banner.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/activation.h"
#include "sizes.h"

namespace gnomon::bench {
namespace {

const Banner kBanner;
constexpr std::size_t kSize = 256 * kGpt2Mlp;

std::vector<float> activation_values() {
  Random random(1, "activation_bench");
  std::vector<float> x(kSize);
  for (float& value : x) value = static_cast<float>(2 * random.normal());
  return x;
}

float libm(Activation activation, float x) {
  constexpr float kScale = static_cast<float>(std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
  switch (activation) {
    case Activation::gelu_new:
      return 0.5F * x * (1 + std::tanh(kScale * (x + 0.044715F * x * x * x)));
    case Activation::gelu:
      return 0.5F * x * (1 + std::erf(x * static_cast<float>(1 / std::numbers::sqrt2)));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::relu:
      return x > 0 ? x : 0;
  }
  return 0;
}

void report(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(kSize * 2 * sizeof(float)));
  state.counters["time/element"] =
      benchmark::Counter(static_cast<double>(kSize), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}

void ours(benchmark::State& state, Activation activation) {
  set_threads(1);
  const auto x = activation_values();
  std::vector<float> y(kSize);
  activation_forward<float>(activation, y, x);
  for (std::size_t i = 0; i < kSize; ++i) {
    if (!(std::abs(y[i] - libm(activation, x[i])) <= 1e-6F * (1 + std::abs(x[i])))) {
      return state.SkipWithError("the activation is wrong");
    }
  }
  for ([[maybe_unused]] const auto _ : state) {
    activation_forward<float>(activation, y, x);
    benchmark::ClobberMemory();
  }
  report(state);
  set_threads(0);
}

void scalar(benchmark::State& state, Activation activation) {
  const auto x = activation_values();
  std::vector<float> y(kSize);
  for ([[maybe_unused]] const auto _ : state) {
    for (std::size_t i = 0; i < kSize; ++i) y[i] = libm(activation, x[i]);
    benchmark::ClobberMemory();
  }
  report(state);
}

const bool kRegistered = [] {
  for (const Activation activation :
       {Activation::gelu_new, Activation::gelu, Activation::silu, Activation::relu}) {
    benchmark::RegisterBenchmark(fmt::format("{}/ours", activation_name(activation)).c_str(), ours,
                                 activation);
    benchmark::RegisterBenchmark(fmt::format("{}/libm", activation_name(activation)).c_str(),
                                 scalar, activation);
  }
  return true;
}();

}  // namespace
}  // namespace gnomon::bench
