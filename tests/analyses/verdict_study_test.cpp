// SPDX-License-Identifier: Apache-2.0
// Planted reporters, measured and judged as `gnomon verdict` does: the accounts come out as
// planted.
#include "gnomon/analyses/verdict_study.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "analyses/tiny_reporter.h"
#include "gnomon/activations/gradients.h"
#include "gnomon/analyses/feature_rows.h"
#include "gnomon/directions/direction.h"
#include "gnomon/stats/ridge.h"

namespace gnomon {
namespace {

using test::Reported;
using test::reported;
using test::TinyFamily;

// A slope of rounding errors e of the reports is at most max |e| / sd of the doses; reports here
// are below 100 in magnitude, doses above 0.1 in sd: 2 · 1.1e-16 · 100 / 0.1.
constexpr double kRounding = 1e-12;

struct Planted {
  Reported given;
  ReportModel<double> start;
  ReportModel<double> trained;

  Planted(TinyFamily family, Index layer, Index neuron, TrainedPart part, Index n_text = 150,
          const Site& feature = {HookKind::resid_post, 2, std::nullopt})
      : given(reported(family, fmt::format("blocks.{}.mlp.hook_post[{}]@last", layer, neuron),
                       feature, n_text)),
        start(given.base, given.rows, options(part), {}),
        trained(given.base, given.rows, options(part), {}) {}

  static TrainOptions options(TrainedPart part) {
    TrainOptions options;
    options.trained.part = part;
    options.seed = 2;
    return options;
  }

  StudyData study(const Model& model) const {
    return measure_study(model, given.data.targets[0], given.data.texts, Precision::float64, {});
  }
  std::vector<double> write() const {
    return neuron_weights(given.base.config(), given.base.weights<double>(),
                          given.data.targets[0].layer(), given.data.targets[0].index())
        .write;
  }
  // The neuron's mean gradient with respect to what its MLP reads over the training rows.
  std::vector<double> read() const {
    const SiteAt mid{{mlp_stream(given.base.config()), given.data.targets[0].layer(), std::nullopt},
                     {Position::Kind::last, -1}};
    const Activations<double> gradients =
        std::move(capture_gradients<double>(given.base, given.rows->ids, {&mid, 1},
                                            given.data.targets[0].at, {})
                      .front());
    std::vector<double> mean(static_cast<std::size_t>(given.base.config().d_model));
    for (const Index row : given.rows->rows_of(Part::train)) {
      const std::span<const double> gradient = gradients.values.matrix().row(row);
      for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += gradient[c];
    }
    return mean;
  }
  // Reports become weight · feature + bias.
  void set_head(std::vector<double> weight, double bias) {
    const Scaling& labels = trained.reporter().labels();
    for (double& w : weight) w /= labels.sd[0];
    trained.reporter().head().set_linear(0, weight, (bias - labels.mean[0]) / labels.sd[0]);
  }
  std::vector<Index> all_rows() const {
    std::vector<Index> rows;
    for (Index row = 0; row < given.rows->n_row(); ++row) rows.push_back(row);
    return rows;
  }

