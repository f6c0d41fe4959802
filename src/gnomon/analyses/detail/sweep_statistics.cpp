// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/detail/sweep_statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "gnomon/base/random.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/multiplicity.h"
#include "gnomon/stats/quantile.h"
#include "gnomon/stats/sign_flip.h"

namespace gnomon::detail {
namespace {

bool is_normalised(const PatchSweep& sweep) { return sweep.why_not_normalised.empty(); }

double total(const PatchSweep& sweep, std::size_t i) { return sweep.other[i] - sweep.base[i]; }

// p such that a binomial number of n with chance p is at most m with probability 0.05: the upper
// limit of Clopper and Pearson 1934 (Biometrika 26), one-sided 95 %.
double share_bound(Index m, Index n) {
  if (n == 0 || m >= n) return 1;
  const auto at_most = [&](double p) {
    double sum = 0;
    for (Index k = 0; k <= m; ++k) {
      const auto a = static_cast<double>(k);
      const auto b = static_cast<double>(n);
      sum += std::exp(std::lgamma(b + 1) - std::lgamma(a + 1) - std::lgamma(b - a + 1) +
                      a * std::log(p) + (b - a) * std::log1p(-p));
    }
    return sum;
  };
  double low = 1e-12;
  double high = 1 - 1e-12;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (at_most(middle) > 0.05 ? low : high) = middle;
  }
  return high;
}

}  // namespace

void approximate_cells(const Tensor<double>& effects, PatchSweep& sweep) {
  for (std::size_t c = 0; c < sweep.cells.size(); ++c) {
    double sum = 0;
    double along = 0;
    double squares = 0;
    Index n = 0;
    for (std::size_t i = 0; i < sweep.base.size(); ++i) {
      const double effect = effects.matrix()(static_cast<Index>(i), static_cast<Index>(c));
      if (std::isnan(effect)) continue;
      const double d = total(sweep, i);
      sum += effect;
      along += effect * d;
      squares += d * d;
      ++n;
    }
    if (n == 0) continue;
    sweep.cells[c].approximate = sum / static_cast<double>(n);
    if (is_normalised(sweep) && squares > 0)
      sweep.cells[c].approximate_normalised = along / squares;
  }
}

double ranking_figure(const PatchSweep& sweep, const CellEffect& cell, bool exact) {
  const std::optional<double>& normalised =
      exact ? cell.normalised.estimate : cell.approximate_normalised;
  const std::optional<double>& mean = exact ? cell.mean.estimate : cell.approximate;
  return std::abs((is_normalised(sweep) ? normalised : mean).value_or(0));
}

std::vector<std::size_t> choose_cells(const PatchSweep& sweep, const AttributionOptions& options,
                                      std::uint64_t seed) {
  std::vector<std::size_t> order(sweep.cells.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t c) {
    return ranking_figure(sweep, sweep.cells[c], false);
  });
  const std::size_t n_top = std::min(order.size(), static_cast<std::size_t>(options.n_top));
  std::vector<std::size_t> rest(order.begin() + static_cast<std::ptrdiff_t>(n_top), order.end());
  Random random(seed, "sweep/sample");
  random.shuffle(rest);
  rest.resize(std::min(rest.size(), static_cast<std::size_t>(options.n_sample)));
  order.resize(n_top);
  order.insert(order.end(), rest.begin(), rest.end());
  return order;
}

