// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/optimizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gnomon/base/error.h"
#include "gnomon/kernels/optimizer_step.h"

namespace gnomon {

template <class T>
Optimizer<T>::Optimizer(const OptimizerOptions& options, std::vector<OptimizedTensor<T>> tensors)
    : options_(options), tensors_(std::move(tensors)) {
  for (const OptimizedTensor<T>& tensor : tensors_) {
    if (tensor.value.size() != tensor.grad.size()) {
      throw ShapeError(fmt::format("Optimizer: \"{}\" has {} values and {} gradients", tensor.name,
                                   tensor.value.size(), tensor.grad.size()));
    }
    first_.emplace_back(tensor.value.size());
    second_.emplace_back(options.kind == OptimizerKind::adamw ? tensor.value.size() : 0);
  }
}

template <class T>
double Optimizer<T>::grad_sum_of_squares() const {
  double sum = 0;
  for (const OptimizedTensor<T>& tensor : tensors_) sum += sum_of_squares<T>(tensor.grad);
  return sum;
}

template <class T>
void Optimizer<T>::step(double learning_rate, double grad_scale) {
  ++n_step_;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const OptimizedTensor<T>& tensor = tensors_[i];
    const double decay = tensor.decays ? options_.weight_decay : 0;
    if (options_.kind == OptimizerKind::sgd) {
      sgd_step<T>(tensor.value, tensor.grad, first_[i], learning_rate, options_.momentum, decay,
                  grad_scale);
    } else {
      adamw_step<T>(tensor.value, tensor.grad, first_[i], second_[i],
                    {learning_rate, options_.beta1, options_.beta2, options_.epsilon, decay,
                     grad_scale, n_step_});
    }
  }
}

template <class T>
void Optimizer<T>::restore(State state) {
  const auto same_sizes = [](const std::vector<std::vector<T>>& a,
                             const std::vector<std::vector<T>>& b) {
    return std::ranges::equal(a, b,
                              [](const auto& x, const auto& y) { return x.size() == y.size(); });
  };
  if (state.n_step < 0 || !same_sizes(state.first, first_) || !same_sizes(state.second, second_))
    throw ArgumentError(ErrorCode::incompatible,
                        "Optimizer: the stored state belongs to other parameters");
  n_step_ = state.n_step;
  first_ = std::move(state.first);
  second_ = std::move(state.second);
}

double clip_factor(double grad_norm, double clip_norm) {
  return clip_norm > 0 && grad_norm > clip_norm ? clip_norm / grad_norm : 1;
}

double scheduled_rate(const ScheduleOptions& options, double peak, Index step, Index n_step) {
  if (step < options.warmup_steps)
    return peak * static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps);
  if (options.kind == ScheduleKind::constant) return peak;
  const double span = static_cast<double>(std::max<Index>(1, n_step - 1 - options.warmup_steps));
  const double done = std::min(1.0, static_cast<double>(step - options.warmup_steps) / span);
  const double fraction =
      options.kind == ScheduleKind::linear ? 1 - done : (1 + std::cos(std::numbers::pi * done)) / 2;
  return peak * (options.final_fraction + (1 - options.final_fraction) * fraction);
}

template class Optimizer<float>;
template class Optimizer<double>;

}  // namespace gnomon
