// SPDX-License-Identifier: Apache-2.0
#include "gnomon/targets/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

constexpr std::size_t kParts = kAllParts.size();

// Targets are fractions of rows: gains of rounding errors alone could go round in circles.
constexpr double kSmallestGain = 1e-6;

std::size_t index_of(Part part) { return static_cast<std::size_t>(part); }

struct GroupRows {
  std::vector<std::size_t> group_of_row;  // numbered in order of first appearance
  std::vector<std::int64_t> n_rows;       // [group]
};

GroupRows number_groups(std::span<const std::int64_t> ids) {
  GroupRows groups;
  groups.group_of_row.reserve(ids.size());
  std::unordered_map<std::int64_t, std::size_t> number_of;
  for (const std::int64_t id : ids) {
    const std::size_t number = number_of.try_emplace(id, groups.n_rows.size()).first->second;
    if (number == groups.n_rows.size()) groups.n_rows.push_back(0);
    ++groups.n_rows[number];
    groups.group_of_row.push_back(number);
  }
  return groups;
}

std::array<double, kParts> row_targets(const SplitFractions& fractions, std::size_t n_rows) {
  const std::array<double, kParts> shares = {fractions.train, fractions.val, fractions.test};
  for (const double share : shares) {
    if (!(share > 0)) {
      throw ArgumentError(
          fmt::format("split_by_group: a fraction is {}, expected more than 0", share));
    }
  }
  const double sum = shares[0] + shares[1] + shares[2];
  if (!(std::abs(sum - 1) <= 1e-6)) {
    throw ArgumentError(fmt::format("split_by_group: the fractions add up to {}, expected 1", sum));
  }
  const auto n = static_cast<double>(n_rows);
  return {n * shares[0] / sum, n * shares[1] / sum, n * shares[2] / sum};
}

// The groups of each part, by size, so that equally large groups are looked at once.
class Assignment {
 public:
  Assignment(const GroupRows& groups, const std::array<double, kParts>& target)
      : n_rows_of_group_(groups.n_rows), target_(target) {}

  void put(std::size_t group, std::size_t part) {
    by_size_[part][n_rows_of_group_[group]].push_back(group);
    n_rows_[part] += n_rows_of_group_[group];
    ++n_groups_[part];
  }

  double room(std::size_t part) const { return target_[part] - static_cast<double>(n_rows_[part]); }
  double deviation() const { return room(0) * room(0) + room(1) * room(1) + room(2) * room(2); }
  bool empty(std::size_t part) const { return n_groups_[part] == 0; }

  // Makes the one move or exchange between two parts that brings the sizes nearest to their
  // targets. False where none brings them nearer. Each step lowers the sum of squares, so steps
  // come to an end.
  bool improve() {
    std::optional<Exchange> best;
    for (std::size_t from = 0; from < kParts; ++from) {
      for (std::size_t to = 0; to < kParts; ++to) {
        if (from != to) consider_pair(from, to, best);
      }
    }
    if (!best) return false;
    const std::size_t there = take(best->from, best->size);
    if (best->size_back > 0) put(take(best->to, best->size_back), best->from);
    put(there, best->to);
    return true;
  }

  std::vector<Part> part_of_group() const {
    std::vector<Part> parts(n_rows_of_group_.size());
    for (const Part part : kAllParts) {
      for (const auto& [size, groups] : by_size_[index_of(part)]) {
        for (const std::size_t group : groups) parts[group] = part;
      }
    }
    return parts;
  }

 private:
  // A group of `size` rows from one part to the other, and one of `size_back` rows, if any, the
  // other way.
  struct Exchange {
    std::size_t from;
    std::size_t to;
    std::int64_t size;
    std::int64_t size_back;
    double gain;  // fall of the sum of squares
  };

  void consider_pair(std::size_t from, std::size_t to, std::optional<Exchange>& best) const {
    const auto consider = [&](std::int64_t size, std::int64_t size_back) {
      // (r_to)^2 - (r_to - d)^2 + (r_from)^2 - (r_from + d)^2 for room r and net transfer d
      const auto d = static_cast<double>(size - size_back);
      const double gain = 2 * d * (room(to) - room(from) - d);
      if (gain > std::max(kSmallestGain, best ? best->gain : 0))
        best = {from, to, size, size_back, gain};
    };
    for (const auto& [size, groups] : by_size_[from]) {
      if (n_groups_[from] > 1) consider(size, 0);
      for (const auto& [size_back, groups_back] : by_size_[to]) consider(size, size_back);
    }
  }

  std::size_t take(std::size_t part, std::int64_t size) {
    const auto found = by_size_[part].find(size);
    const std::size_t group = found->second.back();
    found->second.pop_back();
    if (found->second.empty()) by_size_[part].erase(found);
    n_rows_[part] -= size;
    --n_groups_[part];
    return group;
  }

