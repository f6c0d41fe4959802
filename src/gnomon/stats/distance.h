// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "gnomon/tensor/view.h"

// in: two samples   out: how far apart their distributions are.

namespace gnomon {

// Wasserstein-1 (earth mover's) distance ∫ |F_a(t) - F_b(t)| dt between two samples, in their unit:
// the mean distance over which probability has to be moved. Needs no binning and no smoothing. This
// and the next throw ArgumentError for an empty sample, NumericError for a value that is not
// finite.
double wasserstein1(std::span<const double> a, std::span<const double> b);

// Kolmogorov-Smirnov distance sup |F_a(t) - F_b(t)|, from 0 to 1.
double kolmogorov_smirnov(std::span<const double> a, std::span<const double> b);

// Kullback-Leibler divergence of two histograms over the same cells, Σ p ln (p / q) in nats, with
//
//   p = (count_a + pseudo_count) / (n_a + n_cell pseudo_count), and so q.
//
// The result depends on the cells and on pseudo_count, which is why both stand beside it; without
// smoothing a single empty cell of b makes it infinite. Throws ShapeError for different numbers of
// cells, ArgumentError for no cell, a negative count or pseudo_count <= 0.
struct KlDivergence {
  double nats = 0;
  double pseudo_count = 0;
  Index n_cell = 0;
  double low = 0;  // the range that was cut into cells; 0 to n_cell for counts
  double high = 0;
};
KlDivergence kl_divergence(std::span<const Index> count_a, std::span<const Index> count_b,
                           double pseudo_count);

// The same for two samples, over n_cell equal cells from the smallest to the largest value of both.
// Equal values all fall into one cell.
KlDivergence kl_divergence(std::span<const double> a, std::span<const double> b, Index n_cell,
                           double pseudo_count);

}  // namespace gnomon
