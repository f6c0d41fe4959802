// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/kernels/matmul.h"
#include "gnomon/model/config.h"
#include "gnomon/tensor/gguf.h"

namespace gnomon {

// The parts of a model that have weights of their own. `qkv_proj` is GPT-2's c_attn and GPT-NeoX's
// query_key_value: the three projections in one matrix.
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

// How a joint projection orders its outputs: all queries, all keys, all values; or query, key and
// value of one head after the other's.
enum class QkvOrder { side_by_side, head_by_head };

// How the outputs of a projection stand in a GGUF file, row by row.
enum class GgufRowOrder {
  as_hugging_face,
  // Queries and keys of rotary models: of each head, rows 2 i and 2 i + 1 are rows i and
  // i + d_head / 2 of Hugging Face's.
  rotary_pairs,
  // All queries, all keys, all values, of what is QkvOrder::head_by_head there.
  side_by_side,
};

// Another name that files have for a row of the table.
struct OtherName {
  std::string_view name;
  std::string_view hf_name;
};

// A model family: how its files name things, and which switches of the one forward pass it sets.
struct Family {
  std::string_view architecture;  // config.json "model_type"; in GGUF "general.architecture"
  std::string_view title;         // "Llama": in sentences, and of transformers' LlamaForCausalLM
  // Whose hook names, equations and directions it shares: "gpt2", "llama" or "gpt_neox".
  std::string_view naming;
  std::span<const WeightRow> rows;
  std::string_view hf_prefix;  // some exports leave it out
  // Tensors of Hugging Face files that hold no weights, such as causal masks; matched by their
  // ending.
  std::span<const std::string_view> ignored_endings;
  GgufRowOrder gguf_row_order;  // of queries and keys, or of the joint projection
  ModelConfig (*config_from_json)(const Json& json, std::string_view origin);
  // d_vocab is 0 where the file states none.
  ModelConfig (*config_from_gguf)(const GgufFile& file);
  QkvOrder qkv_order = QkvOrder::side_by_side;  // of its qkv_proj, if it has one
  std::span<const OtherName> other_names = {};  // in Hugging Face files
  std::string_view gguf_architecture = {};      // empty: as `architecture`
};

std::span<const Family* const> families();
const Family* find_family(std::string_view architecture);
// By GGUF's name.
const Family* find_gguf_family(std::string_view architecture);
// Whether a part of the family's models has a bias; false where there is no such part or family.
bool has_bias(std::string_view architecture, WeightKind kind);
// Where the queries, keys or values (q_proj, k_proj, v_proj) stand among the outputs of the joint
// projection: output o is its output first + groups.stored(o).
struct QkvPart {
  Index first = 0;
  Index n_out = 0;
  OutputGroups groups;
};
// Nothing where the family has three projections of their own.
std::optional<QkvPart> qkv_part(WeightKind kind, const ModelConfig& config);

// The `naming` of a family, or the architecture itself where there is no such family.
std::string_view naming_of(std::string_view architecture);

// Throws FileError where a size is missing, not positive or inconsistent with another.
void check_config(const ModelConfig& config, std::string_view origin);

}  // namespace gnomon