void measure_cells(const Tensor<double>& effects, std::span<const Index> group,
                   const SweepOptions& options, PatchSweep& sweep) {
  const std::size_t n_case = sweep.base.size();
  std::vector<std::size_t> measured;
  for (std::size_t c = 0; c < sweep.cells.size(); ++c) {
    if (sweep.cells[c].exact && sweep.cells[c].n_case > 0) measured.push_back(c);
  }
  // Of each cell: e, e d, d², 1; 0 where the pair does not have it.
  constexpr std::size_t kColumns = 4;
  std::vector<std::vector<double>> columns(kColumns * measured.size(), std::vector<double>(n_case));
  for (std::size_t m = 0; m < measured.size(); ++m) {
    CellEffect& cell = sweep.cells[measured[m]];
    for (std::size_t i = 0; i < n_case; ++i) {
      const double e = effects.matrix()(static_cast<Index>(i), static_cast<Index>(measured[m]));
      if (std::isnan(e)) continue;
      const double d = total(sweep, i);
      columns[kColumns * m][i] = e;
      columns[kColumns * m + 1][i] = e * d;
      columns[kColumns * m + 2][i] = d * d;
      columns[kColumns * m + 3][i] = 1;
      cell.mean_magnitude += std::abs(e) / static_cast<double>(cell.n_case);
      cell.largest_magnitude = std::max(cell.largest_magnitude, std::abs(e));
    }
  }
  const std::vector<std::span<const double>> views(columns.begin(), columns.end());
  const bool normalised = is_normalised(sweep);
  const std::vector<BootstrapInterval> intervals = cluster_bootstrap_sums(
      views, group, options.bootstrap, 2 * measured.size(), [&](const GroupResample& resample) {
        std::vector<std::optional<double>> values(2 * measured.size());
        for (std::size_t m = 0; m < measured.size(); ++m) {
          const std::span<const double> sums = resample.sums().subspan(1 + kColumns * m, kColumns);
          if (sums[3] > 0) values[2 * m] = sums[0] / sums[3];
          if (normalised && sums[2] > 0) values[2 * m + 1] = sums[1] / sums[2];
        }
        return values;
      });
  std::vector<std::span<const double>> tested;
  for (std::size_t m = 0; m < measured.size(); ++m) {
    CellEffect& cell = sweep.cells[measured[m]];
    cell.mean = intervals[2 * m];
    cell.normalised = intervals[2 * m + 1];
    if (!normalised) cell.normalised.why_undefined = sweep.why_not_normalised;
    tested.push_back(views[kColumns * m + (normalised ? 1 : 0)]);
  }
  if (sweep.n_group < 2) {
    sweep.why_no_family = "one text group: nothing to flip";
    return;
  }
  const std::vector<SignFlipTest> tests =
      sign_flip_tests(tested, group, options.n_flip, options.seed);
  // Cells that were ranked away count as members of the family that show nothing.
  std::vector<double> p(sweep.cells.size(), 1.0);
  for (std::size_t m = 0; m < measured.size(); ++m) p[measured[m]] = tests[m].p_value;
  const std::vector<double> adjusted = benjamini_hochberg(p);
  const bool all = measured.size() == sweep.cells.size();
  if (!all)
    sweep.why_no_family = "not every cell was patched: the largest statistic of all is not known";
  for (std::size_t m = 0; m < measured.size(); ++m) {
    CellEffect& cell = sweep.cells[measured[m]];
    cell.p_value = tests[m].p_value;
    if (all) cell.p_family = tests[m].p_family;
    cell.p_fdr = adjusted[measured[m]];
  }
}

AttributionError attribution_error(const PatchSweep& sweep, std::span<const std::size_t> chosen,
                                   const AttributionOptions& options) {
  AttributionError error;
  error.options = options;
  error.n_cell = static_cast<Index>(sweep.cells.size());
  error.normalised = is_normalised(sweep);
  std::vector<double> exact, approximate;
  for (const std::size_t c : chosen) {
    const CellEffect& cell = sweep.cells[c];
    exact.push_back(ranking_figure(sweep, cell, true));
    approximate.push_back(ranking_figure(sweep, cell, false));
    const double signed_exact =
        (error.normalised ? cell.normalised.estimate : cell.mean.estimate).value_or(0);
    const double signed_approximate =
        (error.normalised ? cell.approximate_normalised : cell.approximate).value_or(0);
    error.largest_error =
        std::max(error.largest_error, std::abs(signed_exact - signed_approximate));
    error.largest_effect = std::max(error.largest_effect, exact.back());
  }
  error.rank_correlation = spearman(approximate, exact).r;
  const std::size_t n_top = std::min(chosen.size(), static_cast<std::size_t>(options.n_top));
  const auto sample = [&](const std::vector<double>& of) {
    return std::span<const double>(of).subspan(n_top);
  };
  error.sample_rank_correlation = spearman(sample(approximate), sample(exact)).r;
  error.options.n_top = static_cast<Index>(n_top);
  error.options.n_sample = static_cast<Index>(chosen.size() - n_top);
  if (n_top == 0) return error;
  const double middle = quantile(
      std::vector<double>(exact.begin(), exact.begin() + static_cast<std::ptrdiff_t>(n_top)), 0.5);
  for (const double effect : sample(exact)) error.n_missed += effect > middle ? 1 : 0;
  error.missed_share_bound =
      chosen.size() == sweep.cells.size() ? 0 : share_bound(error.n_missed, error.options.n_sample);
  return error;
}

}  // namespace gnomon::detail
