// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon {

// Rows by group. A group (the texts that are the same, or come from one template) is the unit of
// splitting, resampling and permuting: rows of one group are not independent.
struct Groups {
  Index n_group = 0;
  std::vector<Index> of_row;  // [n_row] 0 to n_group - 1, numbered in order of first appearance
  std::vector<Index> row;     // [n_row] the rows of group 0, then of group 1, ...; ascending within
  std::vector<Index> first_row;  // [n_group + 1] where a group starts in `row`

  Index n_row() const { return static_cast<Index>(of_row.size()); }
  Index size(Index g) const { return first_row[g + 1] - first_row[g]; }
  std::span<const Index> rows(Index g) const {
    return std::span<const Index>(row).subspan(first_row[g], size(g));
  }
};

// ids[i] is the group of row i; any numbers will do.
Groups index_groups(std::span<const Index> ids);

// Whole groups to folds 0 to n_fold - 1, as equal in rows as groups allow: largest group first,
// each to the fold that has the fewest rows; which of equal groups goes where is drawn from `seed`.
// Returns the fold of every row. Throws ArgumentError where there are fewer groups than folds or
// n_fold < 2.
std::vector<Index> assign_folds(const Groups& groups, Index n_fold, std::uint64_t seed);

}  // namespace gnomon
