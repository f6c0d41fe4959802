// SPDX-License-Identifier: Apache-2.0
#include "gnomon/targets/split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

using Ids = std::vector<std::int64_t>;

Ids singletons(std::int64_t n) {
  Ids ids;
  for (std::int64_t i = 0; i < n; ++i) ids.push_back(i);
  return ids;
}

// Rows of groups with these sizes, in order.
Ids groups_of(const std::vector<std::int64_t>& sizes) {
  Ids ids;
  for (std::size_t g = 0; g < sizes.size(); ++g) {
    ids.insert(ids.end(), static_cast<std::size_t>(sizes[g]), static_cast<std::int64_t>(g));
  }
  return ids;
}

std::array<double, 3> shares_of(const SplitFractions& f) { return {f.train, f.val, f.test}; }

double squared_deviation(const std::array<std::int64_t, 3>& n_rows,
                         const SplitFractions& fractions) {
  const auto n = static_cast<double>(n_rows[0] + n_rows[1] + n_rows[2]);
  double sum = 0;
  for (std::size_t part = 0; part < 3; ++part) {
    const double deviation = static_cast<double>(n_rows[part]) - n * shares_of(fractions)[part];
    sum += deviation * deviation;
  }
  return sum;
}

// The smallest possible deviation with no part empty, by trying all assignments.
double best_deviation(const std::vector<std::int64_t>& sizes, const SplitFractions& fractions) {
  std::size_t n_assignments = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) n_assignments *= 3;
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t code = 0; code < n_assignments; ++code) {
    std::array<std::int64_t, 3> n_rows{};
    std::size_t rest = code;
    for (const std::int64_t size : sizes) {
      n_rows[rest % 3] += size;
      rest /= 3;
    }
    if (n_rows[0] > 0 && n_rows[1] > 0 && n_rows[2] > 0)
      best = std::min(best, squared_deviation(n_rows, fractions));
  }
  return best;
}

void expect_consistent(const Split& split, const Ids& ids) {
  ASSERT_EQ(split.part_of_row.size(), ids.size());
  std::map<std::int64_t, Part> part_of;
  std::array<std::int64_t, 3> n_rows{};
  std::array<std::int64_t, 3> n_groups{};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Part part = split.part_of_row[i];
    const auto [found, is_new] = part_of.try_emplace(ids[i], part);
    EXPECT_EQ(found->second, part) << "group " << ids[i] << " is torn";
    ++n_rows[static_cast<std::size_t>(part)];
    if (is_new) ++n_groups[static_cast<std::size_t>(part)];
  }
  EXPECT_EQ(split.n_rows, n_rows);
  EXPECT_EQ(split.n_groups, n_groups);
  for (const std::int64_t n : n_groups) EXPECT_GE(n, 1);
  EXPECT_EQ(find_leakage(ids, split.part_of_row).n_rows, 0);
}

TEST(Split, SingletonsAreExact) {
  const Split split = split_by_group(singletons(1000), {}, 1);
  EXPECT_EQ(split.n_rows, (std::array<std::int64_t, 3>{700, 150, 150}));
  EXPECT_EQ(split.n_rows, split.n_groups);
  expect_consistent(split, singletons(1000));
  EXPECT_EQ(std::ssize(split.rows(Part::val)), 150);
  for (const std::int64_t row : split.rows(Part::val)) {
    EXPECT_EQ(split.part_of_row[static_cast<std::size_t>(row)], Part::val);
  }
}

TEST(Split, SameSeedSameSplit) {
  const Ids ids = singletons(300);
  EXPECT_EQ(split_by_group(ids, {}, 5).part_of_row, split_by_group(ids, {}, 5).part_of_row);
  EXPECT_NE(split_by_group(ids, {}, 5).part_of_row, split_by_group(ids, {}, 6).part_of_row);
}

TEST(Split, GroupNumbersDoNotMatter) {
  Ids ids = groups_of({5, 3, 3, 2, 2, 1, 1, 1, 1, 1});
  Ids renamed;
  for (const std::int64_t id : ids)
    renamed.push_back(std::numeric_limits<std::int64_t>::min() + 7919 * id * id);
  EXPECT_EQ(split_by_group(ids, {}, 3).part_of_row, split_by_group(renamed, {}, 3).part_of_row);
}

TEST(Split, ThreeGroupsOneEach) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Ids ids = groups_of({1, 50, 1});
    const Split split = split_by_group(ids, {.train = 0.98, .val = 0.01, .test = 0.01}, seed);
    expect_consistent(split, ids);
    EXPECT_EQ(split.n_rows[0], 50);
  }
}

// Every row is as likely in a part as the part is large: 400 seeds, 20 singleton rows.
TEST(Split, EveryRowHasTheSameChance) {
  constexpr int kSeeds = 400;
  std::array<int, 20> n_test{};
  for (int seed = 0; seed < kSeeds; ++seed) {
    const Split split = split_by_group(singletons(20), {.train = 0.5, .val = 0.25, .test = 0.25},
                                       static_cast<std::uint64_t>(seed));
    for (const std::int64_t row : split.rows(Part::test)) ++n_test[static_cast<std::size_t>(row)];
  }
  // Binomial, 5 standard errors.
  const double bound = 5 * std::sqrt(kSeeds * 0.25 * 0.75);
  for (const int n : n_test) EXPECT_NEAR(n, kSeeds * 0.25, bound);
}

