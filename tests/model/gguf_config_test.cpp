// SPDX-License-Identifier: Apache-2.0
// What the keys of a GGUF file say about the model; the values that they lead to are compared with
// Hugging Face in golden_test.cpp.
#include "gnomon/model/gguf_config.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "gnomon/base/error.h"
#include "gnomon/model/family.h"
#include "gnomon/model/gguf_tokenizer.h"
#include "gnomon/model/model.h"
#include "support/gguf_bytes.h"
#include "support/memory_file.h"

namespace gnomon {
namespace {

using namespace test::gguf_types;
using test::GgufBytes;
using ::testing::HasSubstr;

// Appends the value of a key, type first.
using Value = std::function<void(GgufBytes&)>;
using Keys = std::map<std::string, Value>;

Value whole(std::uint32_t value) {
  return [=](GgufBytes& b) { b.u32(U32).u32(value); };
}
Value number(float value) {
  return [=](GgufBytes& b) { b.u32(F32).put(value); };
}
Value flag(bool value) {
  return [=](GgufBytes& b) { b.u32(BOOL).put(static_cast<std::uint8_t>(value)); };
}
Value text(std::string value) {
  return [=](GgufBytes& b) { b.u32(STRING).text(value); };
}
Value texts(std::vector<std::string> values) {
  return [=](GgufBytes& b) {
    b.u32(ARRAY).u32(STRING).u64(values.size());
    for (const std::string& value : values) b.text(value);
  };
}
Value wholes(std::vector<std::int32_t> values) {
  return [=](GgufBytes& b) {
    b.u32(ARRAY).u32(I32).u64(values.size());
    for (const std::int32_t value : values) b.put(value);
  };
}
Value numbers(std::vector<float> values) {
  return [=](GgufBytes& b) {
    b.u32(ARRAY).u32(F32).u64(values.size());
    for (const float value : values) b.put(value);
  };
}

Keys llama_keys(const std::string& architecture = "llama") {
  Keys keys = {{"general.architecture", text(architecture)}};
  const Keys sizes = {{"block_count", whole(2)},
                      {"context_length", whole(100)},
                      {"embedding_length", whole(24)},
                      {"feed_forward_length", whole(40)},
                      {"attention.head_count", whole(4)},
                      {"attention.head_count_kv", whole(2)},
                      {"attention.layer_norm_rms_epsilon", number(1e-5F)}};
  for (const auto& [name, value] : sizes) keys[architecture + "." + name] = value;
  return keys;
}

Keys gpt2_keys() {
  return {{"general.architecture", text("gpt2")},
          {"gpt2.block_count", whole(2)},
          {"gpt2.context_length", whole(100)},
          {"gpt2.embedding_length", whole(24)},
          {"gpt2.feed_forward_length", whole(96)},
          {"gpt2.attention.head_count", whole(4)},
          {"gpt2.attention.layer_norm_epsilon", number(1e-5F)}};
}

Keys gpt_neox_keys() {
  return {{"general.architecture", text("gptneox")},
          {"gptneox.block_count", whole(2)},
          {"gptneox.context_length", whole(100)},
          {"gptneox.embedding_length", whole(24)},
          {"gptneox.feed_forward_length", whole(96)},
          {"gptneox.attention.head_count", whole(4)},
          {"gptneox.rope.dimension_count", whole(4)},
          {"gptneox.use_parallel_residual", flag(true)},
          {"gptneox.attention.layer_norm_epsilon", number(1e-5F)}};
}

Keys tokenizer_keys(const std::string& architecture = "llama") {
  return {{"general.architecture", text(architecture)},
          {"tokenizer.ggml.model", text("gpt2")},
          {"tokenizer.ggml.pre", text("gpt-2")},
          {"tokenizer.ggml.tokens", texts({"a", "b", "ab", "<s>"})},
          {"tokenizer.ggml.token_type", wholes({1, 1, 1, 3})},
          {"tokenizer.ggml.merges", texts({"a b"})}};
}

// The file of these keys and, where `factors` has any, of the tensor by which rotary frequencies
// are divided.
std::string file_of(const Keys& keys, const std::vector<float>& factors = {}) {
  GgufBytes b;
  b.header(factors.empty() ? 0 : 1, keys.size());
  for (const auto& [name, put_value] : keys) {
    b.text(name);
    put_value(b);
  }
  if (factors.empty()) return b.str();
  b.tensor("rope_freqs.weight", {factors.size()}, 0, 0).pad();
  for (const float factor : factors) b.put(factor);
  return b.str();
}

ModelConfig config_of(const Keys& keys, const std::vector<float>& factors = {}) {
  test::MemoryFile memory;
  memory.set(file_of(keys, factors));
  const GgufFile file(memory.path());
  return find_gguf_family(*file.find_string("general.architecture"))->config_from_gguf(file);
}

Keys with(Keys keys, const std::string& name, const Value& value) {
  keys[name] = value;
  return keys;
}

template <class Error>
std::string refusal(const Keys& keys, const std::vector<float>& factors = {}) {
  try {
    config_of(keys, factors);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(GgufConfig, ReadsTheSizesOfEveryArchitecture) {
  for (const std::string architecture : {"llama", "mistral", "qwen2"}) {
    const ModelConfig config = config_of(llama_keys(architecture));
    EXPECT_EQ(config.architecture, architecture);
    EXPECT_EQ(config.n_layers, 2);
    EXPECT_EQ(config.n_ctx, 100);
    EXPECT_EQ(config.n_kv_heads, 2);
    EXPECT_EQ(config.d_head, 6);
    EXPECT_EQ(config.norm_eps, 1e-5F);
    EXPECT_EQ(config.rotary_frequency,
              (std::vector<double>{1, std::pow(1e4, -2. / 6), std::pow(1e4, -4. / 6)}));
    EXPECT_EQ(config.d_vocab, 0);
  }
  const ModelConfig gpt2 = config_of(gpt2_keys());
  EXPECT_EQ(gpt2.n_kv_heads, 4);
  EXPECT_EQ(gpt2.d_mlp, 96);
  EXPECT_TRUE(gpt2.rotary_frequency.empty());
  const ModelConfig neox = config_of(gpt_neox_keys());
  EXPECT_EQ(neox.d_head, 6);
  EXPECT_EQ(neox.rotary_frequency, (std::vector<double>{1, std::pow(1e4, -2. / 4)}));
  EXPECT_TRUE(neox.parallel_block);
  EXPECT_EQ(neox.activation, Activation::gelu);
  EXPECT_FALSE(config_of(with(gpt_neox_keys(), "gptneox.use_parallel_residual", flag(false)))
                   .parallel_block);
}

TEST(GgufConfig, TakesAListOfEqualSizesAsOne) {
  EXPECT_EQ(
      config_of(with(llama_keys(), "llama.attention.head_count_kv", wholes({1, 1}))).n_kv_heads, 1);
  EXPECT_THAT(
      refusal<UnsupportedError>(with(llama_keys(), "llama.feed_forward_length", wholes({40, 44}))),
      HasSubstr("\"llama.feed_forward_length\" is 40 and 44, expected the same for every"));
  EXPECT_THAT(refusal<FileError>(with(llama_keys(), "llama.block_count", wholes({}))),
              HasSubstr("is not a whole number"));
  EXPECT_THAT(refusal<FileError>(with(llama_keys(), "llama.block_count", texts({"2"}))),
              HasSubstr("is not a whole number"));
}

TEST(GgufConfig, LimitsTheContextToTheWindow) {
  const std::string key = "llama.attention.sliding_window";
  EXPECT_EQ(config_of(with(llama_keys(), key, whole(30))).n_ctx, 30);
  EXPECT_EQ(config_of(with(llama_keys(), key, whole(4096))).n_ctx, 100);
  EXPECT_EQ(config_of(with(llama_keys(), key, whole(0))).n_ctx, 100);
}

TEST(GgufConfig, DividesRotaryFrequencies) {
  const std::vector<double> plain = config_of(llama_keys()).rotary_frequency;
  const auto expect_ratio = [&](const Keys& keys, const std::vector<float>& factors,
                                const std::vector<double>& ratio) {
    const std::vector<double> frequency = config_of(keys, factors).rotary_frequency;
    ASSERT_EQ(frequency.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(frequency[i], plain[i] / ratio[i]);
  };
  const Keys linear = with(llama_keys(), "llama.rope.scaling.factor", number(4));
  expect_ratio(linear, {}, {4, 4, 4});
  expect_ratio(with(linear, "llama.rope.scaling.type", text("linear")), {}, {4, 4, 4});
  expect_ratio(with(linear, "llama.rope.scaling.type", text("none")), {}, {1, 1, 1});
  expect_ratio(with(linear, "llama.rope.scaling.original_context_length", whole(25)), {},
               {4, 4, 4});
  expect_ratio(with(llama_keys(), "llama.rope.scale_linear", number(2)), {}, {2, 2, 2});
  expect_ratio(llama_keys(), {1, 2, 8}, {1, 2, 8});
  expect_ratio(linear, {1, 2, 8}, {4, 8, 32});
  const ModelConfig base = config_of(with(llama_keys(), "llama.rope.freq_base", number(500)));
  EXPECT_EQ(base.rotary_frequency[1], std::pow(500.0, -2. / 6));
}

TEST(GgufConfig, RefusesRotaryPositionsThatItDoesNotHave) {
  const std::string type = "llama.rope.scaling.type";
  EXPECT_THAT(refusal<UnsupportedError>(with(llama_keys(), type, text("yarn"))),
              HasSubstr("rope scaling \"yarn\", expected \"none\" or \"linear\""));
  EXPECT_THAT(refusal<UnsupportedError>(with(llama_keys(), type, text("longrope"))),
              HasSubstr("longrope"));
  EXPECT_THAT(
      refusal<UnsupportedError>(with(llama_keys(), "llama.rope.scaling.attn_factor", number(1.5F))),
      HasSubstr("key \"llama.rope.scaling.attn_factor\" is 1.5, expected 1"));
  EXPECT_THAT(refusal<UnsupportedError>(with(llama_keys(), "llama.rope.dimension_count", whole(4))),
              HasSubstr("\"llama.rope.dimension_count\" is 4, expected 6"));
  EXPECT_THAT(
      refusal<UnsupportedError>(with(llama_keys(), "llama.attention.value_length", whole(8))),
      HasSubstr("value_length\" is 8, expected 6"));
  EXPECT_THAT(refusal<FileError>(with(llama_keys(), "llama.rope.scaling.factor", number(-2))),
              HasSubstr("rope scaling by -2"));
  EXPECT_THAT(refusal<FileError>(llama_keys(), {1, 1}),
              HasSubstr("tensor \"rope_freqs.weight\" has shape [2], expected [3]"));
  EXPECT_THAT(refusal<FileError>(llama_keys(), {1, 0, 1}), HasSubstr("has the factor 0"));
  EXPECT_THAT(refusal<FileError>(llama_keys(), {1, std::nanf(""), 1}), HasSubstr("the factor nan"));
}

TEST(GgufConfig, RefusesEveryKeyThatItDoesNotObey) {
  for (const char* name : {"attention.scale", "attention.layer_norm_epsilon", "logit_scale",
                           "rope.scaling.yarn_beta_fast", "embedding_scale", "new_in_version_9"}) {
    const std::string key = std::string("llama.") + name;
    EXPECT_THAT(refusal<UnsupportedError>(with(llama_keys(), key, number(1))),
                HasSubstr("key \"" + key + "\": the forward pass has no such step"));
  }
  EXPECT_THAT(refusal<UnsupportedError>(with(gpt2_keys(), "gpt2.rope.freq_base", number(1e4F))),
              HasSubstr("key \"gpt2.rope.freq_base\""));
  EXPECT_THAT(refusal<UnsupportedError>(with(llama_keys(), "llama.expert_count", whole(8))),
              HasSubstr("key \"llama.expert_count\" is 8, expected 0"));
  EXPECT_THAT(refusal<UnsupportedError>(with(llama_keys(), "llama.attention.causal", flag(false))),
              HasSubstr("\"llama.attention.causal\" is 0, expected 1"));
  EXPECT_EQ(refusal<Error>(with(llama_keys(), "llama.attention.causal", flag(true))), "accepted");
  EXPECT_EQ(refusal<Error>(with(llama_keys(), "llama.expert_count", whole(0))), "accepted");
  EXPECT_EQ(refusal<Error>(with(llama_keys(), "qwen2.attention.scale", number(2))), "accepted");
}

TEST(GgufConfig, NeedsTheEpsilonOfTheNorm) {
  Keys keys = llama_keys();
  keys.erase("llama.attention.layer_norm_rms_epsilon");
  EXPECT_THAT(refusal<FileError>(keys),
              HasSubstr("lacks the key \"llama.attention.layer_norm_rms"));
  keys = gpt2_keys();
  keys.erase("gpt2.attention.layer_norm_epsilon");
  EXPECT_THAT(refusal<FileError>(keys), HasSubstr("lacks the key \"gpt2.attention.layer_norm_eps"));
}

TEST(GgufConfig, RefusesTheOneGptNeoxWithAnotherActivation) {
  Keys keys = with(gpt_neox_keys(), "gptneox.block_count", whole(44));
  keys["gptneox.embedding_length"] = whole(6144);
  EXPECT_THAT(refusal<UnsupportedError>(keys), HasSubstr("GPT-NeoX-20B, whose activation"));
}

TEST(GgufConfig, NeedsToKnowHowTheBlocksOfGptNeoxAreJoined) {
  Keys keys = gpt_neox_keys();
  keys.erase("gptneox.use_parallel_residual");
  EXPECT_THAT(refusal<FileError>(keys), HasSubstr("lacks the key \"gptneox.use_parallel_residual"));
  EXPECT_THAT(
      refusal<UnsupportedError>(with(gpt_neox_keys(), "gptneox.rope.scaling.type", text("yarn"))),
      HasSubstr("rope scaling \"yarn\""));
  EXPECT_THAT(
      refusal<UnsupportedError>(with(gpt_neox_keys(), "gptneox.attention.head_count_kv", whole(2))),
      HasSubstr("head_count_kv\" is 2, expected 4"));
}

template <class Error>
std::string load_refusal(const std::string& content) {
  test::MemoryFile memory;
  memory.set(content);
  try {
    Model::load(memory.path());
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(GgufModel, RefusesPartsAndOtherThingsThanModels) {
  const auto refused = [](const std::string& key, const Value& value) {
    return load_refusal<UnsupportedError>(file_of(with(llama_keys(), key, value)));
  };
  EXPECT_THAT(refused("general.type", text("adapter")),
              HasSubstr("key \"general.type\" is \"adapter\", expected \"model\""));
  EXPECT_THAT(refused("split.count", whole(3)), HasSubstr("key \"split.count\" is 3"));
  EXPECT_THAT(refused("general.quantization_version", whole(1)), HasSubstr("is 1, expected 2"));
  EXPECT_THAT(load_refusal<FileError>(file_of(llama_keys())), HasSubstr("token_embd.weight"));
}

TEST(GgufModel, ComparesTheVocabularyWithTheEmbedding) {
  GgufBytes b;
  const Keys keys = with(llama_keys(), "llama.vocab_size", whole(9));
  b.header(1, keys.size());
  for (const auto& [name, put_value] : keys) {
    b.text(name);
    put_value(b);
  }
  b.tensor("token_embd.weight", {24, 8}, 0, 0).pad().raw(std::string(24 * 8 * 4, '\0'));
  EXPECT_THAT(load_refusal<FileError>(b.str()),
              HasSubstr("\"token_embd.weight\" has 8 rows, expected \"llama.vocab_size\" = 9"));
}

std::shared_ptr<const Tokenizer> tokenizer_of(const Keys& keys) {
  test::MemoryFile memory;
  memory.set(file_of(keys));
  return gguf_tokenizer(GgufFile(memory.path()));
}

template <class Error>
std::string tokenizer_refusal(const Keys& keys) {
  try {
    tokenizer_of(keys);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(GgufTokenizer, ReadsWhatSaysTheIds) {
  Keys keys = tokenizer_keys();
  keys["tokenizer.ggml.bos_token_id"] = whole(3);
  keys["tokenizer.ggml.eos_token_id"] = whole(0xffffffff);
  keys["tokenizer.ggml.add_bos_token"] = flag(true);
  keys["tokenizer.ggml.add_space_prefix"] = flag(false);
  keys["tokenizer.ggml.padding_token_id"] = whole(3);
  keys["tokenizer.ggml.eog_token_ids"] = wholes({3});
  keys["tokenizer.chat_template"] = text("{{ }}");
  const auto tokenizer = tokenizer_of(keys);
  EXPECT_EQ(tokenizer->encode("abb<s>"), (std::vector<TokenId>{2, 1, 3}));
  EXPECT_EQ(tokenizer->bos(), 3);
  EXPECT_FALSE(tokenizer->eos().has_value());
  EXPECT_EQ(tokenizer_of({{"general.architecture", text("llama")}}), nullptr);
}

TEST(GgufTokenizer, RefusesWhatChangesTheText) {
  EXPECT_THAT(tokenizer_refusal<UnsupportedError>(
                  with(tokenizer_keys(), "tokenizer.ggml.add_space_prefix", flag(true))),
              HasSubstr("key \"tokenizer.ggml.add_space_prefix\" is true, expected false"));
  EXPECT_THAT(tokenizer_refusal<UnsupportedError>(
                  with(tokenizer_keys(), "tokenizer.ggml.precompiled_charsmap", wholes({1}))),
              HasSubstr("\"tokenizer.ggml.precompiled_charsmap\": the tokenizer has no such step"));
  EXPECT_THAT(tokenizer_refusal<UnsupportedError>(
                  with(tokenizer_keys(), "tokenizer.ggml.model", text("t5"))),
              HasSubstr("tokenizer \"t5\", expected \"gpt2\" (byte-level BPE) or \"llama\""));
}

// "a", "b", "ab", a mark, an unknown and a control token, and every byte.
Keys sentencepiece_keys() {
  std::vector<std::string> pieces = {"a", "b", "ab", "\u2581", "<unk>", "<s>"};
  std::vector<std::int32_t> types = {1, 1, 1, 1, 2, 3};
  std::vector<float> scores = {-2, -3, -1, -4, 0, 0};
  for (int byte = 0; byte < 256; ++byte) {
    pieces.push_back(fmt::format("<0x{:02X}>", byte));
    types.push_back(6);
    scores.push_back(0);
  }
  return {{"general.architecture", text("llama")},    {"tokenizer.ggml.model", text("llama")},
          {"tokenizer.ggml.tokens", texts(pieces)},   {"tokenizer.ggml.token_type", wholes(types)},
          {"tokenizer.ggml.scores", numbers(scores)}, {"tokenizer.ggml.bos_token_id", whole(5)}};
}

TEST(GgufTokenizer, ReadsSentencePiece) {
  const auto tokenizer = tokenizer_of(sentencepiece_keys());
  EXPECT_EQ(tokenizer->encode("ab<s>ab\n"), (std::vector<TokenId>{3, 2, 5, 3, 2, 16}));
  EXPECT_EQ(tokenizer->bos(), 5);
  EXPECT_TRUE(tokenizer->is_special(4));
  const auto without =
      tokenizer_of(with(sentencepiece_keys(), "tokenizer.ggml.add_space_prefix", flag(false)));
  EXPECT_EQ(without->encode("ab<s>ab"), (std::vector<TokenId>{2, 5, 2}));
  EXPECT_EQ(
      tokenizer_refusal<Error>(with(sentencepiece_keys(), "tokenizer.ggml.pre", text("default"))),
      "accepted");
  EXPECT_THAT(tokenizer_refusal<UnsupportedError>(
                  with(sentencepiece_keys(), "tokenizer.ggml.pre", text("gpt-2"))),
              HasSubstr("is \"gpt-2\" beside tokenizer \"llama\", expected \"default\" or none"));
  Keys keys = sentencepiece_keys();
  keys.erase("tokenizer.ggml.scores");
  EXPECT_THAT(tokenizer_refusal<FileError>(keys),
              HasSubstr("key \"tokenizer.ggml.scores\" is missing"));
  EXPECT_THAT(tokenizer_refusal<FileError>(
                  with(sentencepiece_keys(), "tokenizer.ggml.scores", texts({"a"}))),
              HasSubstr("\"tokenizer.ggml.scores\" is not an array of numbers"));
}

TEST(GgufTokenizer, GuessesNoPreTokenizer) {
  const std::string key = "tokenizer.ggml.pre";
  Keys unnamed = tokenizer_keys();
  unnamed.erase(key);
  EXPECT_THAT(tokenizer_refusal<UnsupportedError>(unnamed),
              HasSubstr("\"tokenizer.ggml.pre\" is missing"));
  EXPECT_THAT(tokenizer_refusal<UnsupportedError>(with(tokenizer_keys(), key, text("default"))),
              HasSubstr("is \"default\", expected the name of a pre-tokenizer"));
  unnamed["general.architecture"] = text("gpt2");
  EXPECT_EQ(tokenizer_of(unnamed)->encode("ab"), (std::vector<TokenId>{2}));
  EXPECT_EQ(tokenizer_of(with(tokenizer_keys("gpt2"), key, text("default")))->encode("ab"),
            (std::vector<TokenId>{2}));
  unnamed["general.architecture"] = text("gptneox");
  EXPECT_THAT(tokenizer_refusal<UnsupportedError>(unnamed), HasSubstr("is missing"));
}

}  // namespace
}  // namespace gnomon
