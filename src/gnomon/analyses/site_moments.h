// SPDX-License-Identifier: Apache-2.0
// in: texts and sites   out: mean, spread and range of every number there, none of them stored
#pragma once

#include <span>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/stats/column_moments.h"

namespace gnomon {

struct SiteMoments {
  SiteAt at;
  ColumnMoments moments;  // a column for each number of the site's row
};

// Moments over all tokens that the sites ask for, of the numbers of `capture`. What is held does
// not grow with the texts: moments of more texts than one call takes are joined by
// ColumnMoments::merge. Throws as capture does, and ArgumentError for attention scores and
// patterns, whose rows are as wide as their text.
template <class T>
std::vector<SiteMoments> capture_moments(const Model& model,
                                         std::span<const std::vector<TokenId>> texts,
                                         std::span<const SiteAt> sites, const RunOptions& options);

}  // namespace gnomon
