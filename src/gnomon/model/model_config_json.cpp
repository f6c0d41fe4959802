// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/model_config_json.h"

#include <fmt/format.h>

#include <array>

#include "gnomon/base/error.h"
#include "gnomon/model/config_reader.h"
#include "gnomon/model/family.h"

namespace gnomon {
namespace {

struct SizeField {
  const char* name;
  Index ModelConfig::*field;
};

constexpr std::array kSizes = {
    SizeField{"n_layers", &ModelConfig::n_layers},
    SizeField{"d_model", &ModelConfig::d_model},
    SizeField{"n_heads", &ModelConfig::n_heads},
    SizeField{"n_kv_heads", &ModelConfig::n_kv_heads},
    SizeField{"d_head", &ModelConfig::d_head},
    SizeField{"d_mlp", &ModelConfig::d_mlp},
    SizeField{"d_vocab", &ModelConfig::d_vocab},
    SizeField{"n_ctx", &ModelConfig::n_ctx},
};

}  // namespace

std::string model_config_json(const ModelConfig& config) {
  Json json;
  json["architecture"] = config.architecture;
  for (const SizeField& size : kSizes) json[size.name] = config.*size.field;
  json["norm"] = config.norm == NormKind::layer_norm ? "layer_norm" : "rms_norm";
  json["norm_eps"] = config.norm_eps;
  json["activation"] = activation_name(config.activation);
  json["gated_mlp"] = config.gated_mlp;
  // Absent where it is false, as in files from before there were such models.
  if (config.parallel_block) json["parallel_block"] = true;
  json["position"] = config.position == PositionKind::learned ? "learned" : "rotary";
  json["rotary_frequency"] = config.rotary_frequency;
  json["tied_unembedding"] = config.tied_unembedding;
  return json.dump();
}

ModelConfig model_config_from_json(std::string_view text, std::string_view origin) {
  const Json json = parse_json(text, origin);
  const ConfigReader reader(json, origin);
  ModelConfig config;
  config.architecture = reader.text_or("architecture", "");
  for (const SizeField& size : kSizes) config.*size.field = reader.integer(size.name);
  config.norm =
      reader.text_or("norm", "") == "rms_norm" ? NormKind::rms_norm : NormKind::layer_norm;
  config.norm_eps = reader.number("norm_eps");
  config.activation = reader.activation("activation");
  config.gated_mlp = reader.boolean_or("gated_mlp", false);
  config.parallel_block = reader.boolean_or("parallel_block", false);
  config.position =
      reader.text_or("position", "") == "rotary" ? PositionKind::rotary : PositionKind::learned;
  if (const auto found = json.find("rotary_frequency"); found != json.end() && found->is_array()) {
    for (const Json& frequency : *found) {
      if (!frequency.is_number())
        throw FileError(fmt::format("\"{}\": \"rotary_frequency\" is not numbers", origin));
      config.rotary_frequency.push_back(frequency.get<double>());
    }
  }
  config.tied_unembedding = reader.boolean_or("tied_unembedding", true);
  check_config(config, origin);
  return config;
}

}  // namespace gnomon
