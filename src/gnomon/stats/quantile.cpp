// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/quantile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/kernels/column_sort.h"
#include "gnomon/stats/detail/sample.h"

namespace gnomon {

namespace {

// Between which order statistics of n values a quantile lies, and how far towards the second.
struct Place {
  std::size_t below;
  std::size_t above;
  double weight;
};

Place place_of(double probability, std::size_t n) {
  if (!(probability >= 0 && probability <= 1)) {
    throw ArgumentError(fmt::format("quantiles: probability is {}, expected 0 to 1", probability));
  }
  const double place = probability * static_cast<double>(n - 1);
  const auto below = static_cast<std::size_t>(place);
  return {below, std::min(below + 1, n - 1), place - static_cast<double>(below)};
}

void require_values(bool any) {
  if (!any) {
    throw ArgumentError(ErrorCode::bad_data, "quantiles: no values, expected at least 1");
  }
}

}  // namespace

double quantile(std::span<const double> values, double probability) {
  return quantiles(values, std::span(&probability, 1))[0];
}

std::vector<double> quantiles(std::span<const double> values,
                              std::span<const double> probabilities) {
  require_values(!values.empty());
  detail::check_sample("quantiles", "values", values);
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> result;
  result.reserve(probabilities.size());
  for (const double probability : probabilities) {
    const Place place = place_of(probability, sorted.size());
    result.push_back(std::lerp(sorted[place.below], sorted[place.above], place.weight));
  }
  return result;
}

template <class T>
Tensor<double> quantiles_of_columns(MatrixView<T> columns, std::span<const double> probabilities) {
  require_values(columns.rows > 0);
  sort_columns<T>(columns);
  Tensor<double> result({static_cast<Index>(probabilities.size()), columns.cols});
  for (std::size_t k = 0; k < probabilities.size(); ++k) {
    const Place place = place_of(probabilities[k], static_cast<std::size_t>(columns.rows));
    for (Index j = 0; j < columns.cols; ++j) {
      result.matrix()(static_cast<Index>(k), j) =
          std::lerp(static_cast<double>(columns(static_cast<Index>(place.below), j)),
                    static_cast<double>(columns(static_cast<Index>(place.above), j)), place.weight);
    }
  }
  return result;
}

template Tensor<double> quantiles_of_columns(MatrixView<float>, std::span<const double>);
template Tensor<double> quantiles_of_columns(MatrixView<double>, std::span<const double>);

double percentile_rank(std::span<const double> null_values, double value) {
  if (null_values.empty()) {
    throw ArgumentError(ErrorCode::bad_data,
                        "percentile_rank: no null values, expected at least 1");
  }
  detail::check_sample("percentile_rank", "null_values", null_values);
  detail::check_sample("percentile_rank", "value", std::span(&value, 1));
  const auto below = std::count_if(null_values.begin(), null_values.end(),
                                   [&](double null_value) { return null_value < value; });
  const auto equal = std::count(null_values.begin(), null_values.end(), value);
  return (static_cast<double>(below) + static_cast<double>(equal) / 2) /
         static_cast<double>(null_values.size());
}

}  // namespace gnomon
