// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gnomon {

// in: the group of every row    out: the part of every row
//
// Why by group, and how the sizes come out: docs/methods/splits.md.

enum class Part : std::uint8_t { train, val, test };

inline constexpr std::array kAllParts = {Part::train, Part::val, Part::test};

std::string_view part_name(Part part);

struct SplitFractions {
  double train = 0.70;
  double val = 0.15;
  double test = 0.15;
};

struct Split {
  std::vector<Part> part_of_row;
  std::array<std::int64_t, 3> n_rows{};    // by Part
  std::array<std::int64_t, 3> n_groups{};  // by Part

  std::vector<std::int64_t> rows(Part part) const;  // ascending
};

// Whole groups to parts, so that no text of one part is in another in any wording the groups know
// of.
//
// Any numbers serve as group ids; the result depends on which rows share one, not on the numbers.
// Sizes come as near to the fractions as moving and exchanging single groups brings them, in the
// sum over parts of (rows - fraction * all rows)^2, and no part is empty. Which of equally large
// groups goes where is drawn from the stream "split" of `seed`; a group much larger than the others
// goes where it fits best, most often to train.
//
// Throws ArgumentError (bad_data) where there are fewer than 3 groups, and (usage) where a fraction
// is not above 0 or they do not add up to 1.
Split split_by_group(std::span<const std::int64_t> group_of_row, const SplitFractions& fractions,
                     std::uint64_t seed);

// What a split lets through. Everything is 0 for a split by group.
struct Leakage {
  std::int64_t n_rows = 0;                  // rows whose group also stands in another part
  std::array<std::int64_t, 3> n_rows_of{};  // the same, by the row's own Part
  std::int64_t n_groups = 0;                // groups that stand in more than one part
};

// For any split, ours or not. Throws ArgumentError where the lengths differ.
Leakage find_leakage(std::span<const std::int64_t> group_of_row, std::span<const Part> part_of_row);

}  // namespace gnomon
