// SPDX-License-Identifier: Apache-2.0
// in: training activations and a number of bins   out: a code of K labels, and the way back
#pragma once

#include <span>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon {

// Activations as one of K labels. See docs/methods/bins.md.
//
// The label of a value is the number of edges that are not above it. With K - 1 inner edges and no
// outer ones it is 0 to K - 1 whatever the value: the largest training value is in the last bin,
// values outside the training range are in the first or last.
struct BinCode {
  std::vector<double> edges;  // [K - 1] ascending, between the bins
  // [K] what a label decodes to: the mean of the training values in the bin, which is inside the
  // bin, so that encode(decode(k)) = k. A bin of equal width may hold no training value; it decodes
  // to its centre, and its n is 0.
  std::vector<double> means;
  std::vector<Index> n;  // [K] training values in the bin

  Index n_bin() const { return static_cast<Index>(means.size()); }
  // Throws NumericError for a value that is not finite.
  Index encode(double value) const;
  std::vector<Index> encode(std::span<const double> values) const;
  // Throws ArgumentError (out_of_range) for a label outside 0 to K - 1.
  double decode(Index label) const;
  std::vector<double> decode(std::span<const Index> labels) const;
  // Σ_k probability_k means_k: the expected activation under a distribution over the labels, of
  // K numbers that need not add up to exactly 1. Throws ShapeError for another number of them,
  // NumericError for one that is not finite or below 0, and where all are 0.
  double expected(std::span<const double> probabilities) const;
};

// K bins of the same width from the smallest to the largest training value.
//
// This and the next throw ArgumentError (usage) for n_bin < 2; (bad_data) where n_bin is larger
// than the number of distinct values, which the message gives; NumericError for a value that is not
// finite. This one also throws ArgumentError (bad_data) where the range is so small that edges
// coincide.
BinCode equal_width_bins(std::span<const double> training_values, Index n_bin);

// K bins with as many training values each as ties allow: equal values are in one bin, every bin
// has at least one value, and an edge is half-way between the values it separates. Edge k is at the
// boundary between distinct values that is nearest to a share k / K of the training values.
BinCode equal_count_bins(std::span<const double> training_values, Index n_bin);

}  // namespace gnomon
