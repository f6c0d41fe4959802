// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/audit_ladder.h"
#include "gnomon/analyses/study.h"

namespace gnomon {

// The cosine of two vectors in one space, with the same cosine of the layer's other neurons as its
// null.
struct CosineResult {
  std::string name;   // "head, output"
  std::string space;  // "raw", "centred" or "whitened"
  std::string definition;
  double value = 0;
  std::optional<double> percentile;  // of |value| among the other neurons, 0 to 100
  std::optional<double> null_sd;
  Index n_null = 0;
};

// Cosines between the head's weight, what the target writes and what the neuron reads. Vectors are
// of the residual stream as the norms see it: centred where they subtract the mean, raw where they
// do not. The pattern Σ w and the whitened cosine take Σ from the features of the training rows;
// whitening regularises it as the ridge fit did that gave the head.
template <class T>
std::vector<CosineResult> cosine_table(const StudyData& data, const Weights<T>& weights,
                                       const LinearHead& head, double ridge_lambda,
                                       std::span<const Index> training_rows);

}  // namespace gnomon
