// SPDX-License-Identifier: Apache-2.0
// Evaluations of reports whose worth was planted.
#include "gnomon/analyses/reporter_evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "analyses/planted_rows.h"
#include "analyses/tiny_study.h"
#include "gnomon/analyses/feature_rows.h"
#include "gnomon/analyses/neuron_values.h"
#include "gnomon/base/error.h"
#include "support/expect_close.h"

namespace gnomon::test {
namespace {

ReferenceOptions reference_options() {
  ReferenceOptions options;
  options.bootstrap.n_bootstrap = 500;
  options.seed = 3;
  return options;
}

EvaluationReferences references_of(const PlantedRows& rows, std::vector<OtherLabels> others = {}) {
  EvaluationFeatures features;
  features.reporter = {"planted", rows.features.matrix()};
  return measure_references(rows.data, rows.ids, features, std::move(others), reference_options());
}

EvaluatedReports reports_of(const std::vector<double>& values) {
  return {"head", "planted", "snapshot", values, std::nullopt};
}

const EvaluationRow& row_of(const ReporterEvaluation& evaluation, const std::string& name) {
  for (const EvaluationRow& row : evaluation.rows) {
    if (row.name == name) return row;
  }
  throw std::out_of_range("no row " + name);
}

std::vector<double> noisy(const std::vector<double>& values, double noise) {
  Random random(6, "noisy reports");
  std::vector<double> result = values;
  for (double& value : result) value += noise * random.normal();
  return result;
}

TEST(ReporterEvaluationTest, PerfectReports) {
  const PlantedRows rows = planted_rows(1, 150, 6, 1, 0.5);
  const ReporterEvaluation evaluation =
      evaluate_reporter(rows.data, reports_of(rows.data.activation), references_of(rows));
  const ReportScore& score = *evaluation.reporter().score;
  EXPECT_EQ(*score.r, 1);
  EXPECT_EQ(*score.r2_identity, 1);
  EXPECT_NEAR(*score.slope, 1, 1e-12);
  EXPECT_EQ(*evaluation.r2_training, 1);
  EXPECT_TRUE(evaluation.beats_floors);
  EXPECT_GT(evaluation.gain->interval->ci_low, 0.7);
  // Above the linear ceiling: the activation has a part that the features do not carry.
  EXPECT_GT(*evaluation.fraction_of_ceiling->estimate, 1);
}

TEST(ReporterEvaluationTest, TheRidgeHeadItselfIsItsCeiling) {
  const PlantedRows rows = planted_rows(2, 200, 6, 1, 0.7);
  const EvaluationReferences references = references_of(rows);
  std::vector<double> reports(rows.data.activation.size(), 20);
  for (const ReferenceReport& reference : references.reports) {
    if (reference.name != "ridge") continue;
    for (std::size_t i = 0; i < references.scored_rows.size(); ++i)
      reports[static_cast<std::size_t>(references.scored_rows[i])] = reference.report[i];
  }
  const ReporterEvaluation evaluation =
      evaluate_reporter(rows.data, reports_of(reports), references);
  EXPECT_EQ(*evaluation.fraction_of_ceiling->estimate, 1);
  EXPECT_EQ(evaluation.fraction_of_ceiling->interval->ci_low, 1);
  EXPECT_EQ(evaluation.fraction_of_ceiling->interval->ci_high, 1);
  EXPECT_EQ(*row_of(evaluation, "ridge").reporter_minus->estimate, 0);
  EXPECT_TRUE(evaluation.beats_floors);
}

// Labels that have nothing to do with anything, and the best that a ridge head makes of them.
TEST(ReporterEvaluationTest, NoiseDoesNotBeatTheFloors) {
  const PlantedRows rows = planted_rows(3, 200, 6, 0, 1);
  const EvaluationReferences references = references_of(rows);
  std::vector<double> reports(rows.data.activation.size(), 20);
  for (const ReferenceReport& reference : references.reports) {
    if (reference.name != "ridge") continue;
    for (std::size_t i = 0; i < references.scored_rows.size(); ++i)
      reports[static_cast<std::size_t>(references.scored_rows[i])] = reference.report[i];
  }
  const ReporterEvaluation evaluation =
      evaluate_reporter(rows.data, reports_of(reports), references);
  EXPECT_FALSE(evaluation.beats_floors);
  EXPECT_LE(evaluation.gain->interval->ci_low, 0);
  EXPECT_GE(evaluation.gain->interval->ci_high, 0);
  EXPECT_LT(*evaluation.reporter().score->r2_identity, 0.05);
  EXPECT_FALSE(evaluation.selectivity.difference.interval->ci_low > 0);
}

TEST(ReporterEvaluationTest, PermutedLabelsFindNothing) {
  const PlantedRows rows = planted_rows(4, 200, 6, 1, 0.3);
  const ReporterEvaluation evaluation = evaluate_reporter(
      rows.data, reports_of(noisy(rows.data.activation, 0.1)), references_of(rows));
  ASSERT_EQ(evaluation.permuted_r2.size(), 9U);
  EXPECT_TRUE(std::is_sorted(evaluation.permuted_r2.begin(), evaluation.permuted_r2.end()));
  EXPECT_LT(evaluation.permuted_r2.back(), 0.1);
  EXPECT_LT(evaluation.permuted_r2[4], 0.02);
  EXPECT_EQ(*row_of(evaluation, "permuted_labels").score->r2_identity, evaluation.permuted_r2[4]);
  EXPECT_GT(*row_of(evaluation, "ridge").score->r2_identity, 0.9);
  EXPECT_LT(*row_of(evaluation, "control_task").score->r2_identity, 0.1);
}

// Only r would be impressed.
TEST(ReporterEvaluationTest, AScaledReportIsWorseThanTheMean) {
  const PlantedRows rows = planted_rows(5, 150, 6, 1, 0.3);
  std::vector<double> reports = noisy(rows.data.activation, 1.5);
  for (double& report : reports) report -= 2.5;
  const ReporterEvaluation evaluation =
      evaluate_reporter(rows.data, reports_of(reports), references_of(rows));
  EXPECT_GT(*evaluation.reporter().score->r, 0.7);
  EXPECT_LT(*evaluation.reporter().score->r2_identity, -1);
  EXPECT_FALSE(evaluation.beats_floors);
  EXPECT_LT(evaluation.gain->interval->ci_high, 0);
}

// The activation follows the token alone: a reporter that knows the token has beaten nothing.
TEST(ReporterEvaluationTest, TheBestFloorIsTheOneThatKnows) {
  PlantedRows rows = planted_rows(6, 200, 6, 0, 0);
  for (std::size_t r = 0; r < rows.data.activation.size(); ++r)
    rows.data.activation[r] = std::sin(static_cast<double>(rows.data.token[r]));
  const ReporterEvaluation evaluation = evaluate_reporter(
      rows.data, reports_of(noisy(rows.data.activation, 0.1)), references_of(rows));
  EXPECT_EQ(evaluation.best_floor, "last_token");
  EXPECT_FALSE(evaluation.beats_floors);
  EXPECT_GT(*evaluation.reporter().score->r2_identity, 0.9);
  // The same for length and position together.
  for (std::size_t r = 0; r < rows.data.activation.size(); ++r) {
    rows.data.position[r] = static_cast<Index>(r % 3);
    rows.data.activation[r] =
        static_cast<double>(rows.data.n_token[r]) - 2 * static_cast<double>(rows.data.position[r]);
  }
  const ReporterEvaluation again = evaluate_reporter(
      rows.data, reports_of(noisy(rows.data.activation, 0.1)), references_of(rows));
  EXPECT_EQ(again.best_floor, "length_position");
  EXPECT_NEAR(*row_of(again, "length_position").score->r2_identity, 1, 1e-9);
}

TEST(ReporterEvaluationTest, BinsAreACeiling) {
  const PlantedRows rows = planted_rows(7, 200, 6, 1, 0.3);
  const BinCode code =
      equal_count_bins(take(rows.data.activation, rows.data.rows_of(Part::train)), 5);
  EvaluatedReports reports = reports_of(code.decode(code.encode(rows.data.activation)));
  reports.code = code;
  const ReporterEvaluation evaluation = evaluate_reporter(rows.data, reports, references_of(rows));
  const EvaluationRow& bins = row_of(evaluation, "bins");
  EXPECT_EQ(bins.kind, EvaluationKind::ceiling);
  // The reporter is right about every label, so it is its own ceiling, below 1.
  EXPECT_EQ(*bins.reporter_fraction->estimate, 1);
  EXPECT_GT(*bins.score->r2_identity, 0.8);
  EXPECT_LT(*bins.score->r2_identity, 0.98);
  EXPECT_GT(bins.score->mean_absolute_error, 0.05);
}

// Dead salmon: what must not be reported is not.
TEST(ReporterEvaluationTest, ControlsFindNothing) {
  const PlantedRows rows = planted_rows(8, 200, 6, 1, 0.3);
  const PlantedRows random_model = planted_rows(8, 200, 6, 0, 1);
  Random random(9, "features of a random model");
  Tensor<double> noise(rows.features.shape());
  for (double& value : noise.values()) value = random.normal();
  std::vector<double> other;
  for (std::size_t r = 0; r < rows.data.activation.size(); ++r) other.push_back(random.normal());
  const EvaluationReferences references = references_of(rows, {{"other", other}});
  const ReporterEvaluation evaluation =
      evaluate_reporter(rows.data, reports_of(noisy(rows.data.activation, 0.2)), references,
                        {random_model_control(rows.data, {"noise", noise.matrix()}, references,
                                              reference_options())});
  for (const char* name : {"random_model", "other_labels other", "match other"}) {
    const EvaluationRow& row = row_of(evaluation, name);
    EXPECT_EQ(row.kind, EvaluationKind::control) << name;
    ASSERT_TRUE(row.score) << name;
    EXPECT_LT(*row.score->r2_identity, 0.1) << name;
    EXPECT_LT(row.score->r ? std::abs(*row.score->r) : 0.0, 0.3) << name;
  }
  EXPECT_GT(row_of(evaluation, "random_model").reporter_minus->interval->ci_low, 0.7);
  EXPECT_FALSE(row_of(evaluation, "match other").reporter_minus);
}

TEST(ReporterEvaluationTest, ConstantReportsHaveAReason) {
  const PlantedRows rows = planted_rows(9, 100, 4, 1, 0.3);
  const ReporterEvaluation evaluation =
      evaluate_reporter(rows.data, reports_of(std::vector<double>(rows.data.activation.size(), 20)),
                        references_of(rows));
  EXPECT_FALSE(evaluation.reporter().score->r);
  EXPECT_EQ(evaluation.reporter().why, "the reports are constant");
  EXPECT_FALSE(evaluation.beats_floors);
  EXPECT_FALSE(row_of(evaluation, "neuron").score);
  EXPECT_FALSE(row_of(evaluation, "neuron").why.empty());
  EXPECT_FALSE(row_of(evaluation, "ridge_mid").score);
  EXPECT_FALSE(row_of(evaluation, "ridge_mid").why.empty());
}

TEST(ReporterEvaluationTest, RefusesBadInput) {
  PlantedRows rows = planted_rows(10, 60, 4, 1, 0.3);
  const EvaluationReferences references = references_of(rows);
  EXPECT_THROW(evaluate_reporter(rows.data, reports_of({1, 2}), references), ShapeError);
  std::vector<double> reports = rows.data.activation;
  reports[3] = std::nan("");
  EXPECT_THROW(evaluate_reporter(rows.data, reports_of(reports), references), NumericError);
  EvaluationFeatures features;
  features.reporter = {"planted", rows.features.matrix()};
  const auto measure = [&](const ReferenceOptions& options) {
    measure_references(rows.data, rows.ids, features, {}, options);
  };
  EXPECT_THROW(measure({.n_permutation = 4}), ArgumentError);
  EXPECT_THROW(measure({.scored = Part::train}), ArgumentError);
  rows.data.activation.assign(rows.data.activation.size(), 3.0);
  try {
    measure({});
    ADD_FAILURE() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_data);
    EXPECT_NE(std::string(error.what()).find("constant"), std::string::npos);
  }
}

// A model: the path test holds for every kind of target, and a coordinate of a stream is read from
// that stream by ridge.
TEST(ReporterEvaluationTest, TheNeuronReadFromItsStreamIsTheTruth) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Model& model = tiny_model(family);
    const StudyTexts texts = prepare_texts(model, short_texts(60, 3), 7);
    for (const std::string& name : every_target(model.config())) {
      const Target target = make_target(parse_site(name, model.config()), model.config());
      const StudyData data = measure_study(model, target, texts, Precision::float64, {});
      const std::optional<std::vector<double>> again = recomputed_target(data);
      ASSERT_TRUE(again) << name;
      // The difference of two streams of size about 10, or a sum of tens of such terms.
      expect_close(name, *again, data.activation, {.absolute = 1e-11, .relative = 1e-11});
    }
  }
}

