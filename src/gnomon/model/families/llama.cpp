// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "gnomon/base/error.h"
#include "gnomon/model/config_reader.h"
#include "gnomon/model/families/families.h"
#include "gnomon/model/gguf_config.h"

namespace gnomon {
namespace {

constexpr WeightLayout kLinear = WeightLayout::out_in;

// Mistral and Qwen2 have Llama's blocks and names; Qwen2 adds biases to query, key and value.
constexpr std::array<WeightRow, 12> rows(bool qkv_bias) {
  return {
      WeightRow{WeightKind::wte, "embed_tokens", "token_embd", Axis::d_vocab, Axis::d_model,
                kLinear, false},
      WeightRow{WeightKind::ln_1, "layers.{}.input_layernorm", "blk.{}.attn_norm", Axis::none,
                Axis::d_model, kLinear, false},
      WeightRow{WeightKind::q_proj, "layers.{}.self_attn.q_proj", "blk.{}.attn_q", Axis::d_model,
                Axis::q_width, kLinear, qkv_bias},
      WeightRow{WeightKind::k_proj, "layers.{}.self_attn.k_proj", "blk.{}.attn_k", Axis::d_model,
                Axis::kv_width, kLinear, qkv_bias},
      WeightRow{WeightKind::v_proj, "layers.{}.self_attn.v_proj", "blk.{}.attn_v", Axis::d_model,
                Axis::kv_width, kLinear, qkv_bias},
      WeightRow{WeightKind::o_proj, "layers.{}.self_attn.o_proj", "blk.{}.attn_output",
                Axis::q_width, Axis::d_model, kLinear, false},
      WeightRow{WeightKind::ln_2, "layers.{}.post_attention_layernorm", "blk.{}.ffn_norm",
                Axis::none, Axis::d_model, kLinear, false},
      WeightRow{WeightKind::gate_proj, "layers.{}.mlp.gate_proj", "blk.{}.ffn_gate", Axis::d_model,
                Axis::d_mlp, kLinear, false},
      WeightRow{WeightKind::up_proj, "layers.{}.mlp.up_proj", "blk.{}.ffn_up", Axis::d_model,
                Axis::d_mlp, kLinear, false},
      WeightRow{WeightKind::down_proj, "layers.{}.mlp.down_proj", "blk.{}.ffn_down", Axis::d_mlp,
                Axis::d_model, kLinear, false},
      WeightRow{WeightKind::ln_f, "norm", "output_norm", Axis::none, Axis::d_model, kLinear, false},
      WeightRow{WeightKind::lm_head, "lm_head", "output", Axis::d_model, Axis::d_vocab, kLinear,
                false},
  };
}

constexpr std::array kRows = rows(false);
constexpr std::array kBiasedRows = rows(true);

constexpr GgufRowOrder kRotaryPairs = GgufRowOrder::rotary_pairs;
constexpr std::array<std::string_view, 1> kIgnoredEndings = {".rotary_emb.inv_freq"};

ModelConfig with_switches(ModelConfig config, std::string_view architecture) {
  config.architecture = architecture;
  config.norm = NormKind::rms_norm;
  config.gated_mlp = true;
  config.position = PositionKind::rotary;
  return config;
}

ModelConfig config_from_json(const ConfigReader& reader, std::string_view architecture,
                             std::string_view origin) {
  ModelConfig config;
  config.n_layers = reader.integer("num_hidden_layers");
  config.d_model = reader.integer("hidden_size");
  config.n_heads = reader.integer("num_attention_heads");
  config.n_kv_heads = reader.integer_or("num_key_value_heads", config.n_heads);
  config.d_head =
      reader.integer_or("head_dim", config.n_heads > 0 ? config.d_model / config.n_heads : 0);
  config.d_mlp = reader.integer("intermediate_size");
  config.d_vocab = reader.integer("vocab_size");
  config.n_ctx = reader.integer("max_position_embeddings");
  config.norm_eps = reader.number_or("rms_norm_eps", 1e-6);
  config.activation = reader.has("hidden_act") ? reader.activation("hidden_act") : Activation::silu;
  config.tied_unembedding = reader.boolean_or("tie_word_embeddings", false);
  // transformers 5 writes "rope_parameters" with the theta inside; earlier versions "rope_scaling"
  // beside it.
  const std::optional<ConfigReader> rope = reader.rope();
  const double old_theta = reader.number_or("rope_theta", 10000);
  const double old_share = reader.number_or("partial_rotary_factor", 1);
  const double theta = rope ? rope->number_or("rope_theta", old_theta) : old_theta;
  const double share = rope ? rope->number_or("partial_rotary_factor", old_share) : old_share;
  if (share != 1) {
    throw UnsupportedError(
        fmt::format("\"{}\": \"partial_rotary_factor\" is {}, expected 1", origin, share));
  }
  config.rotary_frequency = rotary_frequencies(config.d_head, theta, rope, origin);
  return with_switches(config, architecture);
}

ModelConfig llama_from_json(const Json& json, std::string_view origin) {
  const ConfigReader reader(json, origin);
  reader.require_boolean("attention_bias", false);
  reader.require_boolean("mlp_bias", false);
  return config_from_json(reader, "llama", origin);
}

// A window hides the keys that are `sliding_window` or more tokens back, so texts of up to that
// many tokens are exact without it; longer ones are refused as longer than n_ctx.
void limit_to_window(ModelConfig& config, const Json& json, const ConfigReader& reader) {
  // transformers' default where the key is absent; null says that there is no window.
  if (!json.contains("sliding_window")) config.n_ctx = std::min<Index>(config.n_ctx, 4096);
  if (reader.has("sliding_window"))
    config.n_ctx = std::min(config.n_ctx, reader.integer("sliding_window"));
}

ModelConfig mistral_from_json(const Json& json, std::string_view origin) {
  const ConfigReader reader(json, origin);
  ModelConfig config = config_from_json(reader, "mistral", origin);
  limit_to_window(config, json, reader);
  return config;
}

ModelConfig qwen2_from_json(const Json& json, std::string_view origin) {
  const ConfigReader reader(json, origin);
  ModelConfig config = config_from_json(reader, "qwen2", origin);
  if (reader.boolean_or("use_sliding_window", false)) limit_to_window(config, json, reader);
  return config;
}

ModelConfig config_from_gguf(const GgufFile& file, std::string_view architecture) {
  GgufConfigReader reader(file, architecture);
  ModelConfig config = gguf_sizes(reader);
  config.n_kv_heads = reader.integer_or("attention.head_count_kv", config.n_heads);
  config.d_head = reader.integer_or("attention.key_length",
                                    config.n_heads > 0 ? config.d_model / config.n_heads : 0);
  if (const Index window = reader.integer_or("attention.sliding_window", 0); window > 0)
    config.n_ctx = std::min(config.n_ctx, window);
  config.norm_eps = reader.number("attention.layer_norm_rms_epsilon");
  config.activation = Activation::silu;
  reader.require("attention.value_length", static_cast<double>(config.d_head));
  reader.require("rope.dimension_count", static_cast<double>(config.d_head));
  config.rotary_frequency = gguf_rotary_frequencies(reader, config.d_head);
  reader.require("attention.causal", 1);
  reader.require("expert_count", 0);
  reader.require("expert_used_count", 0);
  reader.require("use_parallel_residual", 0);
  reader.allow("tensor_data_layout");  // the same for all files of an architecture
  reader.refuse_others();
  return with_switches(config, architecture);
}

template <const char* architecture>
ModelConfig from_gguf(const GgufFile& file) {
  return config_from_gguf(file, architecture);
}

constexpr char kLlama[] = "llama";
constexpr char kMistral[] = "mistral";
constexpr char kQwen2[] = "qwen2";

}  // namespace

const Family& llama_family() {
  static constexpr Family kFamily = {kLlama,       "Llama",         kLlama,
                                     kRows,        "model.",        kIgnoredEndings,
                                     kRotaryPairs, llama_from_json, from_gguf<kLlama>};
  return kFamily;
}

// GGUF files of Mistral models call themselves "llama".
const Family& mistral_family() {
  static constexpr Family kFamily = {kMistral,     "Mistral",         kLlama,
                                     kRows,        "model.",          kIgnoredEndings,
                                     kRotaryPairs, mistral_from_json, from_gguf<kMistral>};
  return kFamily;
}

const Family& qwen2_family() {
  static constexpr Family kFamily = {kQwen2,
                                     "Qwen2",
                                     kLlama,
                                     kBiasedRows,
                                     "model.",
                                     kIgnoredEndings,
                                     GgufRowOrder::as_hugging_face,
                                     qwen2_from_json,
                                     from_gguf<kQwen2>};
  return kFamily;
}

}  // namespace gnomon
