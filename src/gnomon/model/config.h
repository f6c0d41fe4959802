// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "gnomon/kernels/activation.h"
#include "gnomon/kernels/norm.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

enum class PositionKind { learned, rotary };

// The sizes and switches of a model: everything in which the families differ. Other libraries'
// names for the sizes are accepted on import (style: d_model is n_embd or hidden_size there).
struct ModelConfig {
  std::string architecture;  // "gpt2", "llama": a row of the family table

  Index n_layers = 0;
  Index d_model = 0;
  Index n_heads = 0;
  Index n_kv_heads = 0;
  Index d_head = 0;
  Index d_mlp = 0;
  Index d_vocab = 0;
  Index n_ctx = 0;  // longest text in tokens

  NormKind norm = NormKind::layer_norm;
  double norm_eps = 0;
  Activation activation = Activation::gelu_new;
  bool gated_mlp = false;
  // Attention and MLP both read the stream that enters the block, and are added to it together:
  // there is no stream between them, no hook_resid_mid.
  bool parallel_block = false;
  PositionKind position = PositionKind::learned;
  std::vector<double>
      rotary_frequency;  // radians per position, [n_rotary / 2]; empty unless rotary
  bool tied_unembedding = true;
};

}  // namespace gnomon
