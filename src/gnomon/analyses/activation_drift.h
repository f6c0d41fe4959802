// SPDX-License-Identifier: Apache-2.0
// in: the activation of reference rows before and during training   out: what became of the neuron
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gnomon/stats/bootstrap.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// One sample, in activation units.
struct ActivationSummary {
  double mean = 0;
  double sd = 0;  // divides by n - 1; 0 for one row
  double min = 0;
  double q05 = 0;
  double q25 = 0;
  double median = 0;
  double q75 = 0;
  double q95 = 0;
  double max = 0;
};

// What the interval of the ratio sd now / sd at the start says. Stored by these names.
//   collapsed  it lies below 1/2: the neuron says less than half of what it said
//   kept       it lies within 4/5 to 5/4
//   expanded   it lies above 2
//   changed    none of these, and it does not hold 1
//   unclear    none of these: too few texts to tell
enum class SpreadVerdict { collapsed, kept, expanded, changed, unclear };
std::string_view spread_verdict_name(SpreadVerdict verdict);

struct ActivationDrift {
  Index n = 0;  // rows
  Index n_group = 0;
  ActivationSummary initial;
  ActivationSummary current;
  double wasserstein1 = 0;  // of current from initial, activation units
  double kolmogorov_smirnov = 0;
  // Pearson's r of current with initial, row by row: 1 where training only moved or scaled it.
  std::optional<double> r;
  std::optional<Interval> r_interval;
  // These are empty where the initial activation is constant.
  std::optional<double> mean_shift;  // (mean now - mean at the start) / sd at the start
  std::optional<double> sd_ratio;    // sd now / sd at the start
  std::optional<Interval> sd_ratio_interval;
  std::optional<double> variance_ratio;  // sd_ratio²
  SpreadVerdict spread = SpreadVerdict::unclear;
  std::string why;  // why something is absent; empty where nothing is
};

// Rows in the same order in both. Intervals are cluster bootstraps over the groups, from the same
// resamples. Throws ArgumentError (bad_data) for no rows, ShapeError, NumericError for a value that
// is not finite.
ActivationDrift measure_drift(std::span<const double> initial, std::span<const double> current,
                              std::span<const Index> groups, const BootstrapOptions& options);

// The rule of SpreadVerdict.
SpreadVerdict spread_verdict(const std::optional<Interval>& sd_ratio);

}  // namespace gnomon
