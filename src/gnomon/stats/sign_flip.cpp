// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/sign_flip.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/random.h"
#include "gnomon/stats/detail/sample.h"
#include "gnomon/stats/groups.h"

namespace gnomon {

std::vector<SignFlipTest> sign_flip_tests(std::span<const std::span<const double>> columns,
                                          std::span<const Index> group_ids, Index n_flip,
                                          std::uint64_t seed) {
  constexpr std::string_view kFunction = "sign_flip_tests";
  if (n_flip < 1)
    throw ArgumentError(fmt::format("{}: {} flips, expected at least 1", kFunction, n_flip));
  const Groups groups = index_groups(group_ids);
  const auto n_group = static_cast<std::size_t>(groups.n_group);
  std::vector<SignFlipTest> tests(columns.size());
  // Group sums in units of the statistic's denominator, column after column.
  std::vector<double> unit(columns.size() * n_group);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const std::string name = fmt::format("column {}", k);
    detail::check_size(kFunction, name, columns[k].size(), groups.n_row());
    detail::check_sample(kFunction, name, columns[k]);
    const std::span<double> sums(unit.data() + k * n_group, n_group);
    for (Index i = 0; i < groups.n_row(); ++i)
      sums[static_cast<std::size_t>(groups.of_row[static_cast<std::size_t>(i)])] +=
          columns[k][static_cast<std::size_t>(i)];
    // In units of the largest, so that squares neither overflow nor vanish.
    double largest = 0;
    for (const double s : sums) largest = std::max(largest, std::abs(s));
    SignFlipTest& test = tests[k];
    if (largest == 0) {
      test.why_undefined = "every group's sum is 0";
      continue;
    }
    double squares = 0;
    for (double& s : sums) {
      test.n_group += s != 0 ? 1 : 0;
      s /= largest;
      squares += s * s;
    }
    double sum = 0;
    for (double& s : sums) {
      s /= std::sqrt(squares);
      sum += s;
    }
    test.statistic = std::abs(sum);
    if (test.n_group < 2) test.why_undefined = "fewer than 2 groups have an effect";
  }
  std::vector<Index> as_extreme(columns.size()), family(columns.size());
  Random random(seed, "stats/sign_flip");
  std::vector<double> sign(n_group);
  // A flip that gives the observed signs, or all of them turned, is as extreme as the observed one
  // whatever order its sum was rounded in.
  constexpr double kRounding = 1 - 1e-12;
  for (Index flip = 0; flip < n_flip; ++flip) {
    check_interrupted();
    std::uint64_t bits = 0;
    for (std::size_t g = 0; g < n_group; ++g) {
      if (g % 64 == 0) bits = random.next();
      sign[g] = (bits >> (g % 64)) & 1 ? 1.0 : -1.0;
    }
    double largest = 0;
    for (std::size_t k = 0; k < columns.size(); ++k) {
      if (!tests[k].why_undefined.empty()) continue;
      double sum = 0;
      for (std::size_t g = 0; g < n_group; ++g) sum += sign[g] * unit[k * n_group + g];
      const double statistic = std::abs(sum);
      if (statistic >= tests[k].statistic * kRounding) ++as_extreme[k];
      largest = std::max(largest, statistic);
    }
    for (std::size_t k = 0; k < columns.size(); ++k) {
      if (largest >= tests[k].statistic * kRounding) ++family[k];
    }
  }
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (!tests[k].why_undefined.empty()) continue;
    const auto of = [&](Index n) {
      return static_cast<double>(n + 1) / static_cast<double>(n_flip + 1);
    };
    tests[k].p_value = of(as_extreme[k]);
    tests[k].p_family = of(family[k]);
  }
  return tests;
}

}  // namespace gnomon
