// SPDX-License-Identifier: Apache-2.0
// The study's definitions beside those of a model whose weights were processed: the same numbers by
// another way.
#include "gnomon/analyses/original_definitions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "analyses/tiny_study.h"
#include "gnomon/base/error.h"
#include "gnomon/model/weight_processing.h"
#include "gnomon/stats/correlation.h"

namespace gnomon::test {
namespace {

const OriginalDirection& named(const std::vector<OriginalDirection>& all, std::string_view name) {
  for (const OriginalDirection& direction : all)
    if (direction.name == name) return direction;
  throw std::runtime_error("no direction " + std::string(name));
}

// As a user of TransformerLens does it: the processed model's own stream times its own weights.
double correlation(const Tensor<double>& stream, const std::vector<double>& weight,
                   const std::vector<double>& activation) {
  std::vector<double> projection;
  for (Index r = 0; r < stream.matrix().rows; ++r)
    projection.push_back(dot(stream.matrix().row(r), weight));
  return pearson(projection, activation).r.value();
}

class OriginalDefinitions : public ::testing::TestWithParam<TinyFamily> {};

TEST_P(OriginalDefinitions, AreThoseOfTheProcessedModel) {
  const Model& model = tiny_model(GetParam());
  const TinyStudy study = make_study(model, {.target = "blocks.1.mlp.hook_post[5]@last"});
  const auto found = original_definitions(study.data, model.weights<double>(), study.analysis);

  const Model processed =
      process_weights(model, parse_weight_processing("transformerlens", model.config()));
  const StudyData data =
      measure_study(processed, study.data.target, study.texts, Precision::float64, {});
  const NeuronWeights neuron =
      neuron_weights(processed.config(), processed.weights<double>(), 1, 5);
  const std::vector<double>& read = model.config().gated_mlp ? neuron.up_read : neuron.read;
  // Weights are processed in float32, whose rounding is 6e-8 of each of some hundred terms.
  constexpr double kTolerance = 1e-5;
  const auto first = [&](std::string_view name) {
    return named(found, name).steps.front().r.value();
  };
  EXPECT_NEAR(first("input"), correlation(data.resid_pre, read, data.activation), kTolerance);
  EXPECT_NEAR(first("output"), correlation(data.resid_post, neuron.write, data.activation),
              kTolerance);
  EXPECT_NEAR(first("neuron_dir"), correlation(data.resid_final, neuron.write, data.activation),
              kTolerance);
  EXPECT_NEAR(first("head"),
              correlation(data.resid_final, study.analysis.head.weight, data.activation),
              kTolerance);
}

TEST_P(OriginalDefinitions, EndAtTheDirectionsOfTheAnalysis) {
  const Model& model = tiny_model(GetParam());
  const TinyStudy study = make_study(model, {.target = "blocks.1.mlp.hook_post[5]@last"});
  const auto found = original_definitions(study.data, model.weights<double>(), study.analysis);
  ASSERT_EQ(found.size(), 4u);
  for (const OriginalDirection& direction : found) {
    EXPECT_EQ(direction.steps.front().n_row, study.data.n_row());
    EXPECT_EQ(direction.why, "");
    for (const DirectionResult& here : study.analysis.directions) {
      if (here.name == direction.here) {
        EXPECT_EQ(direction.steps.back().r, here.r);
      }
    }
    for (const OriginalStep& step : direction.steps)
      EXPECT_EQ(step.why.empty(), &step == &direction.steps.front()) << step.name;
  }
  // Before the last step of a gated neuron stands its branch without activation function.
  if (model.config().gated_mlp) {
    for (const DirectionResult& here : study.analysis.directions) {
      if (here.name != "input_up") continue;
      const auto& steps = named(found, "input").steps;
      EXPECT_NEAR(steps[steps.size() - 2].r.value(), here.r.value(), 1e-12);
    }
  }
}

TEST_P(OriginalDefinitions, OfACoordinateAreThoseOfTheNeuronOfItsNumber) {
  const Model& model = tiny_model(GetParam());
  const TinyStudy neuron = make_study(model, {.target = "blocks.1.mlp.hook_post[5]@last"});
  const TinyStudy study = make_study(model, {.target = "blocks.1.hook_mlp_out[5]@last"});
  const auto found = original_definitions(study.data, model.weights<double>(), study.analysis);
  EXPECT_NE(named(found, "input").why, "");
  const std::vector<double> write =
      neuron_weights(model.config(), model.weights<double>(), 1, 5).write;
  if (model.config().norm != NormKind::layer_norm) {
    EXPECT_NEAR(named(found, "output").steps.front().r.value(),
                correlation(neuron.data.resid_post, write, study.data.activation), 1e-12);
  }
  EXPECT_EQ(named(found, "output").steps.back().name, "the coordinate");
}

INSTANTIATE_TEST_SUITE_P(Families, OriginalDefinitions,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                           TinyFamily::gpt_neox),
                         [](const auto& row) { return std::string(family_name(row.param)); });

TEST(OriginalDefinitions, RefuseProcessedWeights) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  TinyStudy study = make_study(model, {});
  study.data.weights = "fold_ln";
  EXPECT_THROW(original_definitions(study.data, model.weights<double>(), study.analysis),
               ArgumentError);
}

}  // namespace
}  // namespace gnomon::test
