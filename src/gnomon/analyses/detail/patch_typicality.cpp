// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/detail/patch_typicality.h"

#include <utility>

#include "gnomon/stats/mahalanobis.h"
#include "gnomon/stats/quantile.h"

namespace gnomon::detail {

Typicality measure_typicality(MatrixView<const double> natural, MatrixView<const double> own,
                              std::span<const double> write, std::span<const double> activation,
                              MatrixView<const double> values, std::vector<DosePoint>& points) {
  Typicality result;
  const NaturalRows rows(natural);
  result.n_natural = rows.n();
  result.intensity = rows.intensity();
  result.clean = rows.distances(own);
  result.clean_median = quantile(result.clean, 0.5);
  result.clean_q99 = quantile(result.clean, 0.99);
  result.distance = Tensor<double>({values.rows, values.cols});
  Tensor<double> patched({own.rows, own.cols});
  for (Index d = 0; d < values.cols; ++d) {
    for (Index i = 0; i < own.rows; ++i) {
      const double delta = values(i, d) - activation[static_cast<std::size_t>(i)];
      for (Index c = 0; c < own.cols; ++c)
        patched.matrix()(i, c) = own(i, c) + delta * write[static_cast<std::size_t>(c)];
    }
    const std::vector<double> distances = rows.distances(std::as_const(patched).matrix());
    double distance = 0, percentile = 0, typical = 0;
    for (Index i = 0; i < own.rows; ++i) {
      const double of_row = distances[static_cast<std::size_t>(i)];
      result.distance.matrix()(i, d) = of_row;
      distance += of_row;
      percentile += 100 * percentile_rank(result.clean, of_row);
      typical += of_row <= result.clean_q99 ? 1 : 0;
    }
    const auto n = static_cast<double>(own.rows);
    DosePoint& point = points[static_cast<std::size_t>(d)];
    point.mean_distance = distance / n;
    point.mean_percentile = percentile / n;
    point.share_typical = typical / n;
  }
  return result;
}

}  // namespace gnomon::detail
