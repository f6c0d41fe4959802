// SPDX-License-Identifier: Apache-2.0
// SmolLM2-135M against Hugging Face transformers on the same dequantised weights
// (tests/golden/models/smollm2-135m, tools/make_golden.py smollm2).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/model/forward.h"
#include "gnomon/model/model.h"
#include "gnomon/tensor/safetensors.h"
#include "support/expect_close.h"
#include "support/real_model.h"

namespace gnomon {
namespace {

template <class T>
std::vector<T> column(const SafetensorsFile& file, const std::string& name) {
  const StoredTensor* tensor = file.find(name);
  if (tensor == nullptr) throw std::runtime_error("no tensor " + name);
  std::vector<T> values(tensor->bytes.size() / sizeof(T));
  std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
  return values;
}

struct GoldenText {
  std::string text;
  std::vector<TokenId> ids;
  std::vector<double> log_prob;  // of each next token, by transformers in float32
  std::vector<std::int32_t> top1;
  std::vector<float> top1_margin;  // logit of the best token minus the second's
};

class SmolLm2Golden : public testing::Test {
 protected:
  void SetUp() override {
    const auto path = test::smollm2_path();
    if (!path) GTEST_SKIP() << test::kNoRealModel;
    model_ = std::make_unique<Model>(Model::load(*path));
    const std::filesystem::path folder =
        std::filesystem::path(GNOMON_TEST_DATA) / "models" / "smollm2-135m";
    golden_ = std::make_unique<SafetensorsFile>(folder / "logprobs.safetensors");
    const Json texts = read_json_file(folder / "texts.json");
    for (std::size_t t = 0; t < texts.size(); ++t) {
      const std::string key = fmt::format("{}", t);
      texts_.push_back({texts[t].get<std::string>(), column<TokenId>(*golden_, key + "/ids"),
                        column<double>(*golden_, key + "/float32/next_token_log_prob"),
                        column<std::int32_t>(*golden_, key + "/top1"),
                        column<float>(*golden_, key + "/top1_margin")});
    }
  }

  std::unique_ptr<Model> model_;
  std::unique_ptr<SafetensorsFile> golden_;
  std::vector<GoldenText> texts_;
};

double log_sum_exp(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

TEST_F(SmolLm2Golden, TokenIdsAreThoseOfTransformers) {
  for (const GoldenText& golden : texts_)
    EXPECT_EQ(model_->tokenizer().encode(golden.text), golden.ids) << golden.text;
}

// At least 50 texts, difference at most 2e-4: the bound of the project. Float32 itself differs from
// float64 by 4e-5 there (logprobs.json).
TEST_F(SmolLm2Golden, NextTokenLogProbabilitiesInFloat) {
  ASSERT_GE(texts_.size(), 50U);
  double worst = 0;
  for (const GoldenText& golden : texts_) {
    const std::vector<std::vector<TokenId>> one = {golden.ids};
    Hooks<float> hooks;
    hooks.add(HookKind::logits, -1, [&](const HookContext&, MatrixView<float> logits) {
      for (Index p = 0; p < logits.rows; ++p) {
        const std::span<const float> row = logits.row(p);
        const auto at = static_cast<std::size_t>(p);
        if (golden.top1_margin[at] > 1e-3F) {
          EXPECT_EQ(std::max_element(row.begin(), row.end()) - row.begin(), golden.top1[at])
              << golden.text;
        }
        if (at + 1 == golden.ids.size()) continue;
        const double log_prob =
            row[static_cast<std::size_t>(golden.ids[at + 1])] - log_sum_exp(row);
        worst = std::max(worst, std::abs(log_prob - golden.log_prob[at]));
      }
    });
    run_forward<float>(model_->config(), model_->weights<float>(), pack(one), hooks, {},
                       Backend::packed);
  }
  EXPECT_LE(worst, 2e-4);
  RecordProperty("worst_difference", fmt::format("{:.3g}", worst));
}

// Streams and neurons of three texts, both sides in float64.
TEST_F(SmolLm2Golden, StreamsAndNeuronsInDouble) {
  constexpr double kRelative = 1e-10;
  for (const std::size_t t : {std::size_t{0}, std::size_t{32}, std::size_t{63}}) {
    const std::vector<std::vector<TokenId>> one = {texts_[t].ids};
    const Index last = static_cast<Index>(texts_[t].ids.size()) - 1;
    Hooks<double> hooks;
    for (const char* name :
         {"blocks.0.hook_resid_post", "blocks.14.hook_resid_post", "blocks.29.hook_resid_post",
          "blocks.3.mlp.hook_post", "blocks.14.mlp.hook_post", "blocks.27.mlp.hook_post",
          "ln_final.hook_normalized"}) {
      const Site site = parse_site(name, model_->config()).site;
      hooks.add(site.kind, site.layer, [&, name](const HookContext&, MatrixView<double> values) {
        const std::vector<double> golden =
            column<double>(*golden_, fmt::format("{}/float64/{}", t, name));
        test::expect_close(name, std::span<const double>(values.row(last)),
                           std::span<const double>(golden), {0, kRelative});
      });
    }
    run_forward<double>(model_->config(), model_->weights<double>(), pack(one), hooks, {},
                        Backend::packed);
  }
}

}  // namespace
}  // namespace gnomon
