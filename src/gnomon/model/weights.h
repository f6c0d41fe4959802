// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "gnomon/kernels/matmul.h"
#include "gnomon/model/config.h"

namespace gnomon {

class Checkpoint;
template <class T>
class ParameterSet;

template <class T>
struct NormWeights {
  std::span<const T> weight;
  std::span<const T> bias;  // empty where the family has none
};

template <class T>
struct LinearWeights {
  WeightView<T> weight;
  std::span<const T>
      bias;  // empty where the family has none; in the groups of the weight's outputs

  // Of output o; 0 where the family has none.
  T bias_of(Index o) const {
    return bias.empty() ? T{0} : bias[static_cast<std::size_t>(weight.groups.stored(o))];
  }
};

// The weights of one block, under the names of the checkpoint as style decides them: up_proj is
// GPT-2's c_fc and TransformerLens's W_in, down_proj its c_proj and W_out; gate_proj is empty
// unless gated.
template <class T>
struct BlockWeights {
  NormWeights<T> ln_1;
  LinearWeights<T> q_proj;
  LinearWeights<T> k_proj;
  LinearWeights<T> v_proj;
  LinearWeights<T> o_proj;
  NormWeights<T> ln_2;
  LinearWeights<T> up_proj;
  LinearWeights<T> gate_proj;
  LinearWeights<T> down_proj;
};

// The weights of a model in the scalar type of a run. Float32 tensors stand where the file is
// mapped; others are decoded when a block is first asked for, so that a run up to layer 3 touches
// layers 0 to 3. Every decoded tensor is checked to be finite: NumericError names tensor and index.
// Parameters in `replaced` stand in for those of the file, where they are: a change of theirs is
// seen by the next pass. Thread-safe.
template <class T>
class Weights {
 public:
  Weights(std::shared_ptr<const Checkpoint> checkpoint, const ModelConfig& config,
          std::shared_ptr<const ParameterSet<T>> replaced = nullptr);
  ~Weights();
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  MatrixView<const T> wte() const;  // [d_vocab, d_model]
  MatrixView<const T> wpe() const;  // [n_ctx, d_model]; 0 rows unless positions are learned
  const BlockWeights<T>& block(Index layer) const;
  NormWeights<T> ln_f() const;
  LinearWeights<T> unembed() const;  // W_U, [d_model, d_vocab]

 private:
  struct Storage;
  std::unique_ptr<Storage> storage_;
};

}  // namespace gnomon
