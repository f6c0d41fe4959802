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

std::string gpt2_config_json(const ModelConfig& config) {
  if (config.architecture != "gpt2") {
    throw UnsupportedError(
        fmt::format("gpt2_config_json: a model of the family {}", config.architecture));
  }
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
  return dump_json(json);
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
  write_file_atomic(folder / "config.json", gpt2_config_json(config));
}

}  // namespace gnomon
