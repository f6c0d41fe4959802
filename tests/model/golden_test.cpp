// SPDX-License-Identifier: Apache-2.0
// Every hook point of tiny random models against TransformerLens and Hugging Face transformers
// (tests/golden/README.md, tools/make_golden.py).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/model/forward.h"
#include "gnomon/model/model.h"
#include "gnomon/tensor/safetensors.h"
#include "support/expect_close.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

fs::path golden_folder(const std::string& name) {
  return fs::path(GNOMON_TEST_DATA) / "models" / name;
}

std::vector<std::pair<std::string, std::vector<TokenId>>> golden_prompts(const fs::path& folder) {
  std::vector<std::pair<std::string, std::vector<TokenId>>> prompts;
  const Json expected = read_json_file(folder / "expected.json");
  for (const auto& [name, prompt] : expected["prompts"].items()) {
    prompts.emplace_back(name, prompt["ids"].get<std::vector<TokenId>>());
  }
  return prompts;
}

// Masked scores are -inf on both sides; a finite stand-in lets them be compared with the rest.
template <class T>
std::vector<T> with_finite_mask(std::vector<T> values) {
  for (T& value : values) {
    if (std::isinf(value) && value < 0) value = T(-1);
  }
  return values;
}

// All hook points of all prompts in one packed batch; every tensor of the golden file must have
// been read.
template <class T>
void compare_every_hook(const std::string& name, const std::string& file_name, Backend backend,
                        double relative) {
  const fs::path folder = golden_folder(name);
  const Model model = Model::load(folder);
  const ModelConfig& config = model.config();
  const SafetensorsFile golden(folder / file_name);
  const auto prompts = golden_prompts(folder);
  std::vector<std::vector<TokenId>> ids;
  for (const auto& [prompt, prompt_ids] : prompts) ids.push_back(prompt_ids);
  const PackedBatch batch = pack(ids);

  std::size_t n_compared = 0;
  const auto compare = [&](const std::string& prompt, const HookContext& context,
                           std::vector<T> values) {
    const std::string key =
        prompt + "/" + site_name({context.kind, context.layer, std::nullopt}, config);
    const StoredTensor* tensor = golden.find(key);
    ASSERT_NE(tensor, nullptr) << key;
    std::vector<T> expected(values.size());
    ASSERT_EQ(tensor->bytes.size(), expected.size() * sizeof(T))
        << key << " " << shape_text(tensor->shape);
    std::memcpy(expected.data(), tensor->bytes.data(), tensor->bytes.size());
    test::expect_close(name + " " + key, std::span<const T>(with_finite_mask(values)),
                       std::span<const T>(with_finite_mask(expected)), {relative * 1e-3, relative});
    ++n_compared;
  };
  Hooks<T> hooks;
  for (const std::string& hook : hook_names(config)) {
    const Site site = parse_site(hook, config).site;
    hooks.add(site.kind, site.layer, [&](const HookContext& context, MatrixView<T> values) {
      if (context.text >= 0) {
        compare(prompts[static_cast<std::size_t>(context.text)].first, context,
                {values.data, values.data + values.rows * values.cols});
        return;
      }
      for (Index t = 0; t < batch.n_text(); ++t) {
        const T* first = values.data + batch.offset[static_cast<std::size_t>(t)] * values.cols;
        compare(prompts[static_cast<std::size_t>(t)].first, context,
                {first, first + batch.length(t) * values.cols});
      }
    });
  }
  run_forward<T>(config, model.weights<T>(), batch, hooks, {}, backend);
  EXPECT_EQ(n_compared, golden.tensors().size());
}

class GoldenModel : public testing::TestWithParam<const char*> {};

// Issue's bound for double. Sums of up to 96 terms through 2 or 3 blocks round to about 1e-14.
constexpr double kDoubleTolerance = 1e-10;
// Float: the same sums in units of 6e-8, both sides rounding: 2 · 8 · sqrt(96) · 6e-8 for one
// product, a few of them in a row, magnified by softmax and norm.
constexpr double kFloatTolerance = 1e-4;

TEST_P(GoldenModel, EveryHookPointInDouble) {
  compare_every_hook<double>(GetParam(), "activations_float64.safetensors", Backend::blas,
                             kDoubleTolerance);
}

TEST_P(GoldenModel, EveryHookPointInDoubleWithTheReferenceBackend) {
  compare_every_hook<double>(GetParam(), "activations_float64.safetensors", Backend::reference,
                             kDoubleTolerance);
}

TEST_P(GoldenModel, EveryHookPointInFloat) {
  for (const Backend backend : {Backend::packed, Backend::blas}) {
    compare_every_hook<float>(GetParam(), "activations_float32.safetensors", backend,
                              kFloatTolerance);
  }
}

TEST_P(GoldenModel, EveryHookPointInDoubleWithThePackedBackend) {
  compare_every_hook<double>(GetParam(), "activations_float64.safetensors", Backend::packed,
                             kDoubleTolerance);
}

TEST_P(GoldenModel, NextTokenLogProbabilities) {
  const fs::path folder = golden_folder(GetParam());
  const Model model = Model::load(folder);
  const Json expected = read_json_file(folder / "expected.json");
  for (const auto& [name, ids] : golden_prompts(folder)) {
    const std::vector<std::vector<TokenId>> texts = {ids};
    std::vector<double> log_probs;
    Hooks<double> hooks;
    hooks.add(HookKind::logits, -1, [&](const HookContext&, MatrixView<double> logits) {
      for (Index p = 0; p + 1 < logits.rows; ++p) {
        const std::span<double> row = logits.row(p);
        const double largest = *std::max_element(row.begin(), row.end());
        double sum = 0;
        for (const double logit : row) sum += std::exp(logit - largest);
        log_probs.push_back(row[static_cast<std::size_t>(ids[static_cast<std::size_t>(p) + 1])] -
                            largest - std::log(sum));
      }
    });
    run_forward<double>(model.config(), model.weights<double>(), pack(texts), hooks, {},
                        Backend::blas);
    const auto golden = expected["prompts"][name]["next_token_log_prob"].get<std::vector<double>>();
    test::expect_close(name, std::span<const double>(log_probs), std::span<const double>(golden),
                       {1e-10, 1e-10});
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, GoldenModel,
                         testing::Values("gpt2-tiny", "gpt2-tiny-inner", "llama-tiny",
                                         "llama-tiny-untied", "llama-tiny-llama3", "mistral-tiny",
                                         "qwen2-tiny", "gpt-neox-tiny", "gpt-neox-tiny-sequential"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace gnomon
