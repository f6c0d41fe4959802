// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "gnomon/directions/direction.h"
#include "gnomon/model/config.h"

namespace gnomon::detail {

// The residual stream as the norms of a model see it.
class StreamSpace {
 public:
  explicit StreamSpace(NormKind norm_kind) : centre_(norm_kind == NormKind::layer_norm) {}

  std::string name() const { return centre_ ? "centred" : "raw"; }
  std::vector<double> of(std::vector<double> vector) const {
    if (!centre_) return vector;
    return centred({"", {}, std::move(vector), 0, ""}).weight;
  }

 private:
  bool centre_;
};

inline std::vector<double> row_of(const Tensor<double>& rows, Index k) {
  const std::span<const double> row = rows.matrix().row(k);
  return {row.begin(), row.end()};
}

inline std::vector<double> matrix_times(const Tensor<double>& matrix,
                                        const std::vector<double>& v) {
  std::vector<double> result;
  for (Index i = 0; i < matrix.matrix().rows; ++i) result.push_back(dot(matrix.matrix().row(i), v));
  return result;
}

}  // namespace gnomon::detail
