// SPDX-License-Identifier: Apache-2.0
// The rules of the verdict, from figures put in by hand; and planted reporters end to end in
// verdict_study_test.cpp and tests/tools/verdict_command_test.py.
#include "gnomon/analyses/verdict.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace gnomon {
namespace {

BootstrapInterval figure(double estimate, double low, double high) {
  BootstrapInterval value;
  value.estimate = estimate;
  value.interval = Interval{low, high, 0.95};
  return value;
}

// What an H1 looks like: a good report that follows nothing of the neuron.
struct Figures {
  ReporterEvaluation evaluation;
  ActivationDrift drift;
  std::optional<PatchStudy> patch;
  NoPatch no_patch = NoPatch::constant;
  std::string why_no_patch;
  WeightsAnalysis weights;
  std::optional<DirectionPatch> direction;
  std::string why_no_direction;

  Figures() {
    evaluation.target = "blocks.2.mlp.hook_post[5]@last";
    evaluation.truth = "snapshot";
    EvaluationRow row;
    row.score.emplace();
    row.score->r2_identity = 0.8;
    evaluation.rows.push_back(row);
    evaluation.best_floor = "unigram";
    evaluation.gain = figure(0.4, 0.3, 0.5);
    evaluation.beats_floors = true;
    drift.sd_ratio = 1;
    drift.sd_ratio_interval = Interval{1, 1, 0.95};
    drift.spread = SpreadVerdict::kept;
    patch.emplace();
    patch->total.gain = figure(0.01, -0.02, 0.03);
    patch->none.emplace();
    patch->none->detectable = 0.04;
    patch->verdict = GainVerdict::no_effect;
    patch->control_percentile = 40;
    patch->control_p_value = 0.6;
    patch->controls.resize(39);
    direction.emplace();
    direction->gain = figure(0.02, -0.01, 0.05);
    direction->p_value = 0.5;
    direction->random_gains.resize(39);
  }

