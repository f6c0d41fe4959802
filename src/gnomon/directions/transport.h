// SPDX-License-Identifier: Apache-2.0
// in: a direction that is read at a site of a model   out: the one that reads the same numbers when
// the model's weights are processed, or were
#pragma once

#include "gnomon/directions/direction.h"
#include "gnomon/model/site_rewriting.h"

namespace gnomon {

// Of a row s of some sites weight processing makes s' = (s - t) / g, of others s' = C(s), which is
// s less its mean (SiteRewriting). What h with bias c reads of the weights as stored, h · s + c,
// and what h' with c' reads of the processed ones are the same where
//
//   (s - t) / g    h' = g h, c' = c + h · t;    h = h' / g, c = c' - h · t
//   C(s)           h' = h, if Σ h = 0: the mean is gone from s';    h = C(h')
//
// with the same bias in the second row. Identity I9 of docs/methods/weight_processing.md.
//
// `raw` is the model with its weights as stored. Throws ArgumentError for a direction of other
// weights than the function takes, a site with a coordinate, or a direction that has no
// counterpart; ShapeError for another width than the site's; NumericError for numbers that are not
// finite; UnsupportedError for sites with a stream for each head.
Direction<Space::raw> to_processed(const Direction<Space::raw>& direction, const Model& raw,
                                   const WeightProcessing& processing);
Direction<Space::raw> to_raw(const Direction<Space::raw>& direction, const Model& raw,
                             const WeightProcessing& processing);

}  // namespace gnomon
