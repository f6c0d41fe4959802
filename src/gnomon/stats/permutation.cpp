// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/permutation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/stats/detail/sample.h"

namespace gnomon {
namespace {

std::map<Index, std::vector<Index>> groups_by_size(const Groups& groups) {
  std::map<Index, std::vector<Index>> by_size;
  for (Index g = 0; g < groups.n_group; ++g) by_size[groups.size(g)].push_back(g);
  return by_size;
}

PermutationUnit choose_unit(const Groups& groups) {
  Index n_fixed_row = 0;
  for (const auto& [size, members] : groups_by_size(groups)) {
    if (members.size() == 1) n_fixed_row += size;
  }
  return 10 * n_fixed_row <= groups.n_row() ? PermutationUnit::group_rows
                                            : PermutationUnit::group_means;
}

std::vector<double> group_means(std::span<const double> x, const Groups& groups) {
  std::vector<double> mean(static_cast<std::size_t>(groups.n_group), 0.0);
  for (Index g = 0; g < groups.n_group; ++g) {
    // Each share is finite even where the sum of the values is not.
    for (const Index i : groups.rows(g)) mean[g] += x[i] / static_cast<double>(groups.size(g));
  }
  return mean;
}

// x and y are centred; value i of y is taken from row[i].
double studentized_covariance(std::span<const double> x, std::span<const double> y,
                              const Groups& groups, std::span<const Index> row) {
  double sum = 0;
  double squares = 0;
  for (Index g = 0; g < groups.n_group; ++g) {
    double of_group = 0;
    for (const Index i : groups.rows(g)) of_group += x[i] * y[row[i]];
    sum += of_group;
    squares += of_group * of_group;
  }
  return squares > 0 ? sum / std::sqrt(squares) : 0;
}

}  // namespace

double permutation_p_value(std::span<const double> null_statistics, double observed) {
  if (null_statistics.empty()) {
    throw ArgumentError("permutation_p_value: no permutations, expected at least 1");
  }
  detail::check_sample("permutation_p_value", "null_statistics", null_statistics);
  detail::check_sample("permutation_p_value", "observed", std::span(&observed, 1));
  const auto n_extreme = std::count_if(null_statistics.begin(), null_statistics.end(),
                                       [&](double statistic) { return statistic >= observed; });
  return (static_cast<double>(n_extreme) + 1) / (static_cast<double>(null_statistics.size()) + 1);
}

std::vector<Index> permute_groups(const Groups& groups, Random& random) {
  std::vector<Index> row(groups.of_row.size());
  for (const auto& [size, members] : groups_by_size(groups)) {
    std::vector<Index> source = members;
    random.shuffle(source);
    for (std::size_t m = 0; m < members.size(); ++m) {
      for (Index k = 0; k < size; ++k) row[groups.rows(members[m])[k]] = groups.rows(source[m])[k];
    }
  }
  return row;
}

std::vector<Index> deal_out_groups(const Groups& groups, Random& random) {
  std::vector<Index> order(static_cast<std::size_t>(groups.n_group));
  std::iota(order.begin(), order.end(), Index{0});
  random.shuffle(order);
  std::vector<Index> dealt(groups.row.size());
  std::size_t next = 0;
  for (const Index g : order) {
    for (const Index row : groups.rows(g))
      dealt[static_cast<std::size_t>(groups.row[next++])] = row;
  }
  return dealt;
}

std::string_view permutation_unit_name(PermutationUnit unit) {
  return unit == PermutationUnit::group_rows ? "group_rows" : "group_means";
}

PermutationTest permutation_test(std::span<const double> x, std::span<const double> y,
                                 std::span<const Index> group_ids, Index n_permutation,
                                 std::uint64_t seed) {
  detail::check_pair("permutation_test", "x", x, "y", y);
  detail::check_size("permutation_test", "groups", group_ids.size(), static_cast<Index>(x.size()));
  if (n_permutation < 1) {
    throw ArgumentError(
        fmt::format("permutation_test: n_permutation is {}, expected at least 1", n_permutation));
  }
  Groups groups = index_groups(group_ids);
  PermutationTest test;
  test.n = groups.n_row();
  test.n_group = groups.n_group;
  test.unit = choose_unit(groups);
  detail::Centred u = detail::centre(x);
  detail::Centred v = detail::centre(y);
  if (test.unit == PermutationUnit::group_means) {
    u = detail::centre(group_means(x, groups));
    v = detail::centre(group_means(y, groups));
    std::vector<Index> one_row_each(static_cast<std::size_t>(groups.n_group));
    std::iota(one_row_each.begin(), one_row_each.end(), Index{0});
    groups = index_groups(one_row_each);
  }
  if (groups.n_group < 2 || u.constant || v.constant) {
    test.why_undefined = groups.n_group < 2 ? "fewer than 2 groups"
                         : u.constant       ? "the first column is constant"
                                            : "the second column is constant";
    return test;
  }
  std::vector<Index> in_place(u.difference.size());
  std::iota(in_place.begin(), in_place.end(), Index{0});
  test.statistic = studentized_covariance(u.difference, v.difference, groups, in_place);
  // Rearrangements that give the observed statistic again must count although their sums round
  // differently.
  const double threshold = std::abs(test.statistic) * (1 - 1e-12);
  Random random(seed, "permutation");
  for (Index b = 0; b < n_permutation; ++b) {
    check_interrupted();
    const double permuted =
        studentized_covariance(u.difference, v.difference, groups, permute_groups(groups, random));
    test.n_as_extreme += std::abs(permuted) >= threshold ? 1 : 0;
  }
  test.n_permutation = n_permutation;
  test.p_value =
      (static_cast<double>(test.n_as_extreme) + 1) / (static_cast<double>(n_permutation) + 1);
  return test;
}

}  // namespace gnomon
