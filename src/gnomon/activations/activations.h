// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {

// The numbers read at one site. Row r belongs to token position[r] of text text[r]; rows are in the
// order of texts, then tokens.
template <class T>
struct Activations {
  SiteAt at;
  std::vector<Index> text;
  std::vector<Index> position;
  Tensor<T> values;  // [n_row, width], or [n_row, 1] for a single coordinate
  // Attention scores and patterns are as wide as their text is long: one tensor [head, q_pos,
  // k_pos] for each text, in place of `values`.
  std::vector<Tensor<T>> by_text;

  Index n_row() const { return static_cast<Index>(text.size()); }
};

}  // namespace gnomon
