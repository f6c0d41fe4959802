// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/model/model.h"
#include "gnomon/tensor/dtype.h"
#include "gnomon/text/text_record.h"
#include "support/temporary_folder.h"

namespace gnomon::test {

// gpt_neox: attention and MLP side by side.
enum class TinyFamily { gpt2, llama, gpt_neox };

std::string_view family_name(TinyFamily family);  // "gpt2", "llama", "gpt_neox"

struct TinyTensor {
  std::vector<Index> shape;
  std::vector<double> values;
};
using TinyTensors = std::map<std::string, TinyTensor>;  // under the names of the checkpoint

struct TinyModelOptions {
  TinyFamily family = TinyFamily::gpt2;
  std::uint64_t seed = 1;
  Index n_layers = 2;
  Dtype dtype = Dtype::f64;  // of all tensors: f64, f32 or f16
  // Changes the tensors before they are written: plants a NaN, leaves one out, adds one.
  std::function<void(TinyTensors&)> change = {};
};

// Writes a Hugging Face folder: config.json, model.safetensors and tokenizer.json (every byte, a
// few merges and one special token). d_model 24, 4 heads of 6 (Llama: 2 key-value heads; GPT-NeoX:
// 4 of 6 channels turn), d_mlp 40, n_ctx 48; norm gains, biases and the mean of the stream are far
// from 1 and 0, so that no step can be left out unnoticed.
void write_tiny_model(const std::filesystem::path& folder, const TinyModelOptions& options);

// The tensors of these options that hold the token embedding and what the MLP's neurons of a block
// read (gated: the gate), and the place of weight i of neuron n among the latter's numbers.
std::string embedding_name(TinyFamily family);
std::string read_weight_name(TinyFamily family, Index layer);
std::size_t read_weight_place(TinyFamily family, Index i, Index n);

struct TinyModel {
  explicit TinyModel(const TinyModelOptions& options);

  TemporaryFolder folder;
  Model model;
};

// The model of these options, made once for all tests of a process.
const Model& tiny_model(TinyFamily family, Index n_layers = 2);

// Texts of random token ids with these lengths.
std::vector<std::vector<TokenId>> random_texts(const ModelConfig& config,
                                               const std::vector<Index>& lengths,
                                               std::uint64_t seed);

// Short lines of words that differ, each within the tiny models' context.
std::vector<TextRecord> short_texts(Index n, std::uint64_t seed);

// Every hook point that the model has, in every layer, at @all.
std::vector<SiteAt> all_sites(const ModelConfig& config);

}  // namespace gnomon::test
