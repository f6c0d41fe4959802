// SPDX-License-Identifier: Apache-2.0
// Normalisation of 1024 tokens of GPT-2, step by step, against a plain loop.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "banner.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/norm.h"
#include "sizes.h"

namespace gnomon::bench {
namespace {

const Banner kBanner;
constexpr Index kTokens = 1024;
constexpr Index kSize = kTokens * kGpt2Model;

struct Data {
  std::vector<float> x, y, mean, scale, weight, bias;

  Data()
      : x(kSize),
        y(kSize),
        mean(kTokens),
        scale(kTokens),
        weight(kGpt2Model, 1.5F),
        bias(kGpt2Model, 0.5F) {
    Random random(1, "norm_bench");
    for (float& value : x) value = static_cast<float>(random.normal());
  }
  MatrixView<const float> x_view() const { return {x.data(), kTokens, kGpt2Model}; }
  MatrixView<float> y_view() { return {y.data(), kTokens, kGpt2Model}; }
};

void layer_norm(Data& data) {
  norm_scale_forward<float>(NormKind::layer_norm, data.mean, data.scale, data.x_view(), 1e-5);
  norm_normalize_forward<float>(data.y_view(), data.x_view(), data.mean, data.scale);
  norm_affine_forward<float>(data.y_view(), data.y_view(), data.weight, data.bias);
}

void plain_layer_norm(Data& data) {
  for (Index i = 0; i < kTokens; ++i) {
    const auto x = data.x_view().row(i);
    const auto y = data.y_view().row(i);
    double mean = 0;
    for (const float value : x) mean += static_cast<double>(value);
    mean /= kGpt2Model;
    double square = 0;
    for (const float value : x)
      square += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
    const double scale = std::sqrt(square / kGpt2Model + 1e-5);
    for (std::size_t j = 0; j < x.size(); ++j) {
      y[j] = (x[j] - static_cast<float>(mean)) / static_cast<float>(scale) * data.weight[j] +
             data.bias[j];
    }
  }
}

// Bytes: the matrix as often as the step reads or writes it.
template <class Step>
void run(benchmark::State& state, int n_pass, const Step& step) {
  set_threads(1);
  Data ours;
  Data plain;
  layer_norm(ours);
  plain_layer_norm(plain);
  for (std::size_t i = 0; i < ours.y.size(); ++i) {
    if (!(std::abs(ours.y[i] - plain.y[i]) < 1e-5F))
      return state.SkipWithError("the norm is wrong");
  }
  for ([[maybe_unused]] const auto _ : state) {
    step(ours);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * n_pass * kSize * static_cast<Index>(sizeof(float)));
  state.counters["time/element"] =
      benchmark::Counter(static_cast<double>(kSize), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
  set_threads(0);
}

void scale_step(benchmark::State& state) {
  run(state, 1, [](Data& data) {
    norm_scale_forward<float>(NormKind::layer_norm, data.mean, data.scale, data.x_view(), 1e-5);
  });
}
void normalize_step(benchmark::State& state) {
  run(state, 2, [](Data& data) {
    norm_normalize_forward<float>(data.y_view(), data.x_view(), data.mean, data.scale);
  });
}
void affine_step(benchmark::State& state) {
  run(state, 2, [](Data& data) {
    norm_affine_forward<float>(data.y_view(), data.y_view(), data.weight, data.bias);
  });
}
void three_steps(benchmark::State& state) { run(state, 5, layer_norm); }
void plain_loop(benchmark::State& state) { run(state, 2, plain_layer_norm); }

BENCHMARK(scale_step);
BENCHMARK(normalize_step);
BENCHMARK(affine_step);
BENCHMARK(three_steps);
BENCHMARK(plain_loop);

}  // namespace
}  // namespace gnomon::bench
