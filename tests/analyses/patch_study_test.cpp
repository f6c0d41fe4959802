// SPDX-License-Identifier: Apache-2.0
// Planted reporters: what reads the neuron's write and what does not.
#include "gnomon/analyses/patch_study.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/directions/direction.h"
#include "gnomon/directions/neuron_directions.h"
#include "train/reporter_cases.h"

namespace gnomon {
namespace {

using test::TinyFamily;

constexpr Index kLayers = 3;

// The tiny reporter data of a neuron in this layer.
std::shared_ptr<ReporterData> data_of(const Model& model, Index layer, Index neuron,
                                      Index n_text = 60) {
  std::shared_ptr<ReporterData> data = test::tiny_reporter_data(model, n_text, {neuron});
  SiteAt at = data->targets.front().at;
  at.site.layer = layer;
  data->targets = {make_target(at, model.config())};
  const auto measured = capture<double>(model, data->ids, {&at, 1}, {}, {}).activations.front();
  for (Index t = 0; t < n_text; ++t)
    data->activation.matrix()(t, 0) = measured.values.matrix()(t, 0);
  return data;
}

template <class T>
ReportModel<T> with_head(const Model& model, std::shared_ptr<ReporterData> data,
                         const std::vector<double>& weight) {
  TrainOptions options;
  options.seed = 2;
  ReportModel<T> report(model, std::move(data), options, {});
  // Reports are sd (w · x + b) + mean: so that they are `weight` · x + a constant.
  std::vector<double> own = weight;
  for (double& w : own) w /= report.reporter().labels().sd[0];
  report.reporter().head().set_linear(0, own, 0.3);
  return report;
}

std::vector<double> write_of(const Model& model, Index layer, Index neuron) {
  const std::array<Index, 1> one = {neuron};
  const Tensor<double> rows = write_directions(model.weights<double>(), layer, one);
  return {rows.values().begin(), rows.values().end()};
}

void expect_passed(const PatchStudy& study, std::size_t n) {
  EXPECT_EQ(study.checks.size(), n);
  for (const CheckResult& check : study.checks)
    EXPECT_EQ(check.status, CheckStatus::pass) << check.id << ": " << *check.value;
}

PatchStudyOptions few() {
  PatchStudyOptions options;
  options.n_dose = 5;
  options.n_control = 6;
  options.bootstrap.n_bootstrap = 200;
  options.n_shuffle = 199;
  options.n_recheck = 40;
  return options;
}

class PlantedReporter : public ::testing::TestWithParam<TinyFamily> {
 protected:
  const Model& model() const { return test::tiny_model(GetParam(), kLayers); }
};

// H3: reads the write of a neuron of the last block, and nothing else of it.
TEST_P(PlantedReporter, AHeadThatReadsTheWriteHasGainOne) {
  constexpr Index kNeuron = 3;
  const Index layer = kLayers - 1;
  std::vector<double> weight = write_of(model(), layer, kNeuron);
  const double norm = dot(weight, weight);
  for (double& w : weight) w /= norm;
  const auto report = with_head<double>(model(), data_of(model(), layer, kNeuron), weight);
  const PatchStudy study = study_patches<double>(report, few());
  EXPECT_NEAR(*study.total.gain.estimate, 1, 1e-11);
  EXPECT_NEAR(study.total.gain.interval->ci_low, 1, 1e-11);
  EXPECT_NEAR(study.total.gain.interval->ci_high, 1, 1e-11);
  EXPECT_NEAR(*study.direct->gain.estimate, 1, 1e-11);
  EXPECT_NEAR(*study.indirect->estimate, 0, 1e-11);
  EXPECT_NEAR(*study.total.r2_fit, 1, 1e-9);
  EXPECT_TRUE(study.ideal->equivalent);
  EXPECT_FALSE(study.none->equivalent);
  EXPECT_EQ(study.controls.size(), 6);
  // Cosines of random rows of W_out in 24 dimensions are far below 1.
  EXPECT_EQ(*study.control_p_value, 1.0 / 7);
  EXPECT_EQ(*study.control_percentile, 100);
  for (const auto& [mode, necessity] : study.ablations) {
    if (mode == AblationMode::resample) continue;
    EXPECT_NEAR(*necessity.carried.estimate, 1, 1e-9);
  }
  EXPECT_LT(study.interchange->p_value, 0.05);
  EXPECT_GT(study.non_vacuity.mean_report_change, 0);
  expect_passed(study, 3);
}

// H1: whatever it reports, not from this neuron.
TEST_P(PlantedReporter, AHeadOrthogonalToTheWriteHasGainZero) {
  constexpr Index kNeuron = 3;
  const Index layer = kLayers - 1;
  const std::vector<double> write = write_of(model(), layer, kNeuron);
  std::vector<double> weight = write_of(model(), layer, 11);
  const double along = dot(weight, write) / dot(write, write);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] -= along * write[i];
  const auto report = with_head<double>(model(), data_of(model(), layer, kNeuron), weight);
  const PatchStudy study = study_patches<double>(report, few());
  EXPECT_NEAR(*study.total.gain.estimate, 0, 1e-11);
  EXPECT_TRUE(study.none->equivalent);
  EXPECT_FALSE(study.ideal->equivalent);
  EXPECT_EQ(*study.control_percentile, 0);
  EXPECT_EQ(*study.control_p_value, 1);
  // The neuron moved, the stream moved, the report did not.
  EXPECT_GT(study.non_vacuity.mean_site_change, 0);
  EXPECT_GT(study.non_vacuity.mean_feature_change, 0);
  EXPECT_LT(study.non_vacuity.largest_report_change, 1e-9);
  expect_passed(study, 3);
}

// In an earlier block the direct part is the write's product with the head, the rest goes through
// the blocks between.
TEST_P(PlantedReporter, DirectAndTotalEffectOfAnEarlierBlock) {
  constexpr Index kNeuron = 5;
  std::vector<double> weight = write_of(model(), 0, kNeuron);
  const double norm = dot(weight, weight);
  for (double& w : weight) w /= norm;
  const auto report = with_head<double>(model(), data_of(model(), 0, kNeuron), weight);
  const PatchStudy study = study_patches<double>(report, few());
  EXPECT_NEAR(*study.direct->gain.estimate, 1, 1e-11);
  EXPECT_GT(std::abs(*study.indirect->estimate), 1e-4);
  EXPECT_NEAR(*study.total.gain.estimate - *study.direct->gain.estimate, *study.indirect->estimate,
              1e-12);
  expect_passed(study, 2);
}

TEST_P(PlantedReporter, FloatAgreesWithDouble) {
  constexpr Index kNeuron = 5;
  const std::vector<double> weight = write_of(model(), 1, kNeuron);
  const auto report = with_head<double>(model(), data_of(model(), 1, kNeuron), weight);
  PatchStudyOptions options = few();
  // Well within the natural range: no rounding moves one of them out of it.
  const NaturalRange range = natural_range(report.data().activation.values());
  for (const double part : {0.2, 0.4, 0.6, 0.8})
    options.doses.push_back(range.low + part * (range.high - range.low));
  const PatchStudy a = study_patches<double>(report, options);
  const PatchStudy b = study_patches<float>(
      with_head<float>(model(), data_of(model(), 1, kNeuron), weight), options);
  EXPECT_NEAR(a.total.gain.estimate.value(), b.total.gain.estimate.value(),
              1e-4 * std::abs(a.total.gain.estimate.value()));
  // Doses of a study are in its own precision.
  ASSERT_EQ(a.doses.size(), b.doses.size());
  for (std::size_t d = 0; d < a.doses.size(); ++d)
    EXPECT_EQ(static_cast<float>(a.doses[d]), static_cast<float>(b.doses[d]));
  expect_passed(b, 2);
}

TEST_P(PlantedReporter, AddingAndScalingHaveTheSameGainOfALinearReport) {
  constexpr Index kNeuron = 3;
  const Index layer = kLayers - 1;
  const std::vector<double> weight = write_of(model(), layer, kNeuron);
  const auto report = with_head<double>(model(), data_of(model(), layer, kNeuron), weight);
  const double expected = dot(weight, weight);
  for (const DoseMode mode : {DoseMode::set, DoseMode::add, DoseMode::scale}) {
    PatchStudyOptions options = few();
    options.mode = mode;
    options.n_dose = 4;
    const PatchStudy study = study_patches<double>(report, options);
    EXPECT_NEAR(*study.total.gain.estimate, expected, 1e-10) << dose_mode_name(mode);
    for (const DosePoint& point : study.points) {
      EXPECT_GE(point.share_in_range, 0);
      EXPECT_LE(point.share_in_range, 1);
      if (mode == DoseMode::set) {
        EXPECT_EQ(point.share_in_range, 1);
      }
    }
  }
}

// In the last block only the token that is read reaches the head: others patched beside it change
// nothing. In an earlier block they reach it through attention.
TEST_P(PlantedReporter, SeveralTokensTogether) {
  constexpr Index kNeuron = 3;
  const Index layer = kLayers - 1;
  const auto last = with_head<double>(model(), data_of(model(), layer, kNeuron),
                                      write_of(model(), layer, kNeuron));
  PatchStudyOptions options = few();
  const PatchStudy alone = study_patches<double>(last, options);
  options.tokens = {{-2, -1}};
  const PatchStudy together = study_patches<double>(last, options);
  EXPECT_EQ(together.most_tokens, 2);
  EXPECT_NEAR(*together.total.gain.estimate, *alone.total.gain.estimate, 1e-12);
  EXPECT_FALSE(together.direct);
  EXPECT_FALSE(together.why_no_direct.empty());
  expect_passed(together, 3);

  const auto early = with_head<double>(model(), data_of(model(), 0, 5), write_of(model(), 0, 5));
  options = few();
  const double one = *study_patches<double>(early, options).total.gain.estimate;
  options.tokens = {{-1, -1}};
  EXPECT_EQ(*study_patches<double>(early, options).total.gain.estimate, one);
  options.tokens = {{0, -1}};
  for (const DoseMode mode : {DoseMode::set, DoseMode::add, DoseMode::scale}) {
    options.mode = mode;
    const PatchStudy all = study_patches<double>(early, options);
    EXPECT_EQ(all.most_tokens, 8);
    EXPECT_GT(std::abs(*all.total.gain.estimate - one), 1e-4);
    expect_passed(all, 2);
  }
  // Every text has two tokens, not all have five.
  options.tokens = {{4, 4}};
  EXPECT_THROW(study_patches<double>(early, options), ArgumentError);
}

TEST(ResolveTokens, RangesAndNumbersFromBothEnds) {
  EXPECT_EQ(resolve_tokens({{0, 2}, {-1, -1}, {1, 1}}, 6), (std::vector<Index>{0, 1, 2, 5}));
  EXPECT_EQ(resolve_tokens({{-3, -1}}, 3), (std::vector<Index>{0, 1, 2}));
  EXPECT_THROW(resolve_tokens({{-4, -1}}, 3), ArgumentError);
  EXPECT_THROW(resolve_tokens({{2, 1}}, 3), ArgumentError);
  EXPECT_THROW(resolve_tokens({{0, 3}}, 3), ArgumentError);
}

// A dose far outside of the range moves the stream away from all natural rows; the unchanged rows
// are typical by definition, but for one in a hundred.
TEST_P(PlantedReporter, DosesFarOutAreFlagged) {
  constexpr Index kNeuron = 5;
  const auto report =
      with_head<double>(model(), data_of(model(), 1, kNeuron), write_of(model(), 1, kNeuron));
  PatchStudyOptions options = few();
  options.mode = DoseMode::add;
  options.doses = {0, 1000, -1000};
  const PatchStudy study = study_patches<double>(report, options);
  ASSERT_TRUE(study.typicality);
  EXPECT_EQ(study.typicality->site, "blocks.1.hook_resid_post");
  const double share = static_cast<double>(study.n_row - 1) / static_cast<double>(study.n_row);
  EXPECT_NEAR(*study.points[0].share_typical, share, 1e-12);
  EXPECT_NEAR(*study.points[0].mean_percentile, 50, 1e-9);
  EXPECT_EQ(*study.points[1].share_typical, 0);
  EXPECT_EQ(*study.points[2].mean_percentile, 100);
  EXPECT_GT(*study.points[1].mean_distance, 10 * study.typicality->clean_q99);
  for (Index i = 0; i < study.n_row; ++i)
    EXPECT_EQ(study.typicality->distance.matrix()(i, 0),
              study.typicality->clean[static_cast<std::size_t>(i)]);
}

TEST_P(PlantedReporter, OtherKindsOfReporters) {
  TrainOptions options;
  options.seed = 2;
  options.reporter.kind = ReporterKind::classification;
  options.reporter.n_bin = 4;
  options.reporter.hidden = {5};
  const ReportModel<double> bins(model(), data_of(model(), 1, 5), options, {});
  const PatchStudy study = study_patches<double>(bins, few());
  EXPECT_TRUE(study.total.gain.estimate);
  // Reports lie within the bins' means.
  const BinCode& code = bins.reporter().codes().front();
  const auto [low, high] = std::ranges::minmax(code.means);
  for (const double report : study.response.report.values()) {
    EXPECT_GE(report, low);
    EXPECT_LE(report, high);
  }
  expect_passed(study, 2);

  options.reporter = {};
  options.reporter.kind = ReporterKind::digit;
  options.trained.part = TrainedPart::after_target;
  const ReportModel<double> digits(model(), data_of(model(), 1, 5), options, {});
  const PatchStudy tokens = study_patches<double>(digits, few());
  EXPECT_TRUE(tokens.total.gain.estimate);
  EXPECT_TRUE(tokens.direct);
  EXPECT_GT(tokens.non_vacuity.mean_report_change, 0);
  expect_passed(tokens, 2);
}

// Reports of the clean run are those that the reporter gives of its rows.
TEST_P(PlantedReporter, CleanReportsAreTheReporters) {
  const auto report = with_head<double>(model(), data_of(model(), 1, 5), write_of(model(), 1, 5));
  const PatchStudy study = study_patches<double>(report, few());
  const Tensor<double> features = report.features(study.row);
  const Tensor<double> reports =
      report.reporter().reports(report.reporter().head().forward(features.matrix()).matrix());
  for (std::size_t i = 0; i < study.row.size(); ++i) {
    EXPECT_EQ(study.clean_report[i], reports.values()[i]);
    EXPECT_EQ(study.activation[i], report.data().activation.matrix()(study.row[i], 0));
  }
}

TEST_P(PlantedReporter, WhatCannotBePatchedIsAnError) {
  std::shared_ptr<ReporterData> data = data_of(model(), 1, 5);
  data->feature_site.site = {HookKind::resid_pre, 1, std::nullopt};
  const auto early = with_head<double>(model(), data, write_of(model(), 1, 5));
  try {
    study_patches<double>(early, few());
    ADD_FAILURE() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::wrong_site);
  }
  const auto report = with_head<double>(model(), data_of(model(), 1, 5), write_of(model(), 1, 5));
  PatchStudyOptions options = few();
  options.mode = DoseMode::scale;
  options.doses = {1};
  EXPECT_THROW(study_patches<double>(report, options), CheckError);
  options = few();
  options.target = 1;
  EXPECT_THROW(study_patches<double>(report, options), ArgumentError);
}

INSTANTIATE_TEST_SUITE_P(Families, PlantedReporter,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                           TinyFamily::gpt_neox),
                         [](const auto& instance) {
                           return std::string(test::family_name(instance.param));
                         });

}  // namespace
}  // namespace gnomon
