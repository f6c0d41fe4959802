// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/model_folder.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <deque>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/base/random.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon {
namespace {

constexpr double kInitialSd = 0.02;

// IEEE 754 binary16, rounded to nearest, ties to even.
std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const float magnitude = std::abs(value);
  if (magnitude < 0x1p-14F) {
    // Subnormal: a whole number of 2^-24.
    return static_cast<std::uint16_t>(
        sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 0x1p24F)));
  }
  const std::uint32_t rounded = (bits & 0x7fffffffU) + 0xfffU + (((bits & 0x7fffffffU) >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded >> 13) - (112U << 10)));
}

Json gpt2_config(const ModelConfig& config) {
  Json json;
  json["architectures"] = {"GPT2LMHeadModel"};
  json["model_type"] = "gpt2";
  json["vocab_size"] = config.d_vocab;
  json["n_positions"] = config.n_ctx;
  json["n_embd"] = config.d_model;
  json["n_layer"] = config.n_layers;
  json["n_head"] = config.n_heads;
  json["n_inner"] = config.d_mlp;
  json["activation_function"] = std::string(activation_name(config.activation));
  json["layer_norm_epsilon"] = config.norm_eps;
  json["initializer_range"] = kInitialSd;
  json["attn_pdrop"] = 0.0;
  json["embd_pdrop"] = 0.0;
  json["resid_pdrop"] = 0.0;
  json["scale_attn_weights"] = true;
  json["tie_word_embeddings"] = config.tied_unembedding;
  json["bos_token_id"] = 0;
  json["eos_token_id"] = 0;
  return json;
}

// The theta of frequencies theta^(-2i / n_rotary).
double rope_theta(const ModelConfig& config) {
  const std::vector<double>& frequency = config.rotary_frequency;
  const auto n = static_cast<double>(frequency.size());
  double theta = frequency.size() < 2 ? 10000.0 : std::pow(frequency[1], -n);
  // Powers of a theta are not exact; published thetas are whole numbers.
  if (std::abs(theta - std::round(theta)) < 1e-6 * theta) theta = std::round(theta);
  for (std::size_t i = 0; i < frequency.size(); ++i) {
    const double expected = std::pow(theta, -static_cast<double>(i) / n);
    if (std::abs(frequency[i] - expected) > 1e-6 * expected) {
      throw UnsupportedError(
          fmt::format("rotary frequency {} is {}, expected {} for one theta: scaled frequencies "
                      "cannot be written",
                      i, frequency[i], expected));
    }
  }
  return theta;
}

// Llama, and Mistral and Qwen2, which have its keys.
Json llama_config(const ModelConfig& config) {
  const Family* family = find_family(config.architecture);
  if (family == nullptr)
    throw UnsupportedError(fmt::format("no model family \"{}\"", config.architecture));
  Json json;
  json["architectures"] = {fmt::format("{}ForCausalLM", family->title)};
  json["model_type"] = config.architecture;
  json["vocab_size"] = config.d_vocab;
  json["max_position_embeddings"] = config.n_ctx;
  json["hidden_size"] = config.d_model;
  json["num_hidden_layers"] = config.n_layers;
  json["num_attention_heads"] = config.n_heads;
  json["num_key_value_heads"] = config.n_kv_heads;
  json["head_dim"] = config.d_head;
  json["intermediate_size"] = config.d_mlp;
  json["hidden_act"] = std::string(activation_name(config.activation));
  json["rms_norm_eps"] = config.norm_eps;
  json["rope_theta"] = rope_theta(config);
  json["initializer_range"] = kInitialSd;
  json["attention_dropout"] = 0.0;
  json["tie_word_embeddings"] = config.tied_unembedding;
  json["bos_token_id"] = 0;
  json["eos_token_id"] = 0;
  // transformers gives a Mistral without the key a window.
  if (config.architecture == "mistral") json["sliding_window"] = nullptr;
  return json;
}

// The share of a head's channels that turn. Readers multiply and round towards zero.
double rotary_share(const ModelConfig& config) {
  const auto n_rotary = static_cast<double>(2 * config.rotary_frequency.size());
  const auto d_head = static_cast<double>(config.d_head);
  const double share = n_rotary / d_head;
  return share * d_head < n_rotary ? std::nextafter(share, 1.0) : share;
}

