// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/activation_summary.h"

#include <algorithm>

#include "gnomon/stats/moments.h"
#include "gnomon/stats/quantile.h"

namespace gnomon::detail {

ActivationSummary summarise_activation(std::span<const double> values) {
  Moments moments;
  moments.add(values);
  ActivationSummary summary;
  summary.n = moments.n();
  summary.mean = moments.mean().value_or(0);
  summary.sd = moments.sd().value_or(0);
  summary.skewness = moments.skewness();
  summary.positive =
      static_cast<double>(std::ranges::count_if(values, [](double v) { return v > 0; })) /
      static_cast<double>(values.size());
  summary.quantiles = quantiles(values, ActivationSummary::kProbabilities);
  summary.counts.assign(static_cast<std::size_t>(ActivationSummary::kCells), 0);
  const double width = summary.high() - summary.low();
  for (const double value : values) {
    const double share = width > 0 ? (value - summary.low()) / width : 0;
    const auto cell = static_cast<Index>(share * static_cast<double>(ActivationSummary::kCells));
    ++summary.counts[static_cast<std::size_t>(std::min(cell, ActivationSummary::kCells - 1))];
  }
  return summary;
}

}  // namespace gnomon::detail
