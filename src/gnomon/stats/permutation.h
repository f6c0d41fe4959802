// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/stats/groups.h"
#include "gnomon/tensor/view.h"

// in: columns and their groups   out: p-values that assume no distribution.
// See docs/methods/permutation.md.

namespace gnomon {

// One-sided p-value of `observed` among statistics recomputed under permuted labels.
//
// Assumes exchangeable labels under the null hypothesis. The observed labelling counts as one of
// the permutations, p = (n_extreme + 1) / (n_permutation + 1), so p is never zero: Phipson and
// Smyth 2010, arXiv:1603.05766. Throws ArgumentError if there are no permutations, NumericError for
// a value that is not finite.
double permutation_p_value(std::span<const double> null_statistics, double observed);

// A random rearrangement of rows that moves whole groups, each to the place of a group of the same
// size, rows in their order: value i of the permuted labels is labels[rows[i]]. A group with no
// other of its size stays where it is.
std::vector<Index> permute_groups(const Groups& groups, Random& random);

// A random rearrangement in which every group moves: the rows of whole groups, laid end to end in
// random order of groups and dealt out again to the rows of group 0, then of group 1, ... Groups of
// equal size exchange places, and one whose size no other has does not stay where it is, but rows
// of one group may come to lie in two. Value i of the permuted labels is labels[rows[i]].
std::vector<Index> deal_out_groups(const Groups& groups, Random& random);

// What is permuted.
enum class PermutationUnit {
  group_rows,   // the rows of a group together, among groups of equal size
  group_means,  // the mean of a group, among all groups
};
std::string_view permutation_unit_name(PermutationUnit unit);

struct PermutationTest {
  double p_value = 1;
  double statistic = 0;  // of the observed labels; see permutation_test
  Index n_permutation = 0;
  Index n_as_extreme = 0;  // permutations with at least the observed |statistic|
  Index n = 0;             // rows
  Index n_group = 0;
  PermutationUnit unit = PermutationUnit::group_rows;
  std::string_view why_undefined;  // why nothing was tested (p_value is then 1); empty where it was
};

// Two-sided test that x and y are unrelated, by permuting y against x.
//
//   statistic = Σ_g s_g / sqrt(Σ_g s_g²)      s_g = Σ_{i in g} (x_i - x̄)(y_i - ȳ)
//
// the covariance over its own standard error between groups. With it the test is exact where groups
// are exchangeable, and for many groups also right where x and y are uncorrelated but not
// independent, where a permuted r rejects too often: DiCiccio and Romano 2017, JASA 112.
//
// Unit: group_rows, which uses every row, where groups without another of their size hold at most a
// tenth of the rows; else group_means, x and y replaced by their means in each group. Throws
// ArgumentError for n_permutation < 1, ShapeError, NumericError for a value that is not finite.
PermutationTest permutation_test(std::span<const double> x, std::span<const double> y,
                                 std::span<const Index> groups, Index n_permutation,
                                 std::uint64_t seed);

}  // namespace gnomon
