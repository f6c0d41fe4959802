// SPDX-License-Identifier: Apache-2.0
// in: a site of the stream   out: the weights that read it next, and what of a direction they see
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/model/model.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon::detail {

struct StreamReaders {
  std::string name;      // "W_in of block 2"
  Tensor<double> reads;  // [n, d_model] as the stream before the norm is read; empty: `why`
  std::string why;
};

// resid_mid: the MLP's input weights of its block; resid_pre, resid_post: queries, keys and values
// of the block that follows, in a parallel block the MLP's input weights too. The norm's weight is
// folded in, and its centring.
template <class T>
StreamReaders next_readers(const Model& model, const Site& site);

// The part of `direction` in the span of the rows of `reads`, whose singular values below
// sqrt(max(n, d) eps) of the largest count as 0; `rank` counts the others.
std::vector<double> row_space_part(MatrixView<const double> reads,
                                   std::span<const double> direction, Index& rank);

}  // namespace gnomon::detail