TEST(Split, NearTheBestPossible) {
  Random random(17, "sizes");
  int n_best = 0;
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::int64_t> sizes(3 + random.below(6));
    for (std::int64_t& size : sizes)
      size = 1 + static_cast<std::int64_t>(random.below(round % 2 == 0 ? 8 : 40));
    const SplitFractions fractions = round % 3 == 0
                                         ? SplitFractions{.train = 0.34, .val = 0.33, .test = 0.33}
                                         : SplitFractions{};
    const Ids ids = groups_of(sizes);
    const Split split = split_by_group(ids, fractions, static_cast<std::uint64_t>(round));
    expect_consistent(split, ids);
    const double best = best_deviation(sizes, fractions);
    const double found = squared_deviation(split.n_rows, fractions);
    EXPECT_GE(found, best - 1e-6);
    if (found <= best + 1e-6) ++n_best;
  }
  RecordProperty("n_best", n_best);
  // Single moves and exchanges do not always reach the optimum; docs/methods/splits.md states the
  // share.
  EXPECT_GE(n_best, 195);
}

TEST(Split, ManyUnequalGroupsComeWithinARow) {
  Random random(4, "sizes");
  std::vector<std::int64_t> sizes;
  for (int i = 0; i < 800; ++i) sizes.push_back(1 + static_cast<std::int64_t>(random.below(60)));
  const Ids ids = groups_of(sizes);
  const Split split = split_by_group(ids, {}, 8);
  expect_consistent(split, ids);
  for (std::size_t part = 0; part < 3; ++part) {
    EXPECT_NEAR(static_cast<double>(split.n_rows[part]),
                static_cast<double>(ids.size()) * shares_of({})[part], 1.0);
  }
}

TEST(Split, LargeInput) {
  Random random(5, "sizes");
  Ids ids;
  for (int i = 0; i < 200000; ++i) ids.push_back(static_cast<std::int64_t>(random.below(30000)));
  const Split split = split_by_group(ids, {}, 8);
  EXPECT_NEAR(static_cast<double>(split.n_rows[0]), 140000, 1.0);
  EXPECT_EQ(find_leakage(ids, split.part_of_row).n_groups, 0);
}

std::string message_of(const Ids& ids, const SplitFractions& fractions, ErrorCode code) {
  try {
    split_by_group(ids, fractions, 1);
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "(no error)";
}

TEST(Split, Refuses) {
  EXPECT_EQ(message_of(groups_of({400, 100}), {}, ErrorCode::bad_data),
            "split_by_group: found 2 groups in 500 rows, expected at least 3, one for each of "
            "train, val and test");
  EXPECT_EQ(message_of({}, {}, ErrorCode::bad_data),
            "split_by_group: found 0 groups in 0 rows, expected at least 3, one for each of train, "
            "val and test");
  EXPECT_EQ(message_of(singletons(9), {.train = 0.8, .val = 0.1, .test = 0.2}, ErrorCode::usage),
            "split_by_group: the fractions add up to 1.1, expected 1");
  EXPECT_EQ(message_of(singletons(9), {.train = 1, .val = 0, .test = 0}, ErrorCode::usage),
            "split_by_group: a fraction is 0, expected more than 0");
  EXPECT_EQ(
      message_of(singletons(9), {.train = std::nan(""), .val = 0.5, .test = 0.5}, ErrorCode::usage),
      "split_by_group: a fraction is nan, expected more than 0");
  EXPECT_EQ(message_of(singletons(9), {.train = std::numeric_limits<double>::infinity()},
                       ErrorCode::usage),
            "split_by_group: the fractions add up to inf, expected 1");
}

TEST(Leakage, CountsRowsOfTornGroups) {
  const Ids ids = {0, 0, 0, 1, 1, 2, 3, 3};
  const std::vector<Part> parts = {Part::train, Part::train, Part::test, Part::train,
                                   Part::train, Part::val,   Part::val,  Part::test};
  const Leakage leakage = find_leakage(ids, parts);
  EXPECT_EQ(leakage.n_rows, 5);
  EXPECT_EQ(leakage.n_rows_of, (std::array<std::int64_t, 3>{2, 1, 2}));
  EXPECT_EQ(leakage.n_groups, 2);
}

TEST(Leakage, WantsAPartForEveryRow) {
  const Ids ids = {0, 1};
  const std::vector<Part> parts = {Part::train};
  EXPECT_THROW(find_leakage(ids, parts), ArgumentError);
}

// A row split of texts that repeat, which is what the group split is there to prevent.
TEST(Leakage, RowSplitOfRepeatedTextsLeaks) {
  Random random(2, "rows");
  Ids ids;
  std::vector<Part> parts;
  for (int i = 0; i < 500; ++i) {
    ids.push_back(static_cast<std::int64_t>(random.below(300)));
    const double u = random.uniform();
    parts.push_back(u < 0.7 ? Part::train : u < 0.85 ? Part::val : Part::test);
  }
  const Leakage leakage = find_leakage(ids, parts);
  const auto n_test = static_cast<double>(std::count(parts.begin(), parts.end(), Part::test));
  EXPECT_GT(static_cast<double>(leakage.n_rows_of[2]), 0.5 * n_test);
  EXPECT_EQ(find_leakage(ids, split_by_group(ids, {}, 1).part_of_row).n_rows, 0);
}

TEST(PartName, Stored) {
  EXPECT_EQ(part_name(Part::train), "train");
  EXPECT_EQ(part_name(Part::val), "val");
  EXPECT_EQ(part_name(Part::test), "test");
}

}  // namespace
}  // namespace gnomon
