// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {

Groups index_groups(std::span<const Index> ids) {
  Groups groups;
  std::unordered_map<Index, Index> number;
  groups.of_row.reserve(ids.size());
  for (const Index id : ids) {
    groups.of_row.push_back(
        number.try_emplace(id, static_cast<Index>(number.size())).first->second);
  }
  groups.n_group = static_cast<Index>(number.size());
  groups.first_row.assign(number.size() + 1, 0);
  for (const Index g : groups.of_row) ++groups.first_row[g + 1];
  std::partial_sum(groups.first_row.begin(), groups.first_row.end(), groups.first_row.begin());
  groups.row.resize(ids.size());
  std::vector<Index> next = groups.first_row;
  for (Index i = 0; i < groups.n_row(); ++i) groups.row[next[groups.of_row[i]]++] = i;
  return groups;
}

std::vector<Index> assign_folds(const Groups& groups, Index n_fold, std::uint64_t seed) {
  if (n_fold < 2) {
    throw ArgumentError(fmt::format("assign_folds: n_fold is {}, expected at least 2", n_fold));
  }
  if (groups.n_group < n_fold) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("assign_folds: {} groups for {} folds, expected at least one each",
                    groups.n_group, n_fold),
        "use fewer folds, or more texts that differ");
  }
  std::vector<Index> order(groups.n_group);
  std::iota(order.begin(), order.end(), Index{0});
  Random(seed, "folds").shuffle(order);
  std::stable_sort(order.begin(), order.end(),
                   [&](Index a, Index b) { return groups.size(a) > groups.size(b); });
  std::vector<Index> n_row(n_fold, 0);
  std::vector<Index> fold_of_group(groups.n_group);
  for (const Index g : order) {
    const Index fold = std::min_element(n_row.begin(), n_row.end()) - n_row.begin();
    fold_of_group[g] = fold;
    n_row[fold] += groups.size(g);
  }
  std::vector<Index> fold(groups.of_row.size());
  for (Index i = 0; i < groups.n_row(); ++i) fold[i] = fold_of_group[groups.of_row[i]];
  return fold;
}

}  // namespace gnomon
