// SPDX-License-Identifier: Apache-2.0
// in: tokens of texts and a new model   out: a language model, and how good it is
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/activations/next_token.h"
#include "gnomon/model/model.h"
#include "gnomon/model/parameters.h"
#include "gnomon/train/train_options.h"

namespace gnomon {

struct PretrainOptions {
  Index epochs = 3;
  Index batch_tokens = 4096;  // tokens of one update, whole samples
  Index part_tokens = 2048;   // tokens that go through the model together
  OptimizerOptions optimizer = {OptimizerKind::adamw, 2e-3, 0.9, 0.95, 1e-8, 0.1, 0};
  ScheduleOptions schedule = {ScheduleKind::cosine, 100, 0.05};
  double clip_norm = 1.0;
  Index save_every = 200;  // updates between stored states; 0: none
  std::uint64_t seed = 0;
};

// Samples of at most `n_ctx` tokens: whole paragraphs one after another with a line feed between
// them, as many as fit; a paragraph that alone is longer is cut into samples. `paragraphs` are
// token ids, `line_feed` the ids of "\n".
std::vector<std::vector<TokenId>> pack_samples(std::span<const std::vector<TokenId>> paragraphs,
                                               std::span<const TokenId> line_feed, Index n_ctx);

struct PretrainProgress {
  Index step = 0;
  Index n_step = 0;
  Index epoch = 0;
  double train_loss = 0;  // nats a token, running mean over the epoch
  double learning_rate = 0;
  double tokens_per_second = 0;
};

// Trains every parameter on the next token. `state_folder` keeps the state of an unfinished
// training (parameters, moments, step) and is gone on from where it holds one of the same samples
// and options: the result has the same bits as without the interruption. Throws NumericError where
// a loss is not finite.
void pretrain(const Model& model, ParameterSet<float>& parameters,
              std::span<const std::vector<TokenId>> samples, const PretrainOptions& options,
              const std::filesystem::path& state_folder,
              const std::function<void(const PretrainProgress&)>& progress);

// Losses in nats a token of the predictions of held-out samples that count alone can make, on the
// tokens that language_model_loss scores.
//   unigram   p(w) = (c(w) + 1) / (N + V) over the training samples
//   bigram    p(w | v) = (c(v, w) + k p(w)) / (c(v) + k), with the k of those tried that fits the
//             held-out samples best, which favours this baseline
struct CountBaselines {
  double unigram = 0;
  double bigram = 0;
  double bigram_k = 0;
};
CountBaselines count_baselines(std::span<const std::vector<TokenId>> training,
                               std::span<const std::vector<TokenId>> held_out, Index d_vocab);

// Continues `ids` by n_token tokens drawn from the softmax of the logits over `temperature`, among
// the `top` largest. The context is the last n_ctx tokens.
std::vector<TokenId> sample_continuation(const Model& model, std::vector<TokenId> ids,
                                         Index n_token, double temperature, Index top,
                                         std::uint64_t seed);

}  // namespace gnomon
