// SPDX-License-Identifier: Apache-2.0
#include "gnomon/directions/null_directions.h"

#include <algorithm>

#include "gnomon/kernels/linear_algebra.h"

namespace gnomon {

void subtract_column_means(MatrixView<double> rows) {
  for (Index c = 0; c < rows.cols; ++c) {
    double mean = 0;
    for (Index i = 0; i < rows.rows; ++i) mean += rows(i, c);
    mean /= static_cast<double>(rows.rows);
    for (Index i = 0; i < rows.rows; ++i) rows(i, c) -= mean;
  }
}

Tensor<double> covariance_matched_directions(Tensor<double> rows, Index n, Random random) {
  subtract_column_means(rows.matrix());
  Tensor<double> weights({n, rows.matrix().rows});
  for (double& w : weights.values()) w = random.normal();
  Tensor<double> directions({n, rows.matrix().cols});
  multiply(directions.matrix(), weights.matrix(), Op::plain, rows.matrix(), Op::plain);
  return directions;
}

std::vector<Index> others_of_layer(Index n_all, Index own, Index n, Random random) {
  std::vector<Index> others;
  for (Index j = 0; j < n_all; ++j) {
    if (j != own) others.push_back(j);
  }
  random.shuffle(others);
  others.resize(static_cast<std::size_t>(std::min<Index>(n, std::ssize(others))));
  std::sort(others.begin(), others.end());
  return others;
}

}  // namespace gnomon
