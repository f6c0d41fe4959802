// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/matched_units.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/moments.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {

std::vector<MatchedUnit> matched_units(MatrixView<const double> activations,
                                       std::span<const double> write_norms, Index target, Index n,
                                       std::uint64_t seed) {
  if (static_cast<Index>(write_norms.size()) != activations.cols || target < 0 ||
      target >= activations.cols)
    throw ShapeError("matched_units: write norms and target do not fit the activations");
  using Features = std::array<double, 3>;
  std::vector<MatchedUnit> units;
  std::vector<Features> features;
  std::array<Moments, 3> spread;
  std::ptrdiff_t place_of_target = -1;
  const std::array<double, 2> ends = {0.01, 0.99};
  for (Index unit = 0; unit < activations.cols; ++unit) {
    const std::vector<double> values = column(activations, unit);
    Moments moments;
    moments.add(values);
    const std::vector<double> range = quantiles(values, ends);
    const double norm = write_norms[static_cast<std::size_t>(unit)];
    if (!(range[0] < range[1]) || !(norm > 0)) continue;
    if (unit == target) place_of_target = static_cast<std::ptrdiff_t>(units.size());
    units.push_back({unit, *moments.mean(), *moments.sd(), norm, 0});
    features.push_back({*moments.mean(), std::log(*moments.sd()), std::log(norm)});
    for (std::size_t f = 0; f < 3; ++f) spread[f].add(features.back()[f]);
  }
  if (place_of_target < 0) return {};
  const Features of_target = features[static_cast<std::size_t>(place_of_target)];
  for (std::size_t u = 0; u < units.size(); ++u) {
    double squares = 0;
    for (std::size_t f = 0; f < 3; ++f) {
      const double sd = spread[f].sd().value_or(0);
      if (sd == 0) continue;
      squares += (features[u][f] - of_target[f]) * (features[u][f] - of_target[f]) / (sd * sd);
    }
    units[u].distance = std::sqrt(squares);
  }
  units.erase(units.begin() + place_of_target);
  std::ranges::stable_sort(units, {}, &MatchedUnit::distance);
  if (static_cast<Index>(units.size()) > 2 * n) units.resize(static_cast<std::size_t>(2 * n));
  Random random(seed, "patch/controls");
  random.shuffle(units);
  if (static_cast<Index>(units.size()) > n) units.resize(static_cast<std::size_t>(n));
  std::ranges::stable_sort(units, {}, &MatchedUnit::distance);
  return units;
}

}  // namespace gnomon
