// SPDX-License-Identifier: Apache-2.0
// The original study's job, from token ids to numbers: four sites of 500 short texts at the last
// token, and one long text. Rates are tokens per second through the blocks that are needed; no
// unembedding is asked for.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "banner.h"
#include "gnomon/activations/capture.h"
#include "models.h"

namespace gnomon::bench {
namespace {

const Banner kBanner;

template <class T>
void run_capture(benchmark::State& state, const Model& model,
                 const std::vector<std::vector<TokenId>>& texts,
                 const std::vector<std::string>& site_names) {
  std::vector<SiteAt> sites;
  for (const std::string& name : site_names) sites.push_back(parse_site(name, model.config()));
  const Index n_token = n_tokens_of(texts);
  for (auto _ : state) benchmark::DoNotOptimize(capture<T>(model, texts, sites, {}, {}));
  state.counters["tokens"] =
      benchmark::Counter(static_cast<double>(n_token) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}

const std::vector<std::string>& original_sites(const Model& model) {
  static const std::vector<std::string> gpt2 = {
      "blocks.8.hook_resid_pre", "blocks.8.mlp.hook_post[481]", "blocks.8.hook_resid_post",
      "blocks.11.hook_resid_post"};
  static const std::vector<std::string> llama = {
      "blocks.8.hook_resid_pre", "blocks.8.mlp.hook_post[481]", "blocks.8.hook_resid_post",
      "blocks.29.hook_resid_post"};
  return model.config().architecture == "gpt2" ? gpt2 : llama;
}

template <class T>
void gpt2_original_job(benchmark::State& state) {
  const Model& model = gpt2_shapes();
  run_capture<T>(state, model, random_texts(model.config(), 500, 8, 40), original_sites(model));
}

template <class T>
void smollm2_original_job(benchmark::State& state) {
  const Model* model = smollm2();
  if (model == nullptr) return state.SkipWithError("smollm2-135m is not in the cache");
  run_capture<T>(state, *model, random_texts(model->config(), 500, 8, 40), original_sites(*model));
}

void gpt2_one_neuron(benchmark::State& state) {
  const Model& model = gpt2_shapes();
  run_capture<float>(state, model, random_texts(model.config(), 500, 8, 40),
                     {"blocks.8.mlp.hook_post[481]"});
}

void gpt2_long_text(benchmark::State& state) {
  const Model& model = gpt2_shapes();
  run_capture<float>(state, model, random_texts(model.config(), 1, 1024, 1024),
                     {"blocks.11.hook_resid_post@all"});
}

BENCHMARK(gpt2_original_job<float>)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(gpt2_original_job<double>)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(gpt2_one_neuron)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(gpt2_long_text)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(smollm2_original_job<float>)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(smollm2_original_job<double>)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gnomon::bench
