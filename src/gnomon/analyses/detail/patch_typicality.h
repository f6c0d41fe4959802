// SPDX-License-Identifier: Apache-2.0
// in: rows of a stream and what is added to them   out: how unusual the sums are
#pragma once

#include <span>
#include <vector>

#include "gnomon/analyses/patch_study.h"

namespace gnomon::detail {

// Distances of own[i] + (values[i, d] - activation[i]) write from the natural rows, and of own[i];
// fills the distances of `points`, one for each dose. All but the name of the site.
//
// natural [n, d_model] of at least 3 rows   own [n_row, d_model]   values [n_row, n_dose]
Typicality measure_typicality(MatrixView<const double> natural, MatrixView<const double> own,
                              std::span<const double> write, std::span<const double> activation,
                              MatrixView<const double> values, std::vector<DosePoint>& points);

}  // namespace gnomon::detail
