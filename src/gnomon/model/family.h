// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/kernels/matmul.h"
#include "gnomon/model/config.h"
#include "gnomon/tensor/gguf.h"

namespace gnomon {

// The parts of a model that have weights of their own. `qkv_proj` is GPT-2's c_attn: the three
// projections side by side.
enum class WeightKind {
  wte,
  wpe,
  ln_1,
  qkv_proj,
  q_proj,
  k_proj,
  v_proj,
  o_proj,
  ln_2,
  up_proj,
  gate_proj,
  down_proj,
  ln_f,
  lm_head,
};

enum class Axis { none, n_ctx, d_vocab, d_model, d_mlp, q_width, kv_width, qkv_width };

Index axis_size(Axis axis, const ModelConfig& config);

// One row of a family's table. "{}" in a name stands for the layer; ".weight" and ".bias" follow.
// A projection goes from n_in to n_out and is stored by `hf_layout` in Hugging Face files, [n_out,
// n_in] in GGUF; a norm has n_out alone; an embedding is [n_in, n_out] in both.
struct WeightRow {
  WeightKind kind;
  std::string_view hf_name;
  std::string_view gguf_name;
  Axis n_in;
  Axis n_out;
  WeightLayout hf_layout;
  bool has_bias;
};

// Whether there is one in each block.
bool is_per_block(const WeightRow& row);
// The shape in a file that stores projections by `layout`.
std::vector<Index> stored_shape(const WeightRow& row, WeightLayout layout,
                                const ModelConfig& config);

// How Hugging Face files of the configuration's family store a projection.
WeightLayout hf_layout(WeightKind kind, const ModelConfig& config);

// A model family: how its files name things, and which switches of the one forward pass it sets.
struct Family {
  std::string_view architecture;  // config.json "model_type" and GGUF "general.architecture"
  std::string_view title;         // "Llama": in sentences, and of transformers' LlamaForCausalLM
  // Whose hook names, equations and directions it shares: "gpt2" or "llama".
  std::string_view naming;
  std::span<const WeightRow> rows;
  std::string_view hf_prefix;  // some exports leave it out
  // Tensors of Hugging Face files that hold no weights, such as causal masks; matched by their
  // ending.
  std::span<const std::string_view> ignored_endings;
  // GGUF stores the query and key rows of rotary models interleaved: channel pairs (i, i +
  // d_head/2) stand side by side there.
  bool gguf_interleaves_rotary_rows;
  ModelConfig (*config_from_json)(const Json& json, std::string_view origin);
  // d_vocab is 0 where the file states none.
  ModelConfig (*config_from_gguf)(const GgufFile& file);
};

std::span<const Family* const> families();
const Family* find_family(std::string_view architecture);
// Whether a part of the family's models has a bias; false where there is no such part or family.
bool has_bias(std::string_view architecture, WeightKind kind);
// The `naming` of a family, or the architecture itself where there is no such family.
std::string_view naming_of(std::string_view architecture);

// Throws FileError where a size is missing, not positive or inconsistent with another.
void check_config(const ModelConfig& config, std::string_view origin);

}  // namespace gnomon
