// SPDX-License-Identifier: Apache-2.0
// in: a neuron and rows   out: what it reads of the stream, as one direction
#pragma once

#include <span>
#include <vector>

#include "gnomon/activations/gradients.h"
#include "gnomon/analyses/detail/data_rows.h"

namespace gnomon::detail {

// The mean over rows of the gradient of the target's number with respect to the stream that its
// block's MLP reads, at its own token, [d_model].
template <class T>
std::vector<double> mean_read_gradient(const Model& model, const ReporterData& data,
                                       const Target& target, std::span<const Index> rows,
                                       Backend backend) {
  const SiteAt at{{mlp_stream(model.config()), target.layer(), std::nullopt}, target.at.position};
  const TextsOfRows texts(data, rows);
  RunOptions run;
  run.backend = backend;
  const std::vector<Activations<T>> gradients =
      capture_gradients<T>(model, texts.ids, {&at, 1}, target.at, run);
  const Tensor<double> of_rows = values_of_rows(gradients[0], texts, data, rows, data.position);
  std::vector<double> mean(static_cast<std::size_t>(of_rows.matrix().cols));
  for (Index i = 0; i < of_rows.matrix().rows; ++i) {
    for (std::size_t c = 0; c < mean.size(); ++c)
      mean[c] +=
          of_rows.matrix()(i, static_cast<Index>(c)) / static_cast<double>(of_rows.matrix().rows);
  }
  return mean;
}

}  // namespace gnomon::detail
