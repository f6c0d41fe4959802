// SPDX-License-Identifier: Apache-2.0
// Patches of single tokens: what shares clean runs beside one whole run for each patch. Rates are
// patches per second. Read-outs of both are compared before anything is timed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "banner.h"
#include "gnomon/activations/capture.h"
#include "gnomon/activations/patch.h"
#include "gnomon/analyses/patch_sweep.h"
#include "models.h"

namespace gnomon::bench {
namespace {

const Banner kBanner;

struct Job {
  std::vector<std::vector<TokenId>> texts;
  std::vector<Patch<float>> patches;
  PatchReadOut read_out;
};

// mlp_out of every layer and token of one text of 32 tokens set to 0, read at the last stream of
// the last token.
const Job& layer_position_sweep() {
  static const Job job = [] {
    const ModelConfig& config = gpt2_shapes().config();
    Job made{random_texts(config, 1, 32, 32), {}, {{HookKind::resid_post, 11, std::nullopt}, {}}};
    for (Index layer = 0; layer < config.n_layers; ++layer) {
      for (Index position = 0; position < 32; ++position)
        made.patches.push_back(
            {0, {HookKind::mlp_out, layer, std::nullopt}, position, 31, EditMode::scale, {0}});
    }
    return made;
  }();
  return job;
}

// One neuron of block 8 at the last token of 500 texts, nine doses.
const Job& dose_response() {
  static const Job job = [] {
    const ModelConfig& config = gpt2_shapes().config();
    Job made{random_texts(config, 500, 8, 40), {}, {{HookKind::resid_post, 11, std::nullopt}, {}}};
    for (Index t = 0; t < 500; ++t) {
      const Index last = static_cast<Index>(made.texts[static_cast<std::size_t>(t)].size()) - 1;
      for (int dose = 0; dose < 9; ++dose)
        made.patches.push_back({t,
                                {HookKind::mlp_post, 8, 481},
                                last,
                                last,
                                EditMode::set,
                                {static_cast<float>(dose) / 4}});
    }
    return made;
  }();
  return job;
}

// The sweep with its statistics and checks: mlp_out of every layer and token, 32 tokens, one pair,
// read by a linear head at the last stream; and 24 of the same cells as whole runs.
const std::vector<std::vector<TokenId>>& sweep_texts() {
  static const std::vector<std::vector<TokenId>> texts =
      random_texts(gpt2_shapes().config(), 2, 32, 32);
  return texts;
}

SweepMetric<float> linear_head() {
  const Index width = gpt2_shapes().config().d_model;
  std::vector<double> weight;
  for (Index i = 0; i < width; ++i) weight.push_back(std::sin(static_cast<double>(i)));
  SweepMetric<float> metric;
  metric.read_out.site = {HookKind::resid_post, gpt2_shapes().config().n_layers - 1, std::nullopt};
  metric.definition = "linear head";
  metric.value = [weight](const SweepCase&, std::span<const float> row) {
    double sum = 0;
    for (std::size_t c = 0; c < row.size(); ++c) sum += weight[c] * static_cast<double>(row[c]);
    return sum;
  };
  metric.gradient = [weight](const SweepCase&, std::span<const float>) { return weight; };
  return metric;
}

std::vector<SweepCell> sweep_bench_cells() {
  std::vector<Index> layers;
  for (Index layer = 0; layer < gpt2_shapes().config().n_layers; ++layer) layers.push_back(layer);
  const HookKind kind = HookKind::mlp_out;
  return sweep_cells(std::span(&kind, 1), layers, each_position(32, false), gpt2_shapes().config());
}

void set_rate(benchmark::State& state, std::size_t n_patch) {
  state.counters["patches"] =
      benchmark::Counter(static_cast<double>(n_patch) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

void run_shared(benchmark::State& state, const Job& job) {
  const Model& model = gpt2_shapes();
  const auto run = [&] {
    return run_patches<float>(model, job.texts, job.patches, job.read_out, {});
  };
  const PatchResult<float> result = run();
  const PatchRecheck check = recheck_patches<float>(
      model, job.texts, std::span<const Patch<float>>(job.patches), job.read_out, result, 8, 1);
  if (check.largest_relative > patch_tolerance<float>(model.config()))
    return state.SkipWithError("read-outs differ from those of whole runs");
  for (auto _ : state) benchmark::DoNotOptimize(run());
  set_rate(state, job.patches.size());
  state.counters["largest_relative_difference"] = check.largest_relative;
  state.counters["held_MiB"] = static_cast<double>(result.held_bytes) / (1 << 20);
}

// One whole run for each of some of the patches, no unembedding.
void run_plain(benchmark::State& state, const Job& job) {
  const Model& model = gpt2_shapes();
  constexpr Index kPatches = 24;
  PatchResult<float> result;
  result.values = Tensor<float>({static_cast<Index>(job.patches.size()), model.config().d_model});
  for (auto _ : state)
    benchmark::DoNotOptimize(recheck_patches<float>(model, job.texts,
                                                    std::span<const Patch<float>>(job.patches),
                                                    job.read_out, result, kPatches, 1));
  set_rate(state, kPatches);
}

void gpt2_layer_position_sweep(benchmark::State& state) {
  run_shared(state, layer_position_sweep());
}
void gpt2_layer_position_sweep_plain(benchmark::State& state) {
  run_plain(state, layer_position_sweep());
}
void gpt2_dose_response(benchmark::State& state) { run_shared(state, dose_response()); }
void gpt2_dose_response_plain(benchmark::State& state) { run_plain(state, dose_response()); }

void gpt2_sweep(benchmark::State& state) {
  const std::vector<SweepCell> cells = sweep_bench_cells();
  const SweepMetric<float> metric = linear_head();
  const std::vector<SweepCase> pairs = {{0, 1, 31, 0, 0, 0}};
  SweepOptions options;
  options.n_recheck = static_cast<Index>(state.range(0));
  options.bootstrap.n_bootstrap = 2000;
  for (auto _ : state) {
    const PatchSweep sweep =
        sweep_patches<float>(gpt2_shapes(), sweep_texts(), pairs, cells, metric, options);
    for (const CheckResult& check : sweep.checks) {
      if (check.status != CheckStatus::pass) return state.SkipWithError("a check failed");
    }
  }
  set_rate(state, cells.size());
}

// Whole runs of 24 of the cells, each from the embedding to the head's row.
void gpt2_sweep_plain(benchmark::State& state) {
  const std::vector<SweepCell> cells = sweep_bench_cells();
  const SweepMetric<float> metric = linear_head();
  constexpr std::size_t kCells = 24;
  const SiteAt read{metric.read_out.site, {Position::Kind::last, -1}};
  const std::span<const std::vector<TokenId>> base(sweep_texts().data() + 1, 1);
  // What is put in is known beforehand: its run is not part of the time.
  std::vector<Edit<float>> edits;
  for (std::size_t k = 0; k < kCells; ++k) {
    const SiteAt at = cells[k * cells.size() / kCells].at;
    const Activations<float> stored =
        capture<float>(gpt2_shapes(), {sweep_texts().data(), 1}, {&at, 1}, {}, {})
            .activations.front();
    const std::span<const float> row = stored.values.values();
    edits.push_back({at, EditMode::set, {row.begin(), row.end()}});
    edits.back().may_change_nothing = true;
  }
  double sum = 0;
  for (auto _ : state) {
    for (std::size_t k = 0; k < kCells; ++k) {
      const auto result = capture<float>(gpt2_shapes(), base, {&read, 1}, {&edits[k], 1}, {});
      sum += metric.value({}, result.activations.front().values.matrix().row(0));
    }
  }
  benchmark::DoNotOptimize(sum);
  set_rate(state, kCells);
}

BENCHMARK(gpt2_layer_position_sweep)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(gpt2_layer_position_sweep_plain)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(gpt2_sweep)
    ->ArgName("rechecks")
    ->Arg(0)
    ->Arg(16)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(gpt2_sweep_plain)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(gpt2_dose_response)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(gpt2_dose_response_plain)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gnomon::bench
