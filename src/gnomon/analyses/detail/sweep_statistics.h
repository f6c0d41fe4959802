// SPDX-License-Identifier: Apache-2.0
// in: effects of cells in pairs   out: means, normalised effects, tests and the error of a ranking
#pragma once

#include <span>
#include <vector>

#include "gnomon/analyses/patch_sweep.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon::detail {

// Effects [n_case, n_cell]; NaN where a pair does not have the token.
struct SweepEffects {
  Tensor<double> exact;        // NaN also where the cell was not patched
  Tensor<double> approximate;  // empty where nothing was approximated
};

// Fills the approximate fields of the cells.
void approximate_cells(const Tensor<double>& effects, PatchSweep& sweep);

// What a cell is ranked by: the magnitude of its normalised effect where that exists, else of the
// mean one. 0 where there is none.
double ranking_figure(const PatchSweep& sweep, const CellEffect& cell, bool exact);

// The cells to patch: the n_top with the largest approximation, then n_sample of the others.
std::vector<std::size_t> choose_cells(const PatchSweep& sweep, const AttributionOptions& options,
                                      std::uint64_t seed);

// Fills means, intervals and tests of the cells that `exact` says were patched.
void measure_cells(const Tensor<double>& effects, std::span<const Index> group,
                   const SweepOptions& options, PatchSweep& sweep);

// `chosen` as choose_cells gave them.
AttributionError attribution_error(const PatchSweep& sweep, std::span<const std::size_t> chosen,
                                   const AttributionOptions& options);

}  // namespace gnomon::detail
