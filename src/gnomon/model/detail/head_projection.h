// SPDX-License-Identifier: Apache-2.0
// The part of a projection that belongs to one head, or to some of its channels.
#pragma once

#include <cstring>
#include <span>

#include "gnomon/model/weights.h"

namespace gnomon::detail {

// The inputs [first, first + n_in) of a projection or of its gradient.
template <class View>
View inputs(const View& whole, Index first, Index n_in) {
  View part = whole;
  part.n_in = n_in;
  if (whole.data != nullptr)
    part.data += whole.layout == WeightLayout::in_out ? first * whole.stride : first;
  return part;
}

// The outputs [first, first + n_out) of a projection, which lie in one of its groups.
template <class T>
LinearWeights<T> outputs(const LinearWeights<T>& whole, Index first, Index n_out) {
  LinearWeights<T> part = whole;
  const Index at = whole.weight.groups.stored(first);
  part.weight.data += whole.weight.layout == WeightLayout::in_out ? at : at * whole.weight.stride;
  part.weight.n_out = n_out;
  part.weight.groups = {};
  if (!whole.bias.empty())
    part.bias = whole.bias.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(n_out));
  return part;
}

// What a hook has changed of `before` in `heads` [n_row, n_heads d], added to `sum` [n_row, d], of
// which the heads are parts or copies. As differences, and nothing where the bits are the same: a
// hook that only reads leaves those of the sum, infinities and NaN included.
template <class T>
void add_changes(MatrixView<T> sum, MatrixView<const T> heads, std::span<const T> before) {
  for (Index i = 0; i < heads.rows; ++i) {
    for (Index c = 0; c < heads.cols; ++c) {
      const T& was = before[static_cast<std::size_t>(i * heads.cols + c)];
      if (std::memcmp(&heads(i, c), &was, sizeof(T)) != 0)
        sum(i, c % sum.cols) += heads(i, c) - was;
    }
  }
}

}  // namespace gnomon::detail
