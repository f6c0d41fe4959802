// SPDX-License-Identifier: Apache-2.0
// in: rows of a stream, or a layer   out: directions that have nothing to do with the target
#pragma once

#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {

// Subtracts the mean of each column of `rows` [n, d].
void subtract_column_means(MatrixView<double> rows);

// Directions [n, d] drawn from a normal distribution with the covariance of `rows` [n_row, d], up
// to a common factor: sums of the centred rows with independent standard normal weights. The right
// null where a few coordinates hold most of a stream's variance.
Tensor<double> covariance_matched_directions(Tensor<double> rows, Index n, Random random);

// `n` of `n_all` neurons, or of the coordinates of a stream, or all where there are fewer; `own` is
// none of them. Ascending; which ones is drawn from `random`.
std::vector<Index> others_of_layer(Index n_all, Index own, Index n, Random random);

}  // namespace gnomon
