// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/next_token.h"

#include <algorithm>

#include "gnomon/base/interrupt.h"
#include "gnomon/kernels/cross_entropy.h"

namespace gnomon {
namespace {

// Rows that have no next token get label 0 and weight 0.
struct Labels {
  std::vector<Index> label;
  std::vector<double> weight;
  Index n_token = 0;
};

Labels labels_of(const HookContext& context, double weight) {
  Labels labels;
  for (const Index row : context.rows) {
    const auto i = static_cast<std::size_t>(row);
    const bool has_next =
        i + 1 < context.batch.ids.size() && context.batch.text[i + 1] == context.batch.text[i];
    labels.label.push_back(has_next ? context.batch.ids[i + 1] : 0);
    labels.weight.push_back(has_next ? weight : 0);
    labels.n_token += has_next ? 1 : 0;
  }
  return labels;
}

}  // namespace

std::vector<Index> predicted_rows(const PackedBatch& batch) {
  std::vector<Index> rows;
  for (std::size_t i = 0; i + 1 < batch.ids.size(); ++i) {
    if (batch.text[i + 1] == batch.text[i]) rows.push_back(static_cast<Index>(i));
  }
  return rows;
}

template <class T>
double next_token_loss(const HookContext& context, MatrixView<const T> logits) {
  const Labels labels = labels_of(context, 1);
  std::vector<double> loss(labels.label.size());
  cross_entropy_forward<T>(loss, logits, labels.label);
  double sum = 0;
  for (std::size_t i = 0; i < loss.size(); ++i) sum += labels.weight[i] * loss[i];
  return sum;
}

template <class T>
void next_token_gradient(const HookContext& context, MatrixView<const T> logits, double weight,
                         MatrixView<T> grad_logits) {
  const Labels labels = labels_of(context, weight);
  cross_entropy_backward<T>(grad_logits, logits, labels.label, labels.weight);
}

template <class T>
LanguageModelLoss language_model_loss(const Model& model,
                                      std::span<const std::vector<TokenId>> texts,
                                      const RunOptions& options) {
  LanguageModelLoss loss;
  for (std::size_t first = 0; first < texts.size();) {
    check_interrupted();
    const std::size_t last = batch_end(texts, first, options.batch_tokens);
    const PackedBatch batch = pack(texts.subspan(first, last - first));
    first = last;
    const std::vector<Index> kept = predicted_rows(batch);
    if (kept.empty()) continue;
    Hooks<T> hooks;
    hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<T> logits) {
      loss.sum += next_token_loss<T>(context, logits);
    });
    loss.n_token += static_cast<Index>(kept.size());
    run_forward<T>(model.config(), model.weights<T>(), batch, hooks, kept, options.backend);
  }
  return loss;
}

template <class T>
LanguageModelLoss language_model_gradient(const ModelConfig& config, const Weights<T>& weights,
                                          const PackedBatch& batch, double weight,
                                          ParameterSet<T>& grad, ForwardTrace<T>& trace,
                                          Backend backend) {
  LanguageModelLoss loss;
  const std::vector<Index> kept = predicted_rows(batch);
  if (kept.empty()) return loss;
  loss.n_token = static_cast<Index>(kept.size());
  Hooks<T> hooks, grad_hooks;
  hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<T> logits) {
    loss.sum += next_token_loss<T>(context, logits);
  });
  grad_hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<T> grad_logits) {
    next_token_gradient<T>(context, trace.logits.view(), weight, grad_logits);
  });
  run_forward<T>(config, weights, batch, hooks, kept, backend, nullptr, &trace);
  run_backward<T>(config, weights, batch, trace, grad_hooks, &grad, backend);
  return loss;
}

template double next_token_loss(const HookContext&, MatrixView<const float>);
template double next_token_loss(const HookContext&, MatrixView<const double>);
template void next_token_gradient(const HookContext&, MatrixView<const float>, double,
                                  MatrixView<float>);
template void next_token_gradient(const HookContext&, MatrixView<const double>, double,
                                  MatrixView<double>);
template LanguageModelLoss language_model_loss<float>(const Model&,
                                                      std::span<const std::vector<TokenId>>,
                                                      const RunOptions&);
template LanguageModelLoss language_model_loss<double>(const Model&,
                                                       std::span<const std::vector<TokenId>>,
                                                       const RunOptions&);
template LanguageModelLoss language_model_gradient(const ModelConfig&, const Weights<float>&,
                                                   const PackedBatch&, double, ParameterSet<float>&,
                                                   ForwardTrace<float>&, Backend);
template LanguageModelLoss language_model_gradient(const ModelConfig&, const Weights<double>&,
                                                   const PackedBatch&, double,
                                                   ParameterSet<double>&, ForwardTrace<double>&,
                                                   Backend);

}  // namespace gnomon