  const std::vector<std::int64_t>& n_rows_of_group_;
  std::array<double, kParts> target_;
  std::array<std::map<std::int64_t, std::vector<std::size_t>>, kParts> by_size_;
  std::array<std::int64_t, kParts> n_rows_{};
  std::array<std::int64_t, kParts> n_groups_{};
};

// In the given order, each to the part with most room; the last groups go to parts that are still
// empty.
void fill(Assignment& assignment, const std::vector<std::size_t>& order) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    std::size_t n_empty = 0;
    for (std::size_t part = 0; part < kParts; ++part) n_empty += assignment.empty(part) ? 1 : 0;
    const bool only_empty = order.size() - i <= n_empty;
    std::optional<std::size_t> chosen;
    for (std::size_t part = 0; part < kParts; ++part) {
      if (only_empty && !assignment.empty(part)) continue;
      if (!chosen || assignment.room(part) > assignment.room(*chosen)) chosen = part;
    }
    assignment.put(order[i], *chosen);
  }
}

// With few groups a single start can get stuck a few rows from the best split; with many, one start
// comes within a row (split_test, NearTheBestPossible and ManyUnequalGroupsComeWithinARow).
constexpr std::size_t kFewGroups = 64;
constexpr int kStartsWithFewGroups = 32;

std::vector<Part> assign_parts(const GroupRows& groups, const std::array<double, kParts>& target,
                               Random& random) {
  std::vector<std::size_t> order(groups.n_rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return groups.n_rows[a] > groups.n_rows[b];
  });
  std::vector<Part> best;
  double best_deviation = 0;
  const int n_starts = groups.n_rows.size() <= kFewGroups ? kStartsWithFewGroups : 1;
  for (int start = 0; start < n_starts; ++start) {
    if (start > 0) random.shuffle(order);
    Assignment assignment(groups, target);
    fill(assignment, order);
    while (assignment.improve()) {
    }
    if (best.empty() || assignment.deviation() < best_deviation - kSmallestGain) {
      best = assignment.part_of_group();
      best_deviation = assignment.deviation();
    }
  }
  return best;
}

}  // namespace

std::string_view part_name(Part part) {
  constexpr std::array<std::string_view, kParts> kNames = {"train", "val", "test"};
  return kNames[index_of(part)];
}

std::vector<std::int64_t> Split::rows(Part part) const {
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < part_of_row.size(); ++i) {
    if (part_of_row[i] == part) rows.push_back(static_cast<std::int64_t>(i));
  }
  return rows;
}

Split split_by_group(std::span<const std::int64_t> group_of_row, const SplitFractions& fractions,
                     std::uint64_t seed) {
  const GroupRows groups = number_groups(group_of_row);
  const std::array<double, kParts> target = row_targets(fractions, group_of_row.size());
  if (groups.n_rows.size() < kParts) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("split_by_group: found {} groups in {} rows, expected at least {}, one for "
                    "each of train, val and test",
                    groups.n_rows.size(), group_of_row.size(), kParts),
        "add texts that are not the same and not of the same template");
  }

  Random random(seed, "split");
  const std::vector<Part> part_of_group = assign_parts(groups, target, random);
  Split split;
  for (const Part part : part_of_group) ++split.n_groups[index_of(part)];
  split.part_of_row.reserve(group_of_row.size());
  for (const std::size_t group : groups.group_of_row) {
    split.part_of_row.push_back(part_of_group[group]);
    ++split.n_rows[index_of(part_of_group[group])];
  }
  return split;
}

Leakage find_leakage(std::span<const std::int64_t> group_of_row,
                     std::span<const Part> part_of_row) {
  if (group_of_row.size() != part_of_row.size()) {
    throw ArgumentError(
        fmt::format("find_leakage: found {} rows with a group and {} with a part, expected as many",
                    group_of_row.size(), part_of_row.size()));
  }
  const GroupRows groups = number_groups(group_of_row);
  std::vector<std::array<bool, kParts>> stands_in(groups.n_rows.size());
  for (std::size_t i = 0; i < part_of_row.size(); ++i) {
    stands_in[groups.group_of_row[i]][index_of(part_of_row[i])] = true;
  }
  const auto is_split = [&](std::size_t group) {
    return std::count(stands_in[group].begin(), stands_in[group].end(), true) > 1;
  };
  Leakage leakage;
  for (std::size_t group = 0; group < stands_in.size(); ++group)
    leakage.n_groups += is_split(group) ? 1 : 0;
  for (std::size_t i = 0; i < part_of_row.size(); ++i) {
    if (!is_split(groups.group_of_row[i])) continue;
    ++leakage.n_rows;
    ++leakage.n_rows_of[index_of(part_of_row[i])];
  }
  return leakage;
}

}  // namespace gnomon
