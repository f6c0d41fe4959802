// SPDX-License-Identifier: Apache-2.0
// What is wrong in a config.json; what the right ones lead to is compared with Hugging Face in
// golden_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/model/family.h"
#include "gnomon/model/model.h"
#include "gnomon/tensor/safetensors.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using ::testing::HasSubstr;

// Of the family's configuration with `key` as `value`.
std::string refusal(std::string_view family, const std::string& key, const Json& value) {
  Json json =
      family == "gpt2"
          ? parse_json(R"({"n_layer": 2, "n_embd": 24, "n_head": 4, "n_positions": 64,
                           "vocab_size": 300})",
                       "config.json")
          : parse_json(R"({"num_hidden_layers": 2, "hidden_size": 24, "num_attention_heads": 4,
                           "intermediate_size": 40, "vocab_size": 300,
                           "max_position_embeddings": 64})",
                       "config.json");
  json[key] = value;
  try {
    check_config(find_family(family)->config_from_json(json, "config.json"), "config.json");
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(ConfigJson, RefusesSizesThatNoModelHas) {
  EXPECT_EQ(refusal("gpt2", "n_layer", 3), "accepted");
  EXPECT_THAT(refusal("gpt2", "n_layer", 0),
              HasSubstr("n_layers is 0, expected a number between 1"));
  EXPECT_THAT(refusal("gpt2", "n_layer", -1),
              HasSubstr("\"n_layer\" is -1, expected a number between 0 and 2147483647"));
  // Four times this is the width of the MLP where none is stated, beyond 63 bits.
  EXPECT_THAT(refusal("gpt2", "n_embd", std::int64_t{1} << 62), HasSubstr("\"n_embd\" is 4611686"));
  EXPECT_THAT(refusal("gpt2", "n_embd", ~std::uint64_t{0}), HasSubstr("is 18446744073709551615"));
  EXPECT_THAT(refusal("gpt2", "n_embd", 24.5), HasSubstr("\"n_embd\" is not an integer"));
  EXPECT_THAT(refusal("llama", "head_dim", 5), HasSubstr("5 rotary channels, expected an even"));
}

TEST(ConfigJson, RefusesRotaryFrequenciesThatAreNoNumbers) {
  EXPECT_EQ(refusal("llama", "rope_scaling", {{"type", "linear"}, {"factor", 2}}), "accepted");
  EXPECT_THAT(refusal("llama", "rope_scaling", {{"type", "linear"}, {"factor", 0}}),
              HasSubstr("a rotary frequency is inf, expected a positive number"));
  EXPECT_THAT(refusal("llama", "rope_scaling", {{"type", "linear"}, {"factor", -1}}),
              HasSubstr("a rotary frequency is -1"));
  EXPECT_THAT(refusal("llama", "rope_theta", -1), HasSubstr("rope theta is -1"));
}

TEST(ConfigJson, RefusesRotaryParametersThatItDoesNotObey) {
  EXPECT_EQ(refusal("llama", "rope_parameters",
                    {{"rope_type", "default"}, {"rope_theta", 500.0}, {"factor", nullptr}}),
            "accepted");
  EXPECT_THAT(refusal("llama", "rope_parameters", {{"rope_type", "yarn"}, {"beta_fast", 32}}),
              HasSubstr("rope scaling \"yarn\", expected default, linear or llama3"));
  // Parameters for each type of layer; their theta must not be taken for absent.
  for (const std::string_view family : {"llama", "mistral", "qwen2", "gpt_neox"}) {
    EXPECT_THAT(
        refusal(family, "rope_parameters",
                {{"full_attention", {{"rope_type", "default"}, {"rope_theta", 1e6}}},
                 {"partial_rotary_factor", 1.0}}),
        HasSubstr("rope_parameters\": \"full_attention\": the forward pass has no such step"))
        << family;
  }
  EXPECT_THAT(refusal("llama", "rope_scaling", {{"type", "linear"}, {"mrope_section", {1, 2}}}),
              HasSubstr("rope_scaling\": \"mrope_section\": the forward pass has no such step"));
  EXPECT_THAT(refusal("llama", "partial_rotary_factor", 0.5),
              HasSubstr("\"partial_rotary_factor\" is 0.5, expected 1"));
  EXPECT_THAT(refusal("qwen2", "rope_parameters",
                      {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}}),
              HasSubstr("\"partial_rotary_factor\" is 0.5, expected 1"));
}

TEST(ConfigJson, TakesTheRotaryParametersThatTransformersTakes) {
  const auto frequency = [](std::string_view family, const char* more) {
    Json json = parse_json(R"({"num_hidden_layers": 2, "hidden_size": 24, "num_attention_heads": 2,
                               "intermediate_size": 40, "vocab_size": 300, "rope_theta": 500,
                               "max_position_embeddings": 64})",
                           "config.json");
    json.update(parse_json(more, "config.json"));
    return find_family(family)->config_from_json(json, "config.json").rotary_frequency;
  };
  EXPECT_EQ(frequency("llama", "{}")[1], std::pow(500, -2. / 12));
  EXPECT_EQ(frequency("llama", R"({"rope_scaling": {"type": "linear", "factor": 4}})")[1],
            std::pow(500, -2. / 12) / 4);
  EXPECT_EQ(frequency("llama",
                      R"({"rope_scaling": {"type": "linear", "factor": 4, "rope_theta": 123}})")[1],
            std::pow(123, -2. / 12) / 4);
  EXPECT_EQ(frequency("gpt_neox", R"({"rope_scaling": {"type": "default",
                                      "partial_rotary_factor": 1.0}})")
                .size(),
            6u);
  EXPECT_THROW(frequency("llama", R"({"rope_scaling": {"type": "linear", "factor": 4},
                                      "rope_parameters": {"rope_type": "default"}})"),
               UnsupportedError);
}

