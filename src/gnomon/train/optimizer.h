// SPDX-License-Identifier: Apache-2.0
// in: parameters and their gradients   out: changed parameters
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gnomon/tensor/tensor.h"
#include "gnomon/train/train_options.h"

namespace gnomon {

// One tensor that an optimizer changes; somebody else owns the memory.
template <class T>
struct OptimizedTensor {
  std::string name;
  std::span<T> value;
  std::span<const T> grad;
  bool decays = false;  // weight decay: matrices only
};

// AdamW or gradient descent over a fixed list of tensors. The formulas: kernels/optimizer_step.h.
template <class T>
class Optimizer {
 public:
  Optimizer(const OptimizerOptions& options, std::vector<OptimizedTensor<T>> tensors);

  // Σ over all gradients of their squares.
  double grad_sum_of_squares() const;
  // One update with this learning rate; every gradient is multiplied by `grad_scale` first.
  void step(double learning_rate, double grad_scale);

  Index n_step() const { return n_step_; }
  const std::vector<OptimizedTensor<T>>& tensors() const { return tensors_; }

  // What an interrupted training needs to go on with the same bits: the moments of every tensor, in
  // the order of tensors(), and the number of updates.
  struct State {
    Index n_step = 0;
    std::vector<std::vector<T>> first;   // AdamW's m, descent's momentum
    std::vector<std::vector<T>> second;  // AdamW's v; empty for descent
  };
  State state() const { return {n_step_, first_, second_}; }
  // Throws ArgumentError where the sizes are not those of the tensors.
  void restore(State state);

 private:
  OptimizerOptions options_;
  std::vector<OptimizedTensor<T>> tensors_;
  std::vector<std::vector<T>> first_;
  std::vector<std::vector<T>> second_;
  Index n_step_ = 0;
};

// The factor that brings a gradient of this norm to at most `clip_norm`; 1 where clip_norm is 0.
double clip_factor(double grad_norm, double clip_norm);

// The learning rate of update `step` (from 0) of `n_step`: linear warm-up over warmup_steps, then
// constant, or linear or half-cosine decay to final_fraction of the peak at the last update
// (Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts).
double scheduled_rate(const ScheduleOptions& options, double peak, Index step, Index n_step);

}  // namespace gnomon
