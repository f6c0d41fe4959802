// SPDX-License-Identifier: Apache-2.0
// How often an evaluation says more than is there, over many planted data sets.
#include <gtest/gtest.h>

#include <cmath>

#include "analyses/planted_rows.h"
#include "gnomon/analyses/reporter_evaluation.h"

namespace gnomon::test {
namespace {

// The ridge head at the reporter's site as the reporter.
ReporterEvaluation evaluate_ridge(const PlantedRows& rows, std::uint64_t seed) {
  EvaluationFeatures features;
  features.reporter = {"planted", rows.features.matrix()};
  ReferenceOptions options;
  options.bootstrap.n_bootstrap = 400;
  options.bootstrap.seed = seed;
  options.seed = seed;
  const EvaluationReferences references =
      measure_references(rows.data, rows.ids, features, {}, options);
  EvaluatedReports reports = {"ridge head", "ridge", "snapshot", rows.data.activation, {}};
  for (const ReferenceReport& reference : references.reports) {
    if (reference.name != "ridge") continue;
    for (std::size_t i = 0; i < references.scored_rows.size(); ++i)
      reports.report[static_cast<std::size_t>(references.scored_rows[i])] = reference.report[i];
  }
  return evaluate_reporter(rows.data, reports, references);
}

// Features that have nothing to do with the activation: "beats the floors" has to stay below the
// 2.5 % of a one-sided error. The best of nine floors is chosen on the scored rows, which lowers
// it.
TEST(ReporterEvaluationSlowTest, NoiseSeldomBeatsTheFloors) {
  constexpr int kSets = 400;
  int n_beats = 0;
  int n_selective = 0;
  for (int set = 0; set < kSets; ++set) {
    const auto seed = static_cast<std::uint64_t>(set);
    const ReporterEvaluation evaluation = evaluate_ridge(planted_rows(seed, 150, 5, 0, 1), seed);
    n_beats += evaluation.beats_floors ? 1 : 0;
    n_selective += evaluation.selectivity.difference.interval->ci_low > 0 ? 1 : 0;
  }
  RecordProperty("n_beats", n_beats);
  RecordProperty("n_selective", n_selective);
  const double bound = kSets * 0.025 + 3 * std::sqrt(kSets * 0.025 * 0.975);
  EXPECT_LE(n_beats, bound);
  // Two ridge heads on nothing, one of them on labels that share values: with 30 groups intervals
  // are too short (docs/methods/bootstrap.md), twice the nominal share is allowed.
  EXPECT_LE(n_selective, 2 * bound);
}

// Half of the variance is in the features: the interval of R²(identity) covers what a large sample
// of the same fit would give, here 1 - noise² / total = 0.5 less what the estimated weights cost.
TEST(ReporterEvaluationSlowTest, ARealSignalBeatsTheFloors) {
  constexpr int kSets = 100;
  int n_beats = 0;
  int n_covered = 0;
  for (int set = 0; set < kSets; ++set) {
    const auto seed = static_cast<std::uint64_t>(1000 + set);
    const PlantedRows rows = planted_rows(seed, 400, 4, 1, std::sqrt(2.0));
    const ReporterEvaluation evaluation = evaluate_ridge(rows, seed);
    n_beats += evaluation.beats_floors ? 1 : 0;
    const Interval interval = *evaluation.reporter().score->r2_identity_interval;
    n_covered += interval.ci_low <= 0.495 && interval.ci_high >= 0.495 ? 1 : 0;
  }
  RecordProperty("n_covered", n_covered);
  EXPECT_EQ(n_beats, kSets);
  // 94 % at 80 groups (docs/methods/bootstrap.md), three standard errors of 100 sets.
  EXPECT_GE(n_covered, 87);
}

}  // namespace
}  // namespace gnomon::test