  Verdict judged() const {
    return judge(
        {evaluation, drift, weights, patch, no_patch, why_no_patch, direction, why_no_direction});
  }
  Reading outcome(Account account) const {
    const Verdict verdict = judged();
    const auto found = std::ranges::find(verdict.accounts, account, &AccountVerdict::account);
    EXPECT_EQ(found->outcome == Reading::undecided, !found->decide.empty());
    EXPECT_FALSE(found->because.empty());
    for (const Evidence& evidence : verdict.evidence) EXPECT_FALSE(evidence.figure.empty());
    return found->outcome;
  }
  void expect(Reading map, Reading input, Reading write, Reading regularised) const {
    EXPECT_EQ(outcome(Account::models_map), map);
    EXPECT_EQ(outcome(Account::reads_input), input);
    EXPECT_EQ(outcome(Account::reads_write), write);
    EXPECT_EQ(outcome(Account::regularised), regularised);
  }
};

constexpr Reading kFor = Reading::supports;
constexpr Reading kAgainst = Reading::contradicts;
constexpr Reading kOpen = Reading::undecided;

TEST(Verdict, AReportThatFollowsNothingModelsTheMap) {
  Figures().expect(kFor, kAgainst, kAgainst, kAgainst);
}

TEST(Verdict, AReportThatDoesNotBeatItsFloorsIsNotExplained) {
  Figures figures;
  figures.evaluation.beats_floors = false;
  EXPECT_EQ(figures.outcome(Account::models_map), kOpen);
}

TEST(Verdict, AReportThatFollowsTheNeuronReadsItsWrite) {
  Figures figures;
  figures.patch->total.gain = figure(0.98, 0.95, 1.01);
  figures.patch->verdict = GainVerdict::follows;
  figures.patch->control_p_value = 0.025;
  figures.expect(kAgainst, kAgainst, kFor, kAgainst);
}

TEST(Verdict, AGainThatMatchedNeuronsHaveTooIsUndecided) {
  Figures figures;
  figures.patch->total.gain = figure(0.3, 0.2, 0.4);
  figures.patch->verdict = GainVerdict::depends;
  figures.patch->control_p_value = 0.3;
  EXPECT_EQ(figures.outcome(Account::reads_write), kOpen);
  figures.patch->control_p_value = 0.05;
  EXPECT_EQ(figures.outcome(Account::reads_write), kFor);
  EXPECT_EQ(figures.outcome(Account::models_map), kOpen);
  figures.patch->total.gain = figure(-0.3, -0.4, -0.2);
  EXPECT_EQ(figures.outcome(Account::reads_write), kAgainst);
}

TEST(Verdict, ASmallGainBeyondTheControlsIsNeitherNothingNorAnEffect) {
  Figures figures;
  figures.patch->total.gain = figure(0.05, 0.04, 0.06);
  EXPECT_EQ(figures.outcome(Account::reads_write), kAgainst);  // matched neurons have it too
  figures.patch->control_p_value = 0.025;
  figures.expect(kFor, kAgainst, kOpen, kAgainst);
}

TEST(Verdict, AReportThatFollowsTheInputReadsIt) {
  Figures figures;
  figures.direction->gain = figure(0.7, 0.6, 0.8);
  figures.direction->p_value = 0.025;
  figures.expect(kOpen, kFor, kAgainst, kAgainst);
  figures.direction->p_value = 0.2;
  EXPECT_EQ(figures.outcome(Account::reads_input), kOpen);
  figures.direction.reset();
  figures.why_no_direction = "the target is no neuron";
  EXPECT_EQ(figures.outcome(Account::reads_input), kOpen);
}

// The interval of a planted 0 is rounding on one side of 0.
TEST(Verdict, RoundingIsNoEvidence) {
  Figures figures;
  figures.patch->total.gain = figure(9e-16, 7e-16, 1e-15);
  figures.patch->control_p_value = 0.025;
  Necessity& ablated =
      figures.patch->ablations.emplace_back(AblationMode::mean, Necessity{}).second;
  ablated.clean_slope = figure(0.8, 0.7, 0.9);
  ablated.ablated_slope = figure(0.8, 0.7, 0.9);
  ablated.carried = figure(9e-16, 7e-16, 1e-15);
  figures.patch->interchange.emplace();
  figures.patch->interchange->slope = 9e-16;
  figures.patch->interchange->r = 0.97;
  figures.patch->interchange->p_value = 0.001;
  figures.expect(kFor, kAgainst, kAgainst, kAgainst);
  const Verdict verdict = figures.judged();
  for (const char* id : {"E2", "E3", "E4"}) {
    EXPECT_EQ(std::ranges::find(verdict.evidence, id, &Evidence::id)->of(Account::reads_write),
              kAgainst)
        << id;
  }
}

TEST(Verdict, AWideIntervalDecidesNothing) {
  Figures figures;
  figures.patch->total.gain = figure(0.05, -0.4, 0.5);
  figures.patch->verdict = GainVerdict::undecided;
  figures.direction->gain = figure(0.05, -0.4, 0.5);
  figures.drift.spread = SpreadVerdict::unclear;
  figures.drift.sd_ratio_interval = Interval{0.3, 1.5, 0.95};
  figures.expect(kOpen, kOpen, kOpen, kOpen);
}

// Where the report is read before the neuron, nothing written into it can arrive.
TEST(Verdict, AReportReadBeforeTheNeuronHasGainZero) {
  Figures figures;
  figures.patch.reset();
  figures.no_patch = NoPatch::unreachable;
  figures.why_no_patch = "read before";
  figures.direction.reset();
  figures.why_no_direction = "read before";
  figures.expect(kFor, kOpen, kAgainst, kAgainst);
  const Verdict verdict = figures.judged();
  EXPECT_EQ(verdict.gain.estimate, 0);
  EXPECT_EQ(verdict.gain.why_undefined, "read before");
}

TEST(Verdict, AConstantNeuronIsRegularisedAndNothingElse) {
  Figures figures;
  figures.patch.reset();
  figures.why_no_patch = "no range";
  figures.direction.reset();
  figures.why_no_direction = "no range";
  figures.drift.sd_ratio = 0;
  figures.drift.sd_ratio_interval = Interval{0, 0, 0.95};
  figures.drift.spread = SpreadVerdict::collapsed;
  figures.expect(kOpen, kOpen, kOpen, kFor);
}

TEST(Verdict, ACollapsedNeuronWasRegularised) {
  Figures figures;
  figures.drift.sd_ratio = 0.1;
  figures.drift.sd_ratio_interval = Interval{0.08, 0.2, 0.95};
  figures.drift.spread = SpreadVerdict::collapsed;
  EXPECT_EQ(figures.outcome(Account::regularised), kFor);
}

}  // namespace
}  // namespace gnomon