TEST(ReporterEvaluationTest, OfATinyModel) {
  const Model& model = tiny_model(TinyFamily::llama);
  const StudyTexts texts = prepare_texts(model, short_texts(120, 3), 7);
  const Target target =
      make_target(parse_site("blocks.1.hook_resid_mid[3]@all", model.config()), model.config());
  const StudyData data = measure_study(model, target, texts, Precision::float64, {});
  const Tensor<double> embedding = feature_rows(
      model, texts, data, parse_site("blocks.0.hook_resid_pre@all", model.config()), {});
  EvaluationFeatures features;
  features.reporter = {"blocks.1.hook_resid_post", data.resid_final.matrix()};
  features.embedding = {"blocks.0.hook_resid_pre", embedding.matrix()};
  features.resid_mid = {"blocks.1.hook_resid_mid", data.resid_mid.matrix()};
  features.resid_post = {"blocks.1.hook_resid_post", data.resid_post.matrix()};
  const EvaluationReferences references =
      measure_references(data, texts.ids, features, {}, reference_options());
  const ReporterEvaluation evaluation =
      evaluate_reporter(data, reports_of(noisy(data.activation, 0.01)), references);
  EXPECT_EQ(evaluation.target, "blocks.1.hook_resid_mid[3]@all");
  std::set<std::string> names;
  for (const EvaluationRow& row : evaluation.rows) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(row.score) << row.name << ": " << row.why;
    EXPECT_FALSE(row.definition.empty()) << row.name;
  }
  for (const char* name : {"mean", "lookup", "length", "position", "length_position", "last_token",
                           "unigram", "permuted_labels", "embedding", "neuron", "ridge",
                           "ridge_mid", "ridge_post", "control_task"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_NEAR(*row_of(evaluation, "neuron").score->r2_identity, 1, 1e-12);
  EXPECT_GT(*row_of(evaluation, "ridge_mid").score->r2_identity, 0.9999);
}

TEST(FeatureRowsTest, AreTheSiteOfEveryRow) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const StudyTexts texts = prepare_texts(model, short_texts(20, 3), 7);
  const Target target =
      make_target(parse_site("blocks.0.mlp.hook_post[5]@all", model.config()), model.config());
  const StudyData data = measure_study(model, target, texts, Precision::float64, {});
  const auto rows_at = [&](const std::string& site) {
    return feature_rows(model, texts, data, parse_site(site, model.config()), {});
  };
  const Tensor<double> same = rows_at("blocks.1.hook_resid_post@all");
  expect_close("resid_post", same.values(), data.resid_final.values(), {});
  // One row of each text stands on all of its rows: the last token's.
  const Tensor<double> last = rows_at("blocks.1.hook_resid_post@last");
  ASSERT_EQ(last.matrix().rows, data.n_row());
  for (Index r = 0; r < data.n_row(); ++r) {
    Index end = r;
    while (end + 1 < data.n_row() &&
           data.text[static_cast<std::size_t>(end + 1)] == data.text[static_cast<std::size_t>(r)])
      ++end;
    expect_close("last", last.matrix().row(r), same.matrix().row(end), {});
  }
}

TEST(FeatureRowsTest, RefusesPositionsThatTheSiteDoesNotHave) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const StudyTexts texts = prepare_texts(model, short_texts(20, 3), 7);
  const Target target =
      make_target(parse_site("blocks.0.mlp.hook_post[5]@last", model.config()), model.config());
  StudyData data = measure_study(model, target, texts, Precision::float32, {});
  const SiteAt all = parse_site("blocks.0.hook_resid_pre@all", model.config());
  EXPECT_EQ(feature_rows(model, texts, data, all, {}).matrix().rows, data.n_row());
  data.position[2] = 1000;
  try {
    feature_rows(model, texts, data, all, {});
    ADD_FAILURE() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::wrong_site);
    EXPECT_NE(std::string(error.what()).find("no row for token 1000 of text 2"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace gnomon::test
