// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>

#include "gnomon/base/error.h"
#include "gnomon/model/config_reader.h"
#include "gnomon/model/families/families.h"
#include "gnomon/model/gguf_config.h"

namespace gnomon {
namespace {

constexpr WeightLayout kLinear = WeightLayout::out_in;

constexpr std::array kRows = {
    WeightRow{WeightKind::wte, "embed_in", "token_embd", Axis::d_vocab, Axis::d_model, kLinear,
              false},
    WeightRow{WeightKind::ln_1, "layers.{}.input_layernorm", "blk.{}.attn_norm", Axis::none,
              Axis::d_model, kLinear, true},
    WeightRow{WeightKind::qkv_proj, "layers.{}.attention.query_key_value", "blk.{}.attn_qkv",
              Axis::d_model, Axis::qkv_width, kLinear, true},
    WeightRow{WeightKind::o_proj, "layers.{}.attention.dense", "blk.{}.attn_output", Axis::q_width,
              Axis::d_model, kLinear, true},
    WeightRow{WeightKind::ln_2, "layers.{}.post_attention_layernorm", "blk.{}.ffn_norm", Axis::none,
              Axis::d_model, kLinear, true},
    WeightRow{WeightKind::up_proj, "layers.{}.mlp.dense_h_to_4h", "blk.{}.ffn_up", Axis::d_model,
              Axis::d_mlp, kLinear, true},
    WeightRow{WeightKind::down_proj, "layers.{}.mlp.dense_4h_to_h", "blk.{}.ffn_down", Axis::d_mlp,
              Axis::d_model, kLinear, true},
    WeightRow{WeightKind::ln_f, "final_layer_norm", "output_norm", Axis::none, Axis::d_model,
              kLinear, true},
    WeightRow{WeightKind::lm_head, "embed_out", "output", Axis::d_model, Axis::d_vocab, kLinear,
              false},
};

// Masks and frequencies that earlier versions of transformers stored.
constexpr std::array<std::string_view, 3> kIgnoredEndings = {
    ".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"};

// transformers calls the module lm_head since 5.14 and still writes embed_out.
constexpr std::array<OtherName, 1> kOtherNames = {OtherName{"lm_head", "embed_out"}};

ModelConfig with_switches(ModelConfig config, std::string_view origin) {
  config.architecture = "gpt_neox";
  config.norm = NormKind::layer_norm;
  config.gated_mlp = false;
  config.position = PositionKind::rotary;
  config.n_kv_heads = config.n_heads;
  if (config.n_heads <= 0 || config.d_model % config.n_heads != 0) {
    throw FileError(fmt::format("\"{}\": d_model is {} and n_heads {}, expected a multiple", origin,
                                config.d_model, config.n_heads));
  }
  config.d_head = config.d_model / config.n_heads;
  return config;
}

ModelConfig config_from_json(const Json& json, std::string_view origin) {
  const ConfigReader reader(json, origin);
  reader.require_boolean("attention_bias", true);
  ModelConfig config;
  config.n_layers = reader.integer("num_hidden_layers");
  config.d_model = reader.integer("hidden_size");
  config.n_heads = reader.integer("num_attention_heads");
  config.d_mlp = reader.integer("intermediate_size");
  config.d_vocab = reader.integer("vocab_size");
  config.n_ctx = reader.integer("max_position_embeddings");
  config.norm_eps = reader.number_or("layer_norm_eps", 1e-5);
  config.activation = reader.has("hidden_act") ? reader.activation("hidden_act") : Activation::gelu;
  config.parallel_block = reader.boolean_or("use_parallel_residual", true);
  config.tied_unembedding = reader.boolean_or("tie_word_embeddings", false);
  config = with_switches(config, origin);
  if (const Index d_head = reader.integer_or("head_dim", config.d_head); d_head != config.d_head) {
    throw UnsupportedError(
        fmt::format("\"{}\": \"head_dim\" is {}, expected hidden_size / "
                    "num_attention_heads = {}",
                    origin, d_head, config.d_head));
  }
  // transformers 5 writes "rope_parameters" with base and share inside; earlier versions
  // "rotary_emb_base" and "rotary_pct", and "rope_scaling" beside them.
  const std::optional<ConfigReader> rope = reader.rope();
  const double old_theta = reader.number_or("rotary_emb_base", 10000);
  const double old_share = reader.number_or("rotary_pct", 0.25);
  const double theta = rope ? rope->number_or("rope_theta", old_theta) : old_theta;
  const double share = rope ? rope->number_or("partial_rotary_factor", old_share) : old_share;
  if (!(share > 0 && share <= 1)) {
    throw FileError(
        fmt::format("\"{}\": the share of rotary channels is {}, expected above 0 and at most 1",
                    origin, share));
  }
  // transformers rounds towards zero.
  const auto n_rotary = static_cast<Index>(static_cast<double>(config.d_head) * share);
  config.rotary_frequency = rotary_frequencies(n_rotary, theta, rope, origin);
  return config;
}

ModelConfig config_from_gguf(const GgufFile& file) {
  GgufConfigReader reader(file, "gptneox");
  ModelConfig config = gguf_sizes(reader);
  config.norm_eps = reader.number("attention.layer_norm_epsilon");
  config.activation = Activation::gelu;  // the files do not say; Pythia's, and all others' but one
  if (config.n_layers == 44 && config.d_model == 6144) {
    throw UnsupportedError(fmt::format("\"{}\": GPT-NeoX-20B, whose activation function is another "
                                       "than that of Pythia and stands in no key of the file",
                                       reader.origin()),
                           "use the model's Hugging Face folder");
  }
  config.parallel_block = reader.boolean("use_parallel_residual");
  config = with_switches(config, reader.origin());
  config.rotary_frequency =
      gguf_rotary_frequencies(reader, reader.integer_or("rope.dimension_count", config.d_head));
  reader.require("attention.head_count_kv", static_cast<double>(config.n_heads));
  reader.require("attention.causal", 1);
  reader.allow("tensor_data_layout");  // the same for all files of an architecture
  reader.refuse_others();
  return config;
}

}  // namespace

const Family& gpt_neox_family() {
  static constexpr Family kFamily = {"gpt_neox",
                                     "GPT-NeoX",
                                     "gpt_neox",
                                     kRows,
                                     "gpt_neox.",
                                     kIgnoredEndings,
                                     GgufRowOrder::side_by_side,
                                     config_from_json,
                                     config_from_gguf,
                                     QkvOrder::head_by_head,
                                     kOtherNames,
                                     "gptneox"};
  return kFamily;
}

}  // namespace gnomon
