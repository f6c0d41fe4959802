// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "gnomon/targets/split.h"
#include "gnomon/targets/target.h"
#include "gnomon/tensor/tensor.h"
#include "gnomon/tokens/token.h"

namespace gnomon {

// What a reporter is trained and scored on: one row for each text and position of the targets.
struct ReporterData {
  std::vector<std::vector<TokenId>> ids;  // of each text
  std::vector<Target> targets;            // all at the same position
  SiteAt feature_site;                    // where a head reads

  // By row, rows of a text together and ascending.
  std::vector<Index> text;
  std::vector<Index> position;          // token of the targets
  std::vector<Index> feature_position;  // token at which a head reads, or whose logits report
  std::vector<Index> group;
  std::vector<Part> part;
  Tensor<double> activation;  // [n_row, n_target] of the base model: the snapshot

  Index n_row() const { return static_cast<Index>(text.size()); }
  std::vector<Index> rows_of(Part wanted) const {
    std::vector<Index> rows;
    for (Index r = 0; r < n_row(); ++r) {
      if (part[static_cast<std::size_t>(r)] == wanted) rows.push_back(r);
    }
    return rows;
  }
  // The last block in which a target lies.
  Index target_layer() const;
};

// Fills `feature_position`: the position of the feature site in each text, or, where the targets
// are at @all, the target's own. Throws ArgumentError (out_of_range) where a text has no such token
// and (usage) where one of both is @all and the other is not.
void resolve_feature_positions(ReporterData& data);

// `rows` of the activations, [n, n_target].
Tensor<double> activation_rows(const ReporterData& data, const std::vector<Index>& rows);

}  // namespace gnomon