TEST(ConfigJson, RefusesSizesThatSayTwoThings) {
  EXPECT_THAT(refusal("gpt_neox", "head_dim", 8), HasSubstr("\"head_dim\" is 8, expected"));
  Json json = parse_json(R"({"num_hidden_layers": 2, "hidden_size": 24, "num_attention_heads": 4,
      "intermediate_size": 40, "vocab_size": 300, "max_position_embeddings": 64,
      "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                       "high_freq_factor": 4, "original_max_position_embeddings": 32}})",
                         "config.json");
  const auto read = [&] { find_family("llama")->config_from_json(json, "config.json"); };
  json["original_max_position_embeddings"] = 32;
  EXPECT_NO_THROW(read());
  json["original_max_position_embeddings"] = 16;
  EXPECT_THROW(read(), UnsupportedError);
}

// Keys of which the second is transformers' own name for the first, and wins there.
TEST(ConfigJson, TakesGpt2SizesByEitherName) {
  for (const auto& [key, other] :
       {std::pair{"n_head", "num_attention_heads"}, std::pair{"n_layer", "num_hidden_layers"},
        std::pair{"n_embd", "hidden_size"}, std::pair{"n_positions", "max_position_embeddings"}}) {
    const Json stored = {{"n_head", 4}, {"n_layer", 2}, {"n_embd", 24}, {"n_positions", 64}};
    EXPECT_EQ(refusal("gpt2", other, stored[key]), "accepted") << other;
    EXPECT_THAT(refusal("gpt2", other, 8), HasSubstr(other)) << other;
    Json json = stored;
    json["vocab_size"] = 300;
    json.erase(key);
    json[other] = stored[key];
    EXPECT_NO_THROW(find_family("gpt2")->config_from_json(json, "config.json")) << other;
  }
}

TEST(ConfigJson, ASlidingWindowIsThatOfTransformersWhereNoneIsNamed) {
  Json json = parse_json(R"({"num_hidden_layers": 2, "hidden_size": 24, "num_attention_heads": 4,
      "intermediate_size": 40, "vocab_size": 300, "max_position_embeddings": 8192})",
                         "config.json");
  const auto n_ctx = [&](std::string_view family) {
    return find_family(family)->config_from_json(json, "config.json").n_ctx;
  };
  EXPECT_EQ(n_ctx("mistral"), 4096);
  EXPECT_EQ(n_ctx("qwen2"), 8192);
  json["use_sliding_window"] = true;
  EXPECT_EQ(n_ctx("qwen2"), 4096);
  json["sliding_window"] = 20;
  EXPECT_EQ(n_ctx("qwen2"), 20);
  json["sliding_window"] = nullptr;
  EXPECT_EQ(n_ctx("qwen2"), 8192);
}

// transformers takes the stored one in spite of the tie.
TEST(ConfigJson, RefusesATieThatTheFileContradicts) {
  const std::filesystem::path stored = GNOMON_TEST_DATA "/models/llama-tiny";
  const SafetensorsFile file(stored / "model.safetensors");
  const StoredTensor embedding = *file.find("model.embed_tokens.weight");
  std::vector<StoredTensor> tensors(file.tensors().begin(), file.tensors().end());
  std::vector<std::byte> numbers(embedding.bytes.begin(), embedding.bytes.end());
  tensors.push_back({"lm_head.weight", embedding.dtype, embedding.shape, numbers});
  const test::TemporaryFolder folder;
  folder.write("config.json", read_text_file(stored / "config.json"));
  write_safetensors(folder / "model.safetensors", tensors, {});
  EXPECT_NO_THROW(Model::load(folder.path()));
  numbers[2] ^= std::byte{1};
  write_safetensors(folder / "model.safetensors", tensors, {});
  try {
    Model::load(folder.path());
    FAIL() << "expected FileError";
  } catch (const FileError& e) {
    EXPECT_THAT(e.what(), HasSubstr("is said to be tied, and tensor \"lm_head.weight\" has other"));
  }
}

TEST(ConfigJson, RefusesOtherModelsByName) {
  const auto refused = [](const char* key, const Json& value) -> std::string {
    const test::TemporaryFolder folder;
    Json json = read_json_file(GNOMON_TEST_DATA "/models/llama-tiny/config.json");
    json[key] = value;
    folder.write("config.json", json.dump());
    std::filesystem::copy_file(GNOMON_TEST_DATA "/models/llama-tiny/model.safetensors",
                               folder / "model.safetensors");
    try {
      Model::load(folder.path());
    } catch (const UnsupportedError& e) {
      return e.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refused("quantization_config", {{"quant_method", "gptq"}}),
              HasSubstr("\"quantization_config\": quantized weights are read from GGUF"));
  EXPECT_EQ(refused("quantization_config", nullptr), "accepted");
  for (const Json& value : {Json(false), Json(nullptr)})
    EXPECT_THAT(refused("is_causal", value), HasSubstr("\"is_causal\": attention that sees"));
  EXPECT_EQ(refused("is_causal", true), "accepted");
  EXPECT_THAT(refused("transformers_weights", "other.safetensors"),
              HasSubstr("\"transformers_weights\": the weights of another file"));
  EXPECT_THAT(refused("per_layer_config", {{"0", {{"head_dim", 8}}}}),
              HasSubstr("\"per_layer_config\": blocks that are not all alike"));
}

}  // namespace
}  // namespace gnomon
