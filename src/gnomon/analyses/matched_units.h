// SPDX-License-Identifier: Apache-2.0
// in: a site's activations and write norms   out: coordinates that resemble one of them
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "gnomon/tensor/tensor.h"

namespace gnomon {

// A coordinate that stands in for the target in a control: what is found for the target has to be
// more than what is found for any coordinate of this size.
struct MatchedUnit {
  Index unit = 0;
  double mean = 0;
  double sd = 0;
  double write_norm = 0;
  double distance = 0;  // from the target, see matched_units
};

// `n` coordinates drawn from the 2 n nearest to `target`, in the order of their distance
//
//   sqrt(Σ ((f - f_target) / sd of f over the site)²)   f = mean, log sd, log write norm
//
// among those that vary, whose quantiles 1 % and 99 % differ, and that write. Fewer where the site
// has fewer. The draw is the stream "patch/controls" of `seed`: not always the n nearest, so that
// seeds differ in their controls as well.
//
// activations [n_row, n_unit] of the training rows   write_norms [n_unit]
std::vector<MatchedUnit> matched_units(MatrixView<const double> activations,
                                       std::span<const double> write_norms, Index target, Index n,
                                       std::uint64_t seed);

}  // namespace gnomon
