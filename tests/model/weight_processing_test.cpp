// SPDX-License-Identifier: Apache-2.0
// Every hook point of tiny random models under processed weights against TransformerLens's default
// processing (tests/golden/README.md, tools/make_golden.py processed).
#include "gnomon/model/weight_processing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/model/forward.h"
#include "gnomon/tensor/safetensors.h"
#include "support/expect_close.h"
#include "support/golden_models.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

// As of the raw goldens (golden_test.cpp): sums of up to 96 terms through two or three blocks round
// to about 1e-14 in double; in float the same in units of 6e-8, and the goldens are exact beside
// it.
constexpr double kDoubleTolerance = 1e-10;
constexpr double kFloatTolerance = 1e-4;

fs::path folder_of(const std::string& name) { return fs::path(GNOMON_TEST_DATA) / "models" / name; }

std::vector<double> values_of(const StoredTensor& tensor) {
  std::vector<double> values(tensor.bytes.size() / sizeof(double));
  std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  for (double& value : values) {
    if (std::isinf(value)) value = -1;
  }
  return values;
}

template <class T>
void compare_every_hook(const std::string& name, double relative) {
  const Model raw = Model::load(folder_of(name));
  const WeightProcessing processing = parse_weight_processing("transformerlens", raw.config());
  const Model model = process_weights(raw, processing);
  const ModelConfig& config = model.config();
  const SafetensorsFile golden(folder_of(name) / "processed_float64.safetensors");
  const std::vector<std::vector<TokenId>> ids = {
      read_json_file(folder_of(name) / "expected.json")["prompts"]["p7"]["ids"]
          .get<std::vector<TokenId>>()};
  std::size_t n_compared = 0;
  Hooks<T> hooks;
  for (const std::string& hook : hook_names(config)) {
    const Site site = parse_site(hook, config).site;
    // HookedTransformer has no hook_out of the norms.
    const StoredTensor* tensor = golden.find("p7/" + hook);
    if (tensor == nullptr) {
      EXPECT_TRUE(hook.ends_with("hook_out") || test::is_copy_of_stream(site.kind)) << hook;
      continue;
    }
    hooks.add(site.kind, site.layer, [&, hook, tensor](const HookContext&, MatrixView<T> found) {
      std::vector<double> values(found.data, found.data + found.rows * found.cols);
      for (double& value : values) {
        if (std::isinf(value)) value = -1;
      }
      const std::vector<double> expected = values_of(*tensor);
      test::expect_close(name + " " + hook, std::span<const double>(values),
                         std::span<const double>(expected), {relative * 1e-3, relative});
      ++n_compared;
    });
  }
  run_forward<T>(config, model.weights<T>(), pack(ids), hooks, {}, Backend::packed);
  EXPECT_EQ(n_compared, golden.tensors().size());
}

class WeightProcessingGolden : public testing::TestWithParam<const char*> {};

TEST_P(WeightProcessingGolden, EveryHookPointInDouble) {
  compare_every_hook<double>(GetParam(), kDoubleTolerance);
}

TEST_P(WeightProcessingGolden, EveryHookPointInFloat) {
  compare_every_hook<float>(GetParam(), kFloatTolerance);
}

INSTANTIATE_TEST_SUITE_P(Tiny, WeightProcessingGolden, test::golden_models(),
                         [](const auto& model) { return test::golden_model_name(model); });

TEST(WeightProcessing, StepsAreReadInAnyOrderAndNamedInOne) {
  const ModelConfig gpt2 = Model::load(folder_of("gpt2-tiny")).config();
  const auto name = [&](const char* text) {
    return weight_processing_name(parse_weight_processing(text, gpt2));
  };
  EXPECT_EQ(name("raw"), "raw");
  EXPECT_EQ(name("fold_value_biases,fold_ln"), "fold_ln,fold_value_biases");
  EXPECT_EQ(name("transformerlens"),
            "fold_ln,center_writing_weights,center_unembed,fold_value_biases");
  EXPECT_EQ(name("fold_ln,center_writing_weights,center_unembed,fold_value_biases"),
            name("transformerlens"));
  const ModelConfig llama = Model::load(folder_of("llama-tiny")).config();
  EXPECT_EQ(weight_processing_name(parse_weight_processing("transformerlens", llama)),
            "fold_ln,center_unembed,fold_value_biases");
  EXPECT_THROW(parse_weight_processing("center_writing_weights", llama), UnsupportedError);
}

