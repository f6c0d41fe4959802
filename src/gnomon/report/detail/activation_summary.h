// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon::detail {

// How the activations of a data set are distributed.
struct ActivationSummary {
  static constexpr std::array kProbabilities = {0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0};
  static constexpr Index kCells = 20;

  Index n = 0;
  double mean = 0;
  double sd = 0;
  std::optional<double> skewness;
  double positive = 0;            // share of values above 0
  std::vector<double> quantiles;  // at kProbabilities
  std::vector<Index> counts;      // in kCells cells of equal width from the smallest to the largest

  double low() const { return quantiles.front(); }
  double high() const { return quantiles.back(); }
  double cell_low(Index cell) const {
    return low() + (high() - low()) * static_cast<double>(cell) / static_cast<double>(kCells);
  }
};

// Of at least two values.
ActivationSummary summarise_activation(std::span<const double> values);

}  // namespace gnomon::detail
