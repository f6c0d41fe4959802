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

#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/model/forward.h"
#include "gnomon/model/model.h"
#include "gnomon/tensor/safetensors.h"
#include "support/expect_close.h"
#include "support/golden_models.h"
#include "support/memory_file.h"

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
void compare_every_hook(const Model& model, const std::string& name, const std::string& file_name,
                        Backend backend, double relative) {
  const fs::path folder = golden_folder(name);
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
    if (test::is_copy_of_stream(site.kind)) continue;
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

template <class T>
void compare_every_hook(const std::string& name, const std::string& file_name, Backend backend,
                        double relative) {
  compare_every_hook<T>(Model::load(golden_folder(name)), name, file_name, backend, relative);
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

INSTANTIATE_TEST_SUITE_P(Tiny, GoldenModel, test::golden_models(),
                         [](const auto& model) { return test::golden_model_name(model); });

// From the third token on a copy of the stream becomes x / 2 + sin(0, 1, 2, ...), in the last head
// where there are heads.
TEST_P(GoldenModel, LogitsWithACopyOfTheStreamChanged) {
  const fs::path folder = golden_folder(GetParam());
  const Model model = Model::load(folder);
  const ModelConfig& config = model.config();
  const SafetensorsFile golden(folder / "copies_float64.safetensors");
  const auto prompts = golden_prompts(folder);
  EXPECT_GE(golden.tensors().size(), 3U);
  for (const StoredTensor& tensor : golden.tensors()) {
    const std::string& key = tensor.name;
    SCOPED_TRACE(key);
    const std::size_t slash = key.find('/');
    const auto prompt = std::ranges::find(prompts, key.substr(0, slash),
                                          [](const auto& entry) { return entry.first; });
    ASSERT_NE(prompt, prompts.end());
    const Site site = parse_site(key.substr(slash + 1), config).site;
    Hooks<double> hooks;
    hooks.add(site.kind, site.layer, [&](const HookContext&, MatrixView<double> values) {
      const Index first = values.cols - config.d_model;
      for (Index i = 2; i < values.rows; ++i) {
        for (Index c = 0; c < config.d_model; ++c) {
          double& x = values(i, first + c);
          x = x / 2 + std::sin(static_cast<double>(c));
        }
      }
    });
    std::vector<double> actual;
    hooks.add(HookKind::logits, -1, [&](const HookContext&, MatrixView<double> logits) {
      actual.assign(logits.data, logits.data + logits.rows * logits.cols);
    });
    const std::vector<std::vector<TokenId>> texts = {prompt->second};
    run_forward<double>(config, model.weights<double>(), pack(texts), hooks, {}, Backend::packed);
    std::vector<double> expected(actual.size());
    ASSERT_EQ(tensor.bytes.size(), expected.size() * sizeof(double));
    std::memcpy(expected.data(), tensor.bytes.data(), tensor.bytes.size());
    test::expect_close(key, std::span<const double>(actual), std::span<const double>(expected),
                       {kDoubleTolerance * 1e-3, kDoubleTolerance});
  }
}

// model.gguf beside the other files: tools/make_gguf_golden.py. `version` replaces the file's own,
// 3; up to version 3, nothing but big-endian files was added to version 2.
Model gguf_model(const std::string& name, std::uint32_t version, test::MemoryFile& file) {
  const MappedFile stored(golden_folder(name) / "model.gguf");
  std::string content(reinterpret_cast<const char*>(stored.bytes().data()), stored.bytes().size());
  std::memcpy(content.data() + 4, &version, sizeof(version));
  file.set(content);
  return Model::load(file.path());
}

class GoldenGguf : public testing::TestWithParam<std::pair<const char*, double>> {};

TEST_P(GoldenGguf, EveryHookPointInDouble) {
  const auto& [name, tolerance] = GetParam();
  for (const std::uint32_t version : {2U, 3U}) {
    test::MemoryFile file;
    compare_every_hook<double>(gguf_model(name, version, file), name,
                               "activations_float64.safetensors", Backend::blas, tolerance);
  }
}

TEST_P(GoldenGguf, HasTheIdsOfTheHuggingFaceTokenizer) {
  test::MemoryFile file;
  const Model model = gguf_model(GetParam().first, 3, file);
  const Json expected = read_json_file(golden_folder(GetParam().first) / "expected.json");
  for (const Json& encoding : expected["encodings"]) {
    const auto text = encoding["text"].get<std::string>();
    EXPECT_EQ(model.tokenizer().encode(text), encoding["ids"].get<std::vector<TokenId>>()) << text;
  }
  EXPECT_EQ(model.tokenizer().bos(), 0);
  EXPECT_TRUE(model.tokenizer().is_special(0));
}

// GGUF rounds the norm's epsilon to float32, by 6e-8 of itself at most: 1/sqrt(x² + eps) changes by
// 3e-8 eps / x², with x² above 0.05 by 6e-10 (eps 1e-3: GPT-2, sequential GPT-NeoX) and 6e-12; the
// factors of Llama 3's frequencies are rounded too, so that an angle, of up to 19 radians, is off
// by 1e-6.
INSTANTIATE_TEST_SUITE_P(Tiny, GoldenGguf,
                         testing::Values(std::pair{"gpt2-tiny-inner", 1e-8},
                                         std::pair{"llama-tiny-llama3", 1e-5},
                                         std::pair{"qwen2-tiny", 1e-10},
                                         std::pair{"gpt-neox-tiny", 1e-10},
                                         std::pair{"gpt-neox-tiny-sequential", 1e-8}),
                         [](const auto& model) {
                           std::string name = model.param.first;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace gnomon
