// SPDX-License-Identifier: Apache-2.0
// A scan of all neurons beside the plain forward pass over the same texts to the same last site,
// one after the other in every repetition, so that a busy machine slows both. Texts have 8 to 40
// tokens; rates are tokens per second. The ratio of processor times is the one to read where other
// programs run.
#include <benchmark/benchmark.h>

#include <chrono>
#include <ctime>
#include <vector>

#include "banner.h"
#include "gnomon/analyses/neuron_scan.h"
#include "gnomon/model/forward.h"
#include "models.h"

namespace gnomon::bench {
namespace {

const Banner kBanner;

struct Seconds {
  double wall = 0;
  double processor = 0;  // of all threads
  void operator+=(const Seconds& other) {
    wall += other.wall;
    processor += other.processor;
  }
};

Seconds seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  work();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
          static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC};
}

void plain_forward(const Model& model, const std::vector<std::vector<TokenId>>& texts) {
  const RunOptions options;
  const std::span<const std::vector<TokenId>> all(texts);
  for (std::size_t first = 0; first < texts.size();) {
    const std::size_t last = batch_end(all, first, options.batch_tokens);
    const PackedBatch batch = pack(all.subspan(first, last - first));
    Hooks<float> hooks;
    hooks.add(HookKind::mlp_post, model.config().n_layers - 1,
              [](const HookContext&, MatrixView<float> values) {
                benchmark::DoNotOptimize(values.data);
              });
    run_forward<float>(model.config(), model.weights<float>(), batch, hooks, {}, options.backend);
    first = last;
  }
}

void compare(benchmark::State& state, const Model& model, Index n_text) {
  const auto texts = random_texts(model.config(), n_text, 8, 40);
  double n_token = 0;
  for (const auto& ids : texts) n_token += static_cast<double>(ids.size());
  plain_forward(model, {texts.front()});  // decodes the weights
  Seconds forward;
  Seconds scan;
  for (auto _ : state) {
    forward += seconds_of([&] { plain_forward(model, texts); });
    const Seconds seconds =
        seconds_of([&] { benchmark::DoNotOptimize(scan_neurons(model, texts, {})); });
    scan += seconds;
    state.SetIterationTime(seconds.wall);
  }
  const auto n_run = static_cast<double>(state.iterations());
  state.counters["forward_tokens"] = n_token * n_run / forward.wall;
  state.counters["scan_tokens"] = n_token * n_run / scan.wall;
  state.counters["scan_to_forward"] = forward.wall / scan.wall;
  state.counters["scan_to_forward_processor"] = forward.processor / scan.processor;
}

void gpt2_scan(benchmark::State& state) { compare(state, gpt2_shapes(), state.range(0)); }

void smollm2_scan(benchmark::State& state) {
  const Model* model = smollm2();
  if (model == nullptr) return state.SkipWithError("smollm2-135m is not in the cache");
  compare(state, *model, state.range(0));
}

BENCHMARK(gpt2_scan)->Arg(500)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(2);
BENCHMARK(smollm2_scan)->Arg(500)->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(2);

}  // namespace
}  // namespace gnomon::bench
