// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/report_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/kernels/activation.h"
#include "gnomon/kernels/matmul.h"

namespace gnomon {
namespace {

constexpr Activation kHidden = Activation::gelu;

WeightView<double> view_of(const ReportHead::Layer& layer) {
  const Index n_in = layer.weight.shape()[1];
  return {layer.weight.data(), n_in, layer.weight.shape()[0], n_in, WeightLayout::out_in};
}

void require_columns(const Scaling& scaling, MatrixView<const double> x) {
  if (x.cols == static_cast<Index>(scaling.mean.size())) return;
  throw ShapeError(fmt::format("Scaling: {} columns, expected {}", x.cols, scaling.mean.size()));
}

}  // namespace

Tensor<double> Scaling::to_unit(MatrixView<const double> x) const {
  require_columns(*this, x);
  Tensor<double> z({x.rows, x.cols});
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.cols; ++j) {
      const auto c = static_cast<std::size_t>(j);
      z.matrix()(i, j) = (x(i, j) - mean[c]) / sd[c];
    }
  }
  return z;
}

Tensor<double> Scaling::from_unit(MatrixView<const double> z) const {
  require_columns(*this, z);
  Tensor<double> x({z.rows, z.cols});
  for (Index i = 0; i < z.rows; ++i) {
    for (Index j = 0; j < z.cols; ++j) {
      const auto c = static_cast<std::size_t>(j);
      x.matrix()(i, j) = mean[c] + sd[c] * z(i, j);
    }
  }
  return x;
}

Scaling scaling_of(MatrixView<const double> rows) {
  if (rows.rows < 1) throw ArgumentError(ErrorCode::bad_data, "scaling_of: no rows");
  const auto n = static_cast<double>(rows.rows);
  const auto n_col = static_cast<std::size_t>(rows.cols);
  Scaling result{std::vector<double>(n_col), std::vector<double>(n_col)};
  for (Index i = 0; i < rows.rows; ++i) {
    for (std::size_t c = 0; c < n_col; ++c) result.mean[c] += rows(i, static_cast<Index>(c)) / n;
  }
  for (Index i = 0; i < rows.rows; ++i) {
    for (std::size_t c = 0; c < n_col; ++c) {
      const double difference = rows(i, static_cast<Index>(c)) - result.mean[c];
      result.sd[c] += difference * difference / n;
    }
  }
  for (std::size_t c = 0; c < n_col; ++c) {
    // Below the rounding of the mean nothing varies.
    const double floor = 1e-12 * std::abs(result.mean[c]);
    result.sd[c] = std::sqrt(result.sd[c]);
    if (!(result.sd[c] > floor)) result.sd[c] = 1;
  }
  return result;
}

ReportHead::ReportHead(Scaling features, const std::vector<Index>& hidden, Index n_output,
                       Random random)
    : features_(std::move(features)) {
  Index n_in = n_feature();
  std::vector<Index> widths = hidden;
  widths.push_back(n_output);
  for (const Index n_out : widths) {
    if (n_out < 1)
      throw ArgumentError(fmt::format("a head's layer has {} outputs, expected at least 1", n_out));
    Layer layer;
    layer.weight = Tensor<double>({n_out, n_in});
    layer.bias = Tensor<double>({n_out});
    layer.grad_weight = Tensor<double>({n_out, n_in});
    layer.grad_bias = Tensor<double>({n_out});
    const double sd = 1 / std::sqrt(static_cast<double>(n_in));
    for (double& value : layer.weight.values()) value = sd * random.normal();
    layers_.push_back(std::move(layer));
    n_in = n_out;
  }
}

Tensor<double> ReportHead::run(Tensor<double> x, std::vector<Tensor<double>>* inputs,
                               std::vector<Tensor<double>>* pre) const {
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    const Layer& layer = layers_[l];
    Tensor<double> y({x.matrix().rows, layer.weight.shape()[0]});
    linear_forward<double>(y.matrix(), x.matrix(), view_of(layer), layer.bias.values(),
                           Backend::packed);
    if (inputs != nullptr) inputs->push_back(std::move(x));
    if (l + 1 < layers_.size()) {
      if (pre != nullptr) pre->push_back(y);
      activation_forward<double>(kHidden, y.values(), y.values());
    }
    x = std::move(y);
  }
  return x;
}

