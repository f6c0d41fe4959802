// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/groups.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

TEST(IndexGroups, NumbersByFirstAppearance) {
  const Groups groups = index_groups(std::vector<Index>{9, -4, 9, 100, -4, 9});
  EXPECT_EQ(groups.n_group, 3);
  EXPECT_EQ(groups.n_row(), 6);
  EXPECT_EQ(groups.of_row, (std::vector<Index>{0, 1, 0, 2, 1, 0}));
  EXPECT_EQ(groups.row, (std::vector<Index>{0, 2, 5, 1, 4, 3}));
  EXPECT_EQ(groups.first_row, (std::vector<Index>{0, 3, 5, 6}));
  EXPECT_EQ(groups.size(1), 2);
  EXPECT_EQ(groups.rows(1)[1], 4);
  EXPECT_EQ(index_groups({}).n_group, 0);
}

TEST(AssignFolds, KeepsGroupsWholeAndFoldsEven) {
  std::vector<Index> ids;
  for (Index g = 0; g < 40; ++g) ids.insert(ids.end(), static_cast<std::size_t>(1 + g % 5), g);
  const Groups groups = index_groups(ids);
  const std::vector<Index> fold = assign_folds(groups, 4, 11);
  std::map<Index, std::set<Index>> folds_of_group;
  std::map<Index, Index> n_row;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    folds_of_group[ids[i]].insert(fold[i]);
    ++n_row[fold[i]];
  }
  for (const auto& [group, folds] : folds_of_group) EXPECT_EQ(folds.size(), 1U) << group;
  EXPECT_EQ(n_row.size(), 4U);
  for (const auto& [f, n] : n_row) EXPECT_NEAR(static_cast<double>(n), 30, 1) << "fold " << f;
  EXPECT_EQ(assign_folds(groups, 4, 11), fold);
  EXPECT_NE(assign_folds(groups, 4, 12), fold);
}

TEST(AssignFolds, RefusesBadInput) {
  const Groups groups = index_groups(std::vector<Index>{1, 1, 2});
  EXPECT_THROW(assign_folds(groups, 1, 0), ArgumentError);
  try {
    assign_folds(groups, 3, 0);
    FAIL() << "expected ArgumentError";
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(), "assign_folds: 2 groups for 3 folds, expected at least one each");
  }
}

}  // namespace
}  // namespace gnomon