  VerdictStudy judged() const {
    const StudyData before = study(given.base);
    const StudyData after = study(trained.model());
    BootstrapOptions bootstrap;
    bootstrap.n_bootstrap = 300;
    // Scored as `gnomon run` does, against the snapshot.
    const Tensor<double> features = trained.features(all_rows());
    const Tensor<double> embedding =
        feature_rows(given.base, given.data.texts, before,
                     {{HookKind::resid_pre, 0, std::nullopt}, {Position::Kind::last, -1}}, {});
    EvaluationFeatures sites;
    sites.reporter = {"feature", features.matrix()};
    sites.embedding = {"embedding", embedding.matrix()};
    ReferenceOptions references;
    references.bootstrap = bootstrap;
    EvaluatedReports reports{"regression", "planted", "snapshot", {}, std::nullopt};
    reports.report =
        column(trained.reporter()
                   .reports(trained.reporter().head().forward(features.matrix()).matrix())
                   .matrix(),
               0);
    const ReporterEvaluation evaluation = evaluate_reporter(
        before, reports, measure_references(before, given.data.texts.ids, sites, {}, references));
    const std::vector<Index> test = given.rows->rows_of(Part::test);
    const ActivationDrift drift =
        measure_drift(take(before.activation, test), take(after.activation, test),
                      take(given.rows->group, test), bootstrap);
    VerdictOptions options;
    options.n_control = 30;
    options.bootstrap = bootstrap;
    options.weights.n_random = 99;
    options.weights.n_bootstrap = 60;
    return study_verdict<double>(trained, start, after, before, evaluation, drift, options);
  }
};

Reading outcome(const VerdictStudy& study, Account account) {
  return std::ranges::find(study.verdict.accounts, account, &AccountVerdict::account)->outcome;
}

Reading reading(const VerdictStudy& study, std::string_view id) {
  return std::ranges::find(study.verdict.evidence, id, &Evidence::id)->of(Account::reads_write);
}

std::string told(const VerdictStudy& study) {
  std::string text;
  for (const Evidence& evidence : study.verdict.evidence)
    text += evidence.id + " " + evidence.figure + "\n";
  return text;
}

void expect_checks(const VerdictStudy& study) {
  EXPECT_FALSE(study.checks.empty());
  for (const CheckResult& check : study.checks)
    EXPECT_EQ(check.status, CheckStatus::pass) << check.id << " " << check.title;
}

class PlantedVerdict : public ::testing::TestWithParam<TinyFamily> {};

// weight = W_out[n] / |W_out[n]|²: the neuron's write, and nothing else of the neuron.
TEST_P(PlantedVerdict, AHeadThatReadsTheWriteAloneIsH3) {
  Planted planted(GetParam(), 2, 5, TrainedPart::none);
  std::vector<double> weight = planted.write();
  const double squared = dot(weight, weight);
  for (double& w : weight) w /= squared;
  planted.set_head(weight, 0);
  const VerdictStudy study = planted.judged();
  EXPECT_NEAR(*study.verdict.gain.estimate, 1, kRounding);
  EXPECT_EQ(outcome(study, Account::reads_write), Reading::supports) << told(study);
  EXPECT_EQ(outcome(study, Account::models_map), Reading::contradicts);
  EXPECT_NE(outcome(study, Account::reads_input), Reading::supports);
  EXPECT_EQ(outcome(study, Account::regularised), Reading::contradicts);
  expect_checks(study);
}

// The stream of the training rows without its components along these, and a ridge head fitted to
// it: the head is orthogonal to them.
void fit_without(Planted& planted, std::vector<std::vector<double>> removed) {
  for (std::size_t i = 0; i < removed.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double along = dot(removed[i], removed[j]);
      for (std::size_t c = 0; c < removed[i].size(); ++c) removed[i][c] -= along * removed[j][c];
    }
    const double length = norm(removed[i]);
    for (double& value : removed[i]) value /= length;
  }
  const std::vector<Index> training = planted.given.rows->rows_of(Part::train);
  Tensor<double> features = planted.trained.features(training);
  for (Index i = 0; i < features.matrix().rows; ++i) {
    const std::span<double> row = features.matrix().row(i);
    for (const std::vector<double>& direction : removed) {
      const double along = dot(row, direction);
      for (std::size_t c = 0; c < row.size(); ++c) row[c] -= along * direction[c];
    }
  }
  const std::vector<double> labels =
      column(activation_rows(*planted.given.rows, training).matrix(), 0);
  const RidgeFit fit = fit_ridge_cross_validated(std::as_const(features).matrix(), labels,
                                                 take(planted.given.rows->group, training), {})
                           .fit;
  planted.set_head(fit.weight, fit.bias);
}

// What reads neither the write nor the input, and still reports, models the map from elsewhere.
TEST_P(PlantedVerdict, AHeadFittedWithoutTheWriteIsH1) {
  // Neurons of which so much is left that a ridge head still beats every floor.
  const Index neuron = GetParam() == TinyFamily::gpt_neox ? 6 : 10;
  Planted planted(GetParam(), 2, neuron, TrainedPart::none, 600);
  fit_without(planted, {planted.write(), planted.read()});
  const VerdictStudy study = planted.judged();
  EXPECT_NEAR(*study.verdict.gain.estimate, 0, kRounding) << told(study);
  EXPECT_EQ(outcome(study, Account::models_map), Reading::supports) << told(study);
  EXPECT_EQ(outcome(study, Account::reads_input), Reading::contradicts);
  EXPECT_EQ(outcome(study, Account::reads_write), Reading::contradicts);
  EXPECT_EQ(outcome(study, Account::regularised), Reading::contradicts);
  EXPECT_EQ(reading(study, "E3"), Reading::contradicts);
  EXPECT_NE(reading(study, "E7"), Reading::supports);
  expect_checks(study);
}

// The same head where only the write is kept from it finds the neuron's input in the stream.
TEST_P(PlantedVerdict, AHeadFittedWithoutTheWriteThatReadsTheInputIsH2) {
  Planted planted(GetParam(), 2, 5, TrainedPart::none, 600);
  fit_without(planted, {planted.write()});
  const VerdictStudy study = planted.judged();
  EXPECT_NEAR(*study.verdict.gain.estimate, 0, kRounding) << told(study);
  EXPECT_EQ(outcome(study, Account::reads_input), Reading::supports) << told(study);
  EXPECT_EQ(outcome(study, Account::reads_write), Reading::contradicts);
  EXPECT_NE(outcome(study, Account::models_map), Reading::contradicts);
  expect_checks(study);
}

// W_in[:, n] scaled: by 0 the neuron is constant, by 0.02 nearly so.
TEST_P(PlantedVerdict, AClampedNeuronIsH4) {
  constexpr Index kNeuron = 5;
  for (const double factor : {0.0, 0.02}) {
    Planted planted(GetParam(), 1, kNeuron, TrainedPart::all);
    for (auto& [key, entry] : planted.trained.parameters().entries()) {
      if (key.layer != 1 || key.is_bias) continue;
      const bool gpt2 = GetParam() == TinyFamily::gpt2;
      const bool gated = GetParam() == TinyFamily::llama;
      if (key.kind != (gated ? WeightKind::gate_proj : WeightKind::up_proj)) continue;
      const MatrixView<double> weight = entry.values.matrix();
      for (Index i = 0; i < (gpt2 ? weight.rows : weight.cols); ++i)
        (gpt2 ? weight(i, kNeuron) : weight(kNeuron, i)) *= factor;
    }
    const VerdictStudy study = planted.judged();
    EXPECT_EQ(study.patch.has_value(), factor > 0);
    EXPECT_EQ(outcome(study, Account::regularised), Reading::supports) << told(study);
    if (factor == 0) {
      EXPECT_EQ(outcome(study, Account::reads_write), Reading::undecided);
      EXPECT_FALSE(study.verdict.gain.estimate);
      EXPECT_FALSE(study.verdict.gain.why_undefined.empty());
    }
  }
}

// A head that reads the stream before the neuron's block: nothing written into the neuron arrives.
TEST_P(PlantedVerdict, AHeadBeforeTheNeuronHasGainZero) {
  Planted planted(GetParam(), 2, 10, TrainedPart::none, 600,
                  {HookKind::resid_pre, 2, std::nullopt});
  fit_without(planted, {});
  const VerdictStudy study = planted.judged();
  EXPECT_FALSE(study.patch);
  EXPECT_EQ(study.no_patch, NoPatch::unreachable);
  EXPECT_EQ(*study.verdict.gain.estimate, 0);
  EXPECT_EQ(outcome(study, Account::reads_write), Reading::contradicts);
  EXPECT_EQ(outcome(study, Account::reads_input), Reading::undecided);
}

INSTANTIATE_TEST_SUITE_P(Families, PlantedVerdict,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                           TinyFamily::gpt_neox),
                         [](const auto& instance) {
                           return std::string(test::family_name(instance.param));
                         });

}  // namespace
}  // namespace gnomon
