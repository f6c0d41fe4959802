// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gnomon/stats/shrinkage.h"
#include "gnomon/tensor/view.h"

// in: natural rows   out: how far other rows lie from them

namespace gnomon {

// Distances from the mean m of natural rows, in units of their spread,
//
//   d(x) = sqrt((x - m)ᵀ S⁻¹ (x - m))     Mahalanobis 1936
//
// with S their covariance, shrunk (stats/shrinkage.h), so that it can be inverted with fewer rows
// than columns. The rows S was made from lie nearer than new rows of the same kind do: compare
// distances of rows that had no part in it.
class NaturalRows {
 public:
  // Throws as shrunk_covariance does, and NumericError where no column varies.
  explicit NaturalRows(MatrixView<const double> rows);

  Index n() const { return covariance_.n; }
  Index width() const { return static_cast<Index>(mean_.size()); }
  double intensity() const { return covariance_.intensity; }
  // Of each row. Throws ShapeError; NumericError for a value that is not finite.
  std::vector<double> distances(MatrixView<const double> rows) const;

 private:
  std::vector<double> mean_;
  ShrunkCovariance covariance_;
};

}  // namespace gnomon
