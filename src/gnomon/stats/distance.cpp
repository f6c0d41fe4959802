// SPDX-License-Identifier: Apache-2.0
#include "gnomon/stats/distance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/stats/detail/sample.h"

namespace gnomon {
namespace {

std::vector<double> sorted_sample(std::string_view function, std::string_view name,
                                  std::span<const double> values) {
  if (values.empty()) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("{}: sample {} has no values, expected at least 1", function, name));
  }
  detail::check_sample(function, name, values);
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Calls visit(|F_a - F_b|, from, to) for each stretch on which both distribution functions are
// constant.
template <class Visit>
void for_each_stretch(const std::vector<double>& a, const std::vector<double>& b, Visit visit) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const double from = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == from) ++i;
    while (j < b.size() && b[j] == from) ++j;
    const double gap = std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                static_cast<double>(j) / static_cast<double>(b.size()));
    if (i < a.size() && j < b.size()) {
      visit(gap, from, std::min(a[i], b[j]));
    } else if (i < a.size() || j < b.size()) {
      // One sample is used up: its function stays 1 while the other still climbs.
      const std::vector<double>& rest = i < a.size() ? a : b;
      std::size_t k = i < a.size() ? i : j;
      double left = from;
      for (; k < rest.size(); ++k) {
        visit(static_cast<double>(rest.size() - k) / static_cast<double>(rest.size()), left,
              rest[k]);
        left = rest[k];
      }
    }
  }
}

}  // namespace

double wasserstein1(std::span<const double> a, std::span<const double> b) {
  double distance = 0;
  for_each_stretch(sorted_sample("wasserstein1", "a", a), sorted_sample("wasserstein1", "b", b),
                   [&](double gap, double from, double to) { distance += gap * (to - from); });
  return distance;
}

double kolmogorov_smirnov(std::span<const double> a, std::span<const double> b) {
  double distance = 0;
  for_each_stretch(sorted_sample("kolmogorov_smirnov", "a", a),
                   sorted_sample("kolmogorov_smirnov", "b", b),
                   [&](double gap, double, double) { distance = std::max(distance, gap); });
  return distance;
}

KlDivergence kl_divergence(std::span<const Index> count_a, std::span<const Index> count_b,
                           double pseudo_count) {
  const auto n_cell = static_cast<double>(count_a.size());
  if (count_a.size() != count_b.size()) {
    throw ShapeError(
        fmt::format("kl_divergence: count_a has {} cells and count_b {}, expected as many",
                    count_a.size(), count_b.size()));
  }
  if (count_a.empty()) {
    throw ArgumentError("kl_divergence: the histograms have no cells, expected at least 1");
  }
  if (!(pseudo_count > 0) || !std::isfinite(pseudo_count)) {
    throw ArgumentError(
        fmt::format("kl_divergence: pseudo_count is {}, expected a positive number", pseudo_count),
        "0.5 is usual");
  }
  double n_a = 0;
  double n_b = 0;
  for (std::size_t i = 0; i < count_a.size(); ++i) {
    if (count_a[i] < 0 || count_b[i] < 0) {
      throw ArgumentError(fmt::format("kl_divergence: cell {} has a negative count", i));
    }
    n_a += static_cast<double>(count_a[i]);
    n_b += static_cast<double>(count_b[i]);
  }
  KlDivergence divergence;
  divergence.pseudo_count = pseudo_count;
  divergence.n_cell = static_cast<Index>(count_a.size());
  divergence.high = n_cell;
  for (std::size_t i = 0; i < count_a.size(); ++i) {
    const double p =
        (static_cast<double>(count_a[i]) + pseudo_count) / (n_a + n_cell * pseudo_count);
    const double q =
        (static_cast<double>(count_b[i]) + pseudo_count) / (n_b + n_cell * pseudo_count);
    divergence.nats += p * std::log(p / q);
  }
  // Gibbs' inequality; rounding can leave -1e-17.
  divergence.nats = std::max(0.0, divergence.nats);
  return divergence;
}

KlDivergence kl_divergence(std::span<const double> a, std::span<const double> b, Index n_cell,
                           double pseudo_count) {
  const std::vector<double> sorted_a = sorted_sample("kl_divergence", "a", a);
  const std::vector<double> sorted_b = sorted_sample("kl_divergence", "b", b);
  if (n_cell < 1) {
    throw ArgumentError(fmt::format("kl_divergence: n_cell is {}, expected at least 1", n_cell));
  }
  const double low = std::min(sorted_a.front(), sorted_b.front());
  const double high = std::max(sorted_a.back(), sorted_b.back());
  const auto count = [&](const std::vector<double>& values) {
    std::vector<Index> counts(static_cast<std::size_t>(n_cell), 0);
    for (const double value : values) {
      // Halves, so that the range of values near the largest double does not overflow.
      const double place = high > low ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0;
      ++counts[std::min(n_cell - 1, static_cast<Index>(place * static_cast<double>(n_cell)))];
    }
    return counts;
  };
  KlDivergence divergence = kl_divergence(count(sorted_a), count(sorted_b), pseudo_count);
  divergence.low = low;
  divergence.high = high;
  return divergence;
}

}  // namespace gnomon
