// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>

#include "gnomon/base/error.h"
#include "gnomon/model/config_reader.h"
#include "gnomon/model/families/families.h"
#include "gnomon/model/gguf_config.h"

namespace gnomon {
namespace {

constexpr WeightLayout kConv1D = WeightLayout::in_out;

constexpr std::array kRows = {
    WeightRow{WeightKind::wte, "wte", "token_embd", Axis::d_vocab, Axis::d_model, kConv1D, false},
    WeightRow{WeightKind::wpe, "wpe", "position_embd", Axis::n_ctx, Axis::d_model, kConv1D, false},
    WeightRow{WeightKind::ln_1, "h.{}.ln_1", "blk.{}.attn_norm", Axis::none, Axis::d_model, kConv1D,
              true},
    WeightRow{WeightKind::qkv_proj, "h.{}.attn.c_attn", "blk.{}.attn_qkv", Axis::d_model,
              Axis::qkv_width, kConv1D, true},
    WeightRow{WeightKind::o_proj, "h.{}.attn.c_proj", "blk.{}.attn_output", Axis::q_width,
              Axis::d_model, kConv1D, true},
    WeightRow{WeightKind::ln_2, "h.{}.ln_2", "blk.{}.ffn_norm", Axis::none, Axis::d_model, kConv1D,
              true},
    WeightRow{WeightKind::up_proj, "h.{}.mlp.c_fc", "blk.{}.ffn_up", Axis::d_model, Axis::d_mlp,
              kConv1D, true},
    WeightRow{WeightKind::down_proj, "h.{}.mlp.c_proj", "blk.{}.ffn_down", Axis::d_mlp,
              Axis::d_model, kConv1D, true},
    WeightRow{WeightKind::ln_f, "ln_f", "output_norm", Axis::none, Axis::d_model, kConv1D, true},
    WeightRow{WeightKind::lm_head, "lm_head", "output", Axis::d_model, Axis::d_vocab,
              WeightLayout::out_in, false},
};

constexpr std::array<std::string_view, 2> kIgnoredEndings = {".attn.bias", ".attn.masked_bias"};

ModelConfig with_switches(ModelConfig config) {
  config.architecture = "gpt2";
  config.norm = NormKind::layer_norm;
  config.gated_mlp = false;
  config.position = PositionKind::learned;
  config.n_kv_heads = config.n_heads;
  config.d_head = config.n_heads > 0 ? config.d_model / config.n_heads : 0;
  return config;
}

void check_heads(const ModelConfig& config, std::string_view origin) {
  if (config.n_heads <= 0 || config.d_model % config.n_heads != 0) {
    throw FileError(fmt::format("\"{}\": d_model is {} and n_heads {}, expected a multiple", origin,
                                config.d_model, config.n_heads));
  }
}

ModelConfig config_from_json(const Json& json, std::string_view origin) {
  const ConfigReader reader(json, origin);
  reader.require_boolean("scale_attn_weights", true);
  reader.require_boolean("scale_attn_by_inverse_layer_idx", false);
  reader.require_boolean("add_cross_attention", false);
  ModelConfig config;
  config.n_layers = reader.integer_either("n_layer", "num_hidden_layers");
  config.d_model = reader.integer_either("n_embd", "hidden_size");
  config.n_heads = reader.integer_either("n_head", "num_attention_heads");
  config.d_mlp = reader.integer_or("n_inner", 4 * config.d_model);
  config.d_vocab = reader.integer("vocab_size");
  config.n_ctx = reader.integer_either("n_positions", "max_position_embeddings");
  config.norm_eps = reader.number_or("layer_norm_epsilon", 1e-5);
  config.activation = reader.has("activation_function") ? reader.activation("activation_function")
                                                        : Activation::gelu_new;
  config.tied_unembedding = reader.boolean_or("tie_word_embeddings", true);
  check_heads(config, origin);
  return with_switches(config);
}

ModelConfig config_from_gguf(const GgufFile& file) {
  GgufConfigReader reader(file, "gpt2");
  ModelConfig config = gguf_sizes(reader);
  config.norm_eps = reader.number("attention.layer_norm_epsilon");
  config.activation = Activation::gelu_new;
  reader.require("attention.head_count_kv", static_cast<double>(config.n_heads));
  reader.require("attention.causal", 1);
  reader.refuse_others();
  check_heads(config, reader.origin());
  return with_switches(config);
}

}  // namespace

const Family& gpt2_family() {
  static constexpr Family kFamily = {"gpt2",
                                     "GPT-2",
                                     "gpt2",
                                     kRows,
                                     "transformer.",
                                     kIgnoredEndings,
                                     GgufRowOrder::as_hugging_face,
                                     config_from_json,
                                     config_from_gguf};
  return kFamily;
}

}  // namespace gnomon
