// SPDX-License-Identifier: Apache-2.0
// in: logits of a packed batch   out: the language model's loss and its gradient
#pragma once

#include <span>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/model/backward.h"
#include "gnomon/model/model.h"

namespace gnomon {

// Tokens of the batch that have a next one in their text: what a language model is scored on.
std::vector<Index> predicted_rows(const PackedBatch& batch);

// Σ over the rows of `context` that have a next token of the cross-entropy of that token, in nats;
// logits as at the hook point of that name.
template <class T>
double next_token_loss(const HookContext& context, MatrixView<const T> logits);

// Adds nothing and overwrites: grad_logits = weight times the gradient of next_token_loss, 0 for
// rows without a next token.
template <class T>
void next_token_gradient(const HookContext& context, MatrixView<const T> logits, double weight,
                         MatrixView<T> grad_logits);

struct LanguageModelLoss {
  double sum = 0;  // nats
  Index n_token = 0;

  double mean() const { return n_token > 0 ? sum / static_cast<double>(n_token) : 0; }
};

// Of all texts, in batches; texts of one token have nothing to predict.
template <class T>
LanguageModelLoss language_model_loss(const Model& model,
                                      std::span<const std::vector<TokenId>> texts,
                                      const RunOptions& options);

// The loss of a batch; adds `weight` times the gradient of its sum to `grad`. The trace is scratch
// memory that calls share.
template <class T>
LanguageModelLoss language_model_gradient(const ModelConfig& config, const Weights<T>& weights,
                                          const PackedBatch& batch, double weight,
                                          ParameterSet<T>& grad, ForwardTrace<T>& trace,
                                          Backend backend);

}  // namespace gnomon