Json gpt_neox_config(const ModelConfig& config) {
  Json json;
  json["architectures"] = {"GPTNeoXForCausalLM"};
  json["model_type"] = "gpt_neox";
  json["vocab_size"] = config.d_vocab;
  json["max_position_embeddings"] = config.n_ctx;
  json["hidden_size"] = config.d_model;
  json["num_hidden_layers"] = config.n_layers;
  json["num_attention_heads"] = config.n_heads;
  json["intermediate_size"] = config.d_mlp;
  json["hidden_act"] = std::string(activation_name(config.activation));
  json["layer_norm_eps"] = config.norm_eps;
  json["rotary_emb_base"] = rope_theta(config);
  json["rotary_pct"] = rotary_share(config);
  json["use_parallel_residual"] = config.parallel_block;
  json["attention_bias"] = true;
  json["attention_dropout"] = 0.0;
  json["hidden_dropout"] = 0.0;
  json["initializer_range"] = kInitialSd;
  json["tie_word_embeddings"] = config.tied_unembedding;
  json["bos_token_id"] = 0;
  json["eos_token_id"] = 0;
  return json;
}

}  // namespace

ParameterSet<float> random_parameters(const ModelConfig& config, std::uint64_t seed) {
  ParameterSet<float> parameters;
  const double residual_sd = kInitialSd / std::sqrt(2.0 * static_cast<double>(config.n_layers));
  for (const ParameterRow& row : model_parameters(config)) {
    Tensor<float> values(row.shape);
    const WeightKind kind = row.key.kind;
    const bool norm =
        kind == WeightKind::ln_1 || kind == WeightKind::ln_2 || kind == WeightKind::ln_f;
    if (norm && !row.key.is_bias) {
      for (float& value : values.values()) value = 1;
    } else if (!row.key.is_bias) {
      Random random(seed, "model/" + row.name);
      const bool writes = kind == WeightKind::o_proj || kind == WeightKind::down_proj;
      const double sd = writes ? residual_sd : kInitialSd;
      for (float& value : values.values()) value = static_cast<float>(sd * random.normal());
    }
    parameters.insert(row, std::move(values));
  }
  return parameters;
}

std::string config_json(const ModelConfig& config) {
  const std::string_view naming = naming_of(config.architecture);
  if (naming == "gpt2") return dump_json(gpt2_config(config));
  if (naming == "gpt_neox") return dump_json(gpt_neox_config(config));
  return dump_json(llama_config(config));
}

void write_model_folder(const std::filesystem::path& folder, const ModelConfig& config,
                        const ParameterSet<float>& parameters, Dtype dtype,
                        const std::map<std::string, std::string>& metadata) {
  if (dtype != Dtype::f32 && dtype != Dtype::f16)
    throw UnsupportedError("write_model_folder: an element type other than f32 and f16");
  std::deque<std::vector<std::uint16_t>> halves;  // a deque: growing it moves no tensor
  std::vector<StoredTensor> tensors;
  for (const ParameterRow& row : model_parameters(config)) {
    const Tensor<float>* values = parameters.find(row.key);
    if (values == nullptr)
      throw ArgumentError(fmt::format("write_model_folder: \"{}\" is missing", row.name));
    if (dtype == Dtype::f32) {
      tensors.push_back(stored(row.name, *values));
      continue;
    }
    std::vector<std::uint16_t>& half = halves.emplace_back();
    for (const float value : values->values()) {
      // 65520 and above would round to infinity.
      if (!(std::abs(value) < 65520.0F)) {
        throw ArgumentError(
            fmt::format("write_model_folder: \"{}\" holds {}, beyond float16", row.name, value));
      }
      half.push_back(to_half(value));
    }
    tensors.push_back({row.name, dtype, row.shape, std::as_bytes(std::span(half))});
  }
  write_safetensors(folder / "model.safetensors", tensors, metadata);
  write_file_atomic(folder / "config.json", config_json(config));
}

}  // namespace gnomon
