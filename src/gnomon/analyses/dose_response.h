// SPDX-License-Identifier: Apache-2.0
// in: what was written into a neuron and what was then reported   out: the causal gain
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/stats/bootstrap.h"
#include "gnomon/stats/equivalence.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {

// See docs/methods/patching.md.

// The values that a neuron takes by itself on the training rows.
struct NaturalRange {
  double low = 0;   // quantile 1 %
  double high = 0;  // quantile 99 %
  double mean = 0;
  double sd = 0;  // divides by n - 1

  bool holds(double value) const { return value >= low && value <= high; }
};
// Throws ArgumentError (bad_data) for fewer than 2 values or a neuron whose quantiles coincide:
// there is nothing to vary it over.
NaturalRange natural_range(std::span<const double> training_values);

// One row of a study under several doses.
struct DoseResponse {
  Tensor<double> value;   // [n_row, n_dose] of the neuron with the dose
  Tensor<double> report;  // [n_row, n_dose]
  std::vector<Index> group;
};

// How the report follows the neuron, text by text: a text's own level is taken out, since only what
// the intervention changed is its doing.
//
//   gain = Σ_i Σ_d (x_id - x̄_i)(y_id - ȳ_i) / Σ_i Σ_d (x_id - x̄_i)²
//
// over the doses whose value lies within the natural range; x̄_i and ȳ_i are the row's means over
// these. With the same doses for all rows it is the mean of the rows' slopes. A report that says
// what the neuron holds has gain 1; one that models the input has gain 0.
struct CausalGain {
  BootstrapInterval gain;  // by text group
  // Share of the within-row variance of the report that the common line accounts for.
  std::optional<double> r2_fit;
  // 1 - Σ (report - value)² / Σ (value - mean value)², all rows and doses in the range.
  std::optional<double> r2_identity;
  // Slopes of single rows, empty where a row has fewer than 2 values in the range.
  std::vector<std::optional<double>> row_gain;
  std::optional<double> row_gain_sd;
  std::optional<double> share_positive;  // of the rows' slopes
  Index n_in_range = 0;                  // of n_row n_dose points
};
// Throws ShapeError; ArgumentError for no rows or groups.
CausalGain causal_gain(const DoseResponse& response, const NaturalRange& range,
                       const BootstrapOptions& options);

// The gain of `total` minus that of `direct` on the same resamples: what later blocks and later
// tokens add. Both have the same values and groups.
BootstrapInterval gain_difference(const DoseResponse& total, const DoseResponse& direct,
                                  const NaturalRange& range, const BootstrapOptions& options);

// Whether there is no effect, at the declared margin; empty where the gain has no interval.
std::optional<EquivalenceTest> gain_equivalence(const DoseResponse& response,
                                                const NaturalRange& range, double reference,
                                                const EquivalenceOptions& equivalence,
                                                BootstrapOptions options);

// What the intervals of the gain say at the declared margin. Stored by these names.
//   follows    within 1 ± margin: the report says what the neuron holds
//   no_effect  within ± margin, whether or not 0 is among them
//   depends    not 0, and neither of these
//   undecided  none of these: see the smallest effect that could have been found
enum class GainVerdict { follows, no_effect, depends, undecided };
std::string_view gain_verdict_name(GainVerdict verdict);
GainVerdict gain_verdict(const CausalGain& total, const std::optional<EquivalenceTest>& none,
                         const std::optional<EquivalenceTest>& ideal);

// The report at one dose, over all rows.
struct DosePoint {
  double dose = 0;
  double mean_value = 0;      // of the neuron
  double share_in_range = 0;  // of rows whose value lies in the natural range: below 1, the point
                              // is partly a model that never was in such a state
  double mean_report = 0;
  double sd_report = 0;    // over rows
  double mean_change = 0;  // of the report, from the unchanged run
  std::optional<double> mean_direct = {};
  // Of the stream that holds the write: mean distance from the natural rows, mean percentile among
  // the distances of unchanged held-out rows, share of rows within 99 % of these.
  std::optional<double> mean_distance = {};
  std::optional<double> mean_percentile = {};
  std::optional<double> share_typical = {};
};
// One for each dose. `direct`, reports of the direct effect alone, may be empty.
std::vector<DosePoint> dose_points(const DoseResponse& response, std::span<const double> doses,
                                   std::span<const double> clean_report, const NaturalRange& range,
                                   const std::optional<Tensor<double>>& direct);

// What is left of the report's relation to the unpatched activation when the neuron says nothing.
//
//   slope = of the report on the activation of the unchanged run, across rows
//   carried = slope of the clean reports - slope of the ablated ones
struct Necessity {
  BootstrapInterval clean_slope;
  BootstrapInterval ablated_slope;
  BootstrapInterval carried;
  std::optional<double> clean_r;
  std::optional<double> ablated_r;
  double mean_change = 0;  // |ablated report - clean report|
  double largest_change = 0;
};
Necessity necessity(std::span<const double> activation, std::span<const double> clean_report,
                    std::span<const double> ablated_report, std::span<const Index> groups,
                    const BootstrapOptions& options);

// Whether the report follows a value that another text's neuron had. Every row gets several donors;
// rows are taken about their own means, so that what texts differ in otherwise does not count.
//
//   slope and r of the report on the donor's value, within rows
//
// Null: donors shuffled over all pairs of a row and a donor, reports left where they are. Donors
// were drawn at random, so that under no effect all assignments are equally likely, whatever the
// texts.
struct Sufficiency {
  Index n_pair = 0;
  std::optional<double> slope;
  std::optional<double> r;
  double p_value = 1;     // two-sided on |r|
  double null_r_low = 0;  // 2.5 % and 97.5 % of r among the shuffles
  double null_r_high = 0;
  double null_slope_low = 0;
  double null_slope_high = 0;
  Index n_shuffle = 0;
  std::string why;  // why something is absent; empty where nothing is
};
// donor_value, report [n_row, n_donor]. Throws ShapeError; ArgumentError for fewer than 2 donors or
// 1 shuffle.
Sufficiency sufficiency(MatrixView<const double> donor_value, MatrixView<const double> report,
                        Index n_shuffle, std::uint64_t seed);

}  // namespace gnomon
