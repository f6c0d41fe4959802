// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/quantile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/stats/detail/sample.h"

namespace gnomon {

double quantile(std::span<const double> values, double probability) {
  return quantiles(values, std::span(&probability, 1))[0];
}

std::vector<double> quantiles(std::span<const double> values,
                              std::span<const double> probabilities) {
  if (values.empty()) {
    throw ArgumentError(ErrorCode::bad_data, "quantiles: no values, expected at least 1");
  }
  detail::check_sample("quantiles", "values", values);
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> result;
  result.reserve(probabilities.size());
  for (const double probability : probabilities) {
    if (!(probability >= 0 && probability <= 1)) {
      throw ArgumentError(
          fmt::format("quantiles: probability is {}, expected 0 to 1", probability));
    }
    const double place = probability * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    result.push_back(std::lerp(sorted[below], sorted[above], place - static_cast<double>(below)));
  }
  return result;
}

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