TEST(WeightProcessing, WhatIsNoStepIsRefusedByName) {
  const ModelConfig gpt2 = Model::load(folder_of("gpt2-tiny")).config();
  for (const char* text : {"", "fold", "fold_ln,", "fold_ln,raw", "fold_ln,fold_ln",
                           "refactor_factored_attn_matrices", "TransformerLens"}) {
    EXPECT_THROW(parse_weight_processing(text, gpt2), ArgumentError) << text;
  }
  try {
    parse_weight_processing("fold_ln,centre_unembed", gpt2);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_NE(std::string(error.what()).find("centre_unembed"), std::string::npos);
    EXPECT_NE(error.hint().find("center_unembed"), std::string::npos) << error.hint();
  }
}

TEST(WeightProcessing, TheCopySaysWhatItIsAndTheModelStaysAsItWas) {
  const Model raw = Model::load(folder_of("gpt2-tiny"));
  const std::vector<double> before(raw.weights<double>().wte().row(3).begin(),
                                   raw.weights<double>().wte().row(3).end());
  const Model processed =
      process_weights(raw, parse_weight_processing("transformerlens", raw.config()));
  EXPECT_EQ(raw.source().weights, "raw");
  EXPECT_EQ(processed.source().weights,
            "fold_ln,center_writing_weights,center_unembed,fold_value_biases");
  EXPECT_NE(processed.sha256(), raw.sha256());
  EXPECT_TRUE(raw.config().tied_unembedding);
  EXPECT_FALSE(processed.config().tied_unembedding);
  EXPECT_TRUE(std::ranges::equal(raw.weights<double>().wte().row(3), before));
  EXPECT_EQ(process_weights(raw, {}).sha256(), raw.sha256());
  EXPECT_THROW(process_weights(processed, {{WeightStep::fold_ln}}), ArgumentError);
}

TEST(WeightProcessing, EveryStepAloneKeepsTheLogProbabilities) {
  for (const char* name : {"gpt2-tiny", "qwen2-tiny", "gpt-neox-tiny"}) {
    const Model raw = Model::load(folder_of(name));
    const std::vector<std::vector<TokenId>> ids = {{5, 17, 200, 3}, {250}};
    const auto log_probabilities = [&](const Model& model) {
      std::vector<double> values;
      Hooks<double> hooks;
      hooks.add(HookKind::logits, -1, [&](const HookContext&, MatrixView<double> logits) {
        for (Index i = 0; i < logits.rows; ++i) {
          const double largest = std::ranges::max(logits.row(i));
          double sum = 0;
          for (const double logit : logits.row(i)) sum += std::exp(logit - largest);
          for (const double logit : logits.row(i))
            values.push_back(logit - largest - std::log(sum));
        }
      });
      run_forward<double>(model.config(), model.weights<double>(), pack(ids), hooks, {},
                          Backend::packed);
      return values;
    };
    const std::vector<double> expected = log_probabilities(raw);
    for (const char* step :
         {"fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases"}) {
      if (raw.config().norm == NormKind::rms_norm && std::string(step) == "center_writing_weights")
        continue;
      const Model processed = process_weights(raw, parse_weight_processing(step, raw.config()));
      test::expect_close(std::string(name) + " " + step,
                         std::span<const double>(log_probabilities(processed)),
                         std::span<const double>(expected), {1e-10, 1e-10});
    }
  }
}

}  // namespace
}  // namespace gnomon