Tensor<double> ReportHead::forward(MatrixView<const double> features) const {
  return run(features_.to_unit(features), nullptr, nullptr);
}

Tensor<double> ReportHead::forward_for_training(MatrixView<const double> features) {
  inputs_.clear();
  pre_.clear();
  return run(features_.to_unit(features), &inputs_, &pre_);
}

Tensor<double> ReportHead::gradients_back(const std::vector<Layer>& layers,
                                          const std::vector<Tensor<double>>& inputs,
                                          const std::vector<Tensor<double>>& pre,
                                          MatrixView<const double> grad_output,
                                          std::vector<Layer>* add_to) {
  Tensor<double> grad({grad_output.rows, grad_output.cols});
  for (Index i = 0; i < grad_output.rows; ++i)
    std::copy_n(grad_output.row(i).data(), grad_output.cols, grad.matrix().row(i).data());
  for (std::size_t l = layers.size(); l-- > 0;) {
    const Layer& layer = layers[l];
    if (l + 1 < layers.size())
      activation_backward<double>(kHidden, grad.values(), grad.values(), pre[l].values());
    if (add_to != nullptr) {
      Layer& to = (*add_to)[l];
      const Index n_in = layer.weight.shape()[1];
      linear_backward_weight<double>(
          {to.grad_weight.data(), n_in, layer.weight.shape()[0], n_in, WeightLayout::out_in},
          to.grad_bias.values(), inputs[l].matrix(), grad.matrix(), Backend::packed);
    }
    Tensor<double> grad_in({grad.matrix().rows, layer.weight.shape()[1]});
    linear_backward_input<double>(grad_in.matrix(), grad.matrix(), view_of(layer),
                                  Output::overwrite, Backend::packed);
    grad = std::move(grad_in);
  }
  return grad;
}

Tensor<double> ReportHead::backward(MatrixView<const double> grad_output) {
  Tensor<double> grad = gradients_back(layers_, inputs_, pre_, grad_output, &layers_);
  for (Index i = 0; i < grad.matrix().rows; ++i) {
    for (Index j = 0; j < grad.matrix().cols; ++j)
      grad.matrix()(i, j) /= features_.sd[static_cast<std::size_t>(j)];
  }
  return grad;
}

void ReportHead::clear_gradients() {
  for (Layer& layer : layers_) {
    std::ranges::fill(layer.grad_weight.values(), 0.0);
    std::ranges::fill(layer.grad_bias.values(), 0.0);
  }
}

std::vector<double> ReportHead::read_direction(MatrixView<const double> feature_row,
                                               Index k) const {
  std::vector<Tensor<double>> inputs, pre;
  run(features_.to_unit(feature_row), &inputs, &pre);
  Tensor<double> unit({1, n_output()});
  unit.matrix()(0, k) = 1;
  const Tensor<double> grad = gradients_back(layers_, inputs, pre, unit.matrix(), nullptr);
  std::vector<double> direction(grad.values().begin(), grad.values().end());
  for (std::size_t c = 0; c < direction.size(); ++c) direction[c] /= features_.sd[c];
  return direction;
}

void ReportHead::set_linear(Index k, const std::vector<double>& weight, double bias) {
  if (!is_linear())
    throw ArgumentError("set_linear: the head has hidden layers, expected a linear one");
  Layer& layer = layers_.front();
  double sum = bias;
  for (std::size_t c = 0; c < weight.size(); ++c) {
    layer.weight.matrix()(k, static_cast<Index>(c)) = weight[c] * features_.sd[c];
    sum += weight[c] * features_.mean[c];
  }
  layer.bias.data()[k] = sum;
}

std::vector<double> ReportHead::linear_weight(Index k) const {
  std::vector<double> weight(static_cast<std::size_t>(n_feature()));
  for (std::size_t c = 0; c < weight.size(); ++c)
    weight[c] = layers_.front().weight.matrix()(k, static_cast<Index>(c)) / features_.sd[c];
  return weight;
}

double ReportHead::linear_bias(Index k) const {
  double bias = layers_.front().bias.data()[k];
  const std::vector<double> weight = linear_weight(k);
  for (std::size_t c = 0; c < weight.size(); ++c) bias -= weight[c] * features_.mean[c];
  return bias;
}

}  // namespace gnomon
