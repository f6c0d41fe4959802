// SPDX-License-Identifier: Apache-2.0
// in: rows of features   out: rows of outputs, and gradients
#pragma once

#include <string>
#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {

// Means and standard deviations of columns, from training rows. The one place where anything is
// brought to unit scale and back.
struct Scaling {
  std::vector<double> mean;
  std::vector<double> sd;  // 1 for a column that does not vary

  Tensor<double> to_unit(MatrixView<const double> x) const;    // (x - mean) / sd
  Tensor<double> from_unit(MatrixView<const double> z) const;  // mean + sd z
};
// Throws ArgumentError for no rows.
Scaling scaling_of(MatrixView<const double> rows);

// A small network on features that were scaled to unit variance with the statistics of the training
// rows: linear layers with gelu between them. Without hidden layers a linear head. In double, since
// it is small.
class ReportHead {
 public:
  struct Layer {
    Tensor<double> weight;  // [n_out, n_in]
    Tensor<double> bias;    // [n_out]
    Tensor<double> grad_weight, grad_bias;
  };

  // Weights are normal with variance 1 / n_in, biases 0: outputs start with about unit variance.
  ReportHead(Scaling features, const std::vector<Index>& hidden, Index n_output, Random random);

  Index n_feature() const { return static_cast<Index>(features_.mean.size()); }
  Index n_output() const { return layers_.back().weight.shape()[0]; }
  bool is_linear() const { return layers_.size() == 1; }
  const Scaling& features() const { return features_; }
  std::vector<Layer>& layers() { return layers_; }
  const std::vector<Layer>& layers() const { return layers_; }

  // Outputs [n, n_output] of features [n, n_feature] in their own units.
  Tensor<double> forward(MatrixView<const double> features) const;
  // The same, keeping what backward needs.
  Tensor<double> forward_for_training(MatrixView<const double> features);
  // Adds the gradients of all layers; returns the gradient with respect to the features.
  Tensor<double> backward(MatrixView<const double> grad_output);
  void clear_gradients();

  // Gradient of output `k` with respect to the features of one row: for a linear head its effective
  // weight in the units of the features, whatever the row.
  std::vector<double> read_direction(MatrixView<const double> feature_row, Index k) const;
  // Of a linear head: output = weight · feature + bias in the units of the features.
  void set_linear(Index k, const std::vector<double>& weight, double bias);
  std::vector<double> linear_weight(Index k) const;
  double linear_bias(Index k) const;

 private:
  Tensor<double> run(Tensor<double> x, std::vector<Tensor<double>>* inputs,
                     std::vector<Tensor<double>>* pre) const;
  static Tensor<double> gradients_back(const std::vector<Layer>& layers,
                                       const std::vector<Tensor<double>>& inputs,
                                       const std::vector<Tensor<double>>& pre,
                                       MatrixView<const double> grad_output,
                                       std::vector<Layer>* add_to);

  Scaling features_;
  std::vector<Layer> layers_;
  std::vector<Tensor<double>> inputs_;  // of each layer, of the last forward_for_training
  std::vector<Tensor<double>> pre_;     // of each hidden layer, before gelu
};

}  // namespace gnomon
