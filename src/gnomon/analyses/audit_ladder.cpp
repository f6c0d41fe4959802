// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/audit_ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "gnomon/analyses/detail/ladder_plan.h"
#include "gnomon/analyses/rounding.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

using detail::Column;
using detail::LadderPlan;
using detail::Scored;

// Shapley values of the operations for the correlation: the mean, over all orders, of what each
// changes.
std::vector<double> shapley_values(std::span<const double> r_of_mask, std::size_t n) {
  std::vector<double> values(n);
  std::vector<double> factorial(n + 1, 1);
  for (std::size_t k = 1; k <= n; ++k) factorial[k] = factorial[k - 1] * static_cast<double>(k);
  for (unsigned mask = 0; mask < (1U << n); ++mask) {
    const auto size = static_cast<std::size_t>(std::popcount(mask));
    for (std::size_t k = 0; k < n; ++k) {
      if ((mask >> k & 1U) != 0) continue;
      const double weight = factorial[size] * factorial[n - size - 1] / factorial[n];
      values[k] += weight * (r_of_mask[mask | 1U << k] - r_of_mask[mask]);
    }
  }
  return values;
}

void add_shapley(Ladder& ladder, const LadderPlan& plan, std::span<const double> truth) {
  const std::size_t n = plan.operations.size();
  std::vector<double> r_of_mask;
  for (unsigned mask = 0; mask < (1U << n); ++mask) {
    const Correlation correlation = pearson(plan.evaluate(mask), truth);
    if (!correlation.r) return;
    r_of_mask.push_back(*correlation.r);
  }
  const std::vector<double> values = shapley_values(r_of_mask, n);
  for (std::size_t k = 0; k < n; ++k) ladder.rungs[k + 1].shapley = values[k];
}

// 1 - r of an activation that carries errors of at most `rounding`, to first order:
// r of y and y + e is 1 - Σ(e - ē)² / (2 Σ(y - ȳ)²).
double correlation_loss(std::span<const double> rounding, std::span<const double> truth) {
  const double mean =
      std::accumulate(truth.begin(), truth.end(), 0.0) / static_cast<double>(truth.size());
  double errors = 0;
  double squares = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    errors += rounding[i] * rounding[i];
    squares += (truth[i] - mean) * (truth[i] - mean);
  }
  return squares > 0 ? errors / (2 * squares) : 0;
}

Ladder climb(const LadderPlan& plan, const Column& truth, std::span<const Index> group,
             const StudyData& data, const LadderOptions& options) {
  Ladder ladder;
  ladder.direction = plan.direction;
  ladder.starts_at = plan.starts_at;
  std::vector<Column> columns;
  for (std::size_t k = 0; k <= plan.operations.size(); ++k)
    columns.push_back(plan.evaluate((1U << k) - 1));
  std::vector<std::span<const double>> views(columns.begin(), columns.end());
  const std::vector<BootstrapInterval> intervals =
      bootstrap_correlations(views, truth, group, options.bootstrap);

  for (std::size_t k = 0; k < columns.size(); ++k) {
    Rung& rung = ladder.rungs.emplace_back();
    rung.name = k == 0 ? "start" : plan.operations[k - 1].name;
    rung.quantity = k == 0 ? plan.first_quantity : plan.operations[k - 1].quantity;
    rung.exact_zero = k > 0 && plan.operations[k - 1].exact_zero;
    rung.r = intervals[k].estimate;
    rung.interval = intervals[k].interval;
    rung.r2_identity = r2_identity(columns[k], truth);
    if (k == 0 || rung.exact_zero) {
      rung.delta = 0;
    } else if (rung.r && ladder.rungs[k - 1].r) {
      rung.delta = *rung.r - *ladder.rungs[k - 1].r;
    }
  }
  add_shapley(ladder, plan, truth);

  constexpr double kLargestGap = 1e-9;
  const double rounding_loss = correlation_loss(plan.rounding, truth);
  ladder.tolerance = kLargestGap;
  ladder.tolerance_why = "1e-9 in double precision";
  if (data.precision == Precision::float32 && rounding_loss > kLargestGap) {
    ladder.tolerance = rounding_loss;
    ladder.tolerance_why = "bound on what the rounding of a float32 forward pass takes from r";
  }
  const Correlation last = pearson(columns.back(), truth);
  if (last.r) ladder.one_minus_r = 1 - *last.r;
  ladder.closes = ladder.one_minus_r && *ladder.one_minus_r < ladder.tolerance;
  return ladder;
}

}  // namespace

std::vector<Ladder> audit_ladders(const StudyData& data, const LinearHead& head,
                                  const GatedInput& mean_gradient,
                                  std::span<const Index> scored_rows,
                                  std::span<const Index> training_rows,
                                  const LadderOptions& options) {
  const Scored scored(data, scored_rows);
  std::vector<LadderPlan> plans = detail::input_plans(scored, mean_gradient);
  if (norm(data.write()) > 0) {
    plans.push_back(detail::write_plan(scored, false));
    plans.push_back(detail::write_plan(scored, true));
  }
  plans.push_back(detail::head_plan(scored, head, training_rows));
  std::vector<Ladder> ladders;
  for (const LadderPlan& plan : plans)
    ladders.push_back(climb(plan, scored.truth, scored.group, data, options));
  return ladders;
}

}  // namespace gnomon
