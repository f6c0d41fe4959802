// SPDX-License-Identifier: Apache-2.0
// in: sizes and parameters   out: a Hugging Face folder
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "gnomon/model/parameters.h"
#include "gnomon/tensor/dtype.h"

namespace gnomon {

// Random parameters for a model of these sizes, as GPT-2 starts: normal with standard deviation
// 0.02, divided by sqrt(2 n_layers) where a projection writes into the residual stream (Radford et
// al. 2019, section 2.3); norm weights 1, biases 0.
ParameterSet<float> random_parameters(const ModelConfig& config, std::uint64_t seed);

// config.json as transformers reads it, of any family of the table. Throws UnsupportedError for
// rotary frequencies that no single theta gives.
std::string config_json(const ModelConfig& config);

// Writes config.json and model.safetensors, every parameter of the configuration in this element
// type (f32 or f16; rounded to nearest, ties to even), each atomically. Throws ArgumentError where
// a parameter is missing or too large for f16.
void write_model_folder(const std::filesystem::path& folder, const ModelConfig& config,
                        const ParameterSet<float>& parameters, Dtype dtype,
                        const std::map<std::string, std::string>& metadata = {});

}  // namespace gnomon
