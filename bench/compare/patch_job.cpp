// SPDX-License-Identifier: Apache-2.0
// The other side of patching.py, which starts it: the same patches of the same texts, read by the
// same head.
//
//   patch_job FOLDER DATA.json JOB THREADS
//
// JOB is `sweep` or `dose`. Timed from token ids to the head's readings, the model loaded and warm.
// Prints one JSON object.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/activations/patch.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/threads.h"

namespace gnomon::bench {
namespace {

using Texts = std::vector<std::vector<TokenId>>;

std::vector<double> readings(const PatchResult<float>& result, const std::vector<double>& weight) {
  std::vector<double> values;
  for (Index p = 0; p < result.values.matrix().rows; ++p) {
    const std::span<const float> row = std::as_const(result.values).matrix().row(p);
    double sum = 0;
    for (std::size_t c = 0; c < row.size(); ++c) sum += weight[c] * static_cast<double>(row[c]);
    values.push_back(sum);
  }
  return values;
}

PatchReadOut last_stream(const ModelConfig& config) {
  return {{HookKind::resid_post, config.n_layers - 1, std::nullopt}, {}};
}

// mlp_out of every layer and token of `corrupted` set to what `clean` has there.
std::vector<double> sweep(const Model& model, const Json& data) {
  const ModelConfig& config = model.config();
  const Texts clean = {data.at("clean").get<std::vector<TokenId>>()};
  const Texts corrupted = {data.at("corrupted").get<std::vector<TokenId>>()};
  const auto weight = data.at("weight").get<std::vector<double>>();
  std::vector<SiteAt> sites;
  for (Index layer = 0; layer < config.n_layers; ++layer)
    sites.push_back({{HookKind::mlp_out, layer, std::nullopt}, {Position::Kind::all, 0}});
  const std::vector<Activations<float>> stored =
      capture<float>(model, clean, sites, {}, {}).activations;
  const auto n_token = static_cast<Index>(corrupted.front().size());
  std::vector<Patch<float>> patches;
  for (Index layer = 0; layer < config.n_layers; ++layer) {
    const Activations<float>& site = stored[static_cast<std::size_t>(layer)];
    for (Index token = 0; token < n_token; ++token) {
      const std::span<const float> row = site.values.matrix().row(token);
      patches.push_back({0,
                         {HookKind::mlp_out, layer, std::nullopt},
                         token,
                         n_token - 1,
                         EditMode::set,
                         {row.begin(), row.end()}});
    }
  }
  return readings(run_patches<float>(model, corrupted, patches, last_stream(config), {}), weight);
}

// One neuron at the last token of every text, at every dose.
std::vector<double> dose(const Model& model, const Json& data) {
  const auto texts = data.at("texts").get<Texts>();
  const auto doses = data.at("doses").get<std::vector<float>>();
  const auto layer = data.at("layer").get<Index>();
  const auto neuron = data.at("neuron").get<Index>();
  std::vector<Patch<float>> patches;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const auto last = static_cast<Index>(texts[t].size()) - 1;
    for (const float value : doses) {
      patches.push_back({static_cast<Index>(t),
                         {HookKind::mlp_post, layer, neuron},
                         last,
                         last,
                         EditMode::set,
                         {value}});
    }
  }
  return readings(run_patches<float>(model, texts, patches, last_stream(model.config()), {}),
                  data.at("weight").get<std::vector<double>>());
}

}  // namespace
}  // namespace gnomon::bench

int main(int argc, char** argv) {
  using namespace gnomon;
  using namespace gnomon::bench;
  if (argc != 5) {
    fmt::print(stderr, "patch_job FOLDER DATA.json JOB THREADS\n");
    return 2;
  }
  try {
    set_threads(std::stoi(argv[4]));
    const Model model = Model::load(argv[1]);
    const Json data = read_json_file(argv[2]);
    const std::string job = argv[3];
    // Weights are mapped when they are first used.
    const SiteAt end{{HookKind::resid_post, model.config().n_layers - 1, std::nullopt},
                     {Position::Kind::last, -1}};
    capture<float>(model, {{data.at("clean").get<std::vector<TokenId>>()}}, {&end, 1}, {}, {});
    const auto start = std::chrono::steady_clock::now();
    const std::vector<double> values = job == "sweep" ? sweep(model, data) : dose(model, data);
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    fmt::print("{}", dump_json({{"seconds", seconds}, {"values", values}}));
  } catch (const Error& error) {
    fmt::print(stderr, "patch_job: {}\n", error.what());
    return 1;
  }
}
