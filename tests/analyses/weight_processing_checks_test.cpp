// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/weight_processing_checks.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "analyses/tiny_study.h"
#include "gnomon/analyses/model_check.h"
#include "gnomon/base/error.h"
#include "support/tiny_model.h"

namespace gnomon {
namespace {

using test::make_study;
using test::random_texts;
using test::tiny_model;
using test::TinyFamily;
using test::TinyStudy;

constexpr const char* kSteps[] = {"fold_ln", "center_writing_weights", "center_unembed",
                                  "fold_value_biases", "transformerlens"};

std::set<std::string> failed(const std::vector<CheckResult>& checks) {
  std::set<std::string> ids;
  for (const CheckResult& check : checks) {
    if (check.status == CheckStatus::fail) ids.insert(check.id);
  }
  return ids;
}

class WeightProcessingChecks : public ::testing::TestWithParam<TinyFamily> {
 protected:
  const Model& model() const { return tiny_model(GetParam()); }
  WeightProcessing steps(const char* text) const {
    return parse_weight_processing(text, model().config());
  }
  bool is_refused(const std::string& step) const {
    return step == "center_writing_weights" && model().config().norm == NormKind::rms_norm;
  }
};

INSTANTIATE_TEST_SUITE_P(Families, WeightProcessingChecks,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                           TinyFamily::gpt_neox),
                         [](const auto& family) {
                           return std::string(test::family_name(family.param));
                         });

TEST_P(WeightProcessingChecks, HoldForEveryStepAndAllTogether) {
  const auto texts = random_texts(model().config(), {1, 7, 19}, 3);
  for (const char* text : kSteps) {
    SCOPED_TRACE(text);
    if (is_refused(text)) continue;
    const Model processed = process_weights(model(), steps(text));
    const std::vector<CheckResult> checks =
        check_weight_processing(model(), processed, steps(text), texts);
    EXPECT_EQ(failed(checks), std::set<std::string>());
    std::set<std::string> ids;
    for (const CheckResult& check : checks) ids.insert(check.id);
    for (const char* id : {"R1", "R2", "R2_out", "I2", "I6", "I7", "log_probabilities"})
      EXPECT_TRUE(ids.contains(id)) << id;
  }
}

// Said to have a step that it has not, a model is found out where that step shows.
TEST_P(WeightProcessingChecks, FindWhatWasNotDone) {
  const auto texts = random_texts(model().config(), {7, 19}, 3);
  const std::set<std::pair<std::string, std::string>> expected = {
      {"fold_ln", "R2_out"}, {"center_writing_weights", "R1"}, {"center_unembed", "I6"}};
  for (const auto& [text, id] : expected) {
    if (is_refused(text)) continue;
    EXPECT_TRUE(
        failed(check_weight_processing(model(), model(), steps(text.c_str()), texts)).contains(id))
        << text;
  }
  if (model().config().norm == NormKind::layer_norm) {
    EXPECT_EQ(failed(check_weight_processing(model(), model(), steps("fold_value_biases"), texts)),
              std::set<std::string>{"I7"});
  }
}

// Identities, measurements and ladders of a processed model are its own.
TEST_P(WeightProcessingChecks, AStudyOfAProcessedModelHolds) {
  const Model processed = process_weights(model(), steps("transformerlens"));
  for (const Precision precision : {Precision::float32, Precision::float64}) {
    for (const char* target : {"blocks.1.mlp.hook_post[5]@last", "blocks.0.hook_mlp_out[3]@last"}) {
      SCOPED_TRACE(target);
      const TinyStudy study = make_study(processed, {.target = target, .precision = precision});
      EXPECT_EQ(study.data.weights, weight_processing_name(steps("transformerlens")));
      EXPECT_EQ(failed(check_identities(processed, study.data.target, study.texts.ids, precision)),
                std::set<std::string>());
      for (const Ladder& ladder : study.ladders)
        EXPECT_TRUE(ladder.closes) << ladder.direction << " " << ladder.one_minus_r.value_or(-1);
    }
  }
}

TEST_P(WeightProcessingChecks, AModelCheckOfProcessedWeightsHolds) {
  const ModelCheck raw = check_model(model(), 1, {});
  EXPECT_TRUE(raw.passed());
  EXPECT_TRUE(raw.processing.empty());
  const ModelCheck check = check_model(model(), 1, {}, steps("transformerlens"));
  EXPECT_TRUE(check.passed());
  EXPECT_FALSE(check.processing.empty());
  EXPECT_EQ(check.float64.size(), raw.float64.size());
}

// A reporter's head was trained on raw weights.
TEST_P(WeightProcessingChecks, ATrainedHeadIsNotAppliedToProcessedWeights) {
  const Model processed = process_weights(model(), steps("transformerlens"));
  const TinyStudy study = make_study(processed, {.precision = Precision::float64});
  ProjectionOptions options;
  options.head = study.analysis.head;
  try {
    analyse_projections(study.data, processed.weights<double>(), options);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::wrong_site);
    EXPECT_NE(std::string(error.what()).find("belongs to the weights \"raw\""), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace gnomon
