// SPDX-License-Identifier: Apache-2.0
// in: what a user asks for   out: plain settings that every part of training reads
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/hook_points.h"

namespace gnomon {

// The values of these enumerations are stored in configurations by their names.

// What makes the report.
//   regression      w · feature + b, or with hidden layers
//   classification  one of K bins of the activation
//   digit           the model's own tokens "0" to "9"
//   on_off          the model's own tokens "on" and "off": activation above 0 or not
enum class ReporterKind { regression, classification, digit, on_off };

// equal_width: bins of the same width over the training range; equal_count: as many training rows
// in each.
enum class Binning { equal_width, equal_count };

// Which classes the softmax of a token reporter runs over while it is trained.
enum class TokenLoss { full_vocabulary, restricted };

// Whether the head's own parameters are trained, stay at their random start, or stand at the ridge
// solution of the training rows.
enum class HeadMode { trained, random, ridge };

// Which parameters of the model are trained.
//   none          head only
//   all           every parameter
//   after_target  blocks after the target's
//   from_layer    blocks from `from_layer` on
//   selected      `components` and `name_patterns`
//   lora          low-rank changes of the matrices that `name_patterns` choose
enum class TrainedPart { none, all, after_target, from_layer, selected, lora };

enum class Component { attention, mlp, embeddings, norms };

// snapshot: the activation of the base model, measured once. live: that of the model being trained.
enum class TargetMode { snapshot, live };

enum class OptimizerKind { adamw, sgd };
enum class ScheduleKind { constant, linear, cosine };

struct ReporterOptions {
  ReporterKind kind = ReporterKind::regression;
  std::vector<Index> hidden = {};  // widths of hidden layers; regression and classification
  Index n_bin = 10;                // classification; a digit reporter has 10
  Binning binning = Binning::equal_count;
  TokenLoss token_loss = TokenLoss::full_vocabulary;
  HeadMode head = HeadMode::trained;
};

struct TrainedParameters {
  TrainedPart part = TrainedPart::none;
  Index from_layer = 0;
  std::vector<Component> components = {};
  // Parts of parameter names, "*" for any characters: "h.*.attn.c_attn". One that matches nothing
  // is an error.
  std::vector<std::string> name_patterns = {};
  Index lora_rank = 8;
  double lora_alpha = 16;
};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::adamw;
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;  // decoupled; matrices only, never biases and norms
  double momentum = 0;         // sgd
};

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::cosine;
  Index warmup_steps = 0;
  double final_fraction = 0;  // of learning_rate, at the last step
};

struct EarlyStopping {
  // "val_loss", "val_r2" or "val_r"; the best checkpoint is chosen by it also where patience is 0.
  std::string metric = "val_loss";
  Index patience = 5;  // epochs without a better value; 0: never stop early
};

struct TrainOptions {
  ReporterOptions reporter = {};
  TrainedParameters trained = {};
  OptimizerOptions optimizer = {};
  ScheduleOptions schedule = {};
  EarlyStopping early_stopping = {};
  TargetMode target_mode = TargetMode::snapshot;
  Index epochs = 20;
  Index batch_rows = 32;    // rows of one update
  Index accumulate = 1;     // parts a batch is cut into, to bound memory; the update is the same
  bool recompute = false;   // store block inputs only and run each block again on the way back
  double clip_norm = 1.0;   // largest global norm of the gradient; 0: no clipping
  double lm_weight = 0;     // of the language-model loss on the same texts
  double live_weight = 0;   // of (live activation - snapshot)², in units of the training variance
  Index monitor_every = 1;  // epochs between looks at the live activation; 0: start and end only
  std::uint64_t seed = 0;   // of the head's start, data order and what else is drawn
};

}  // namespace gnomon
