// SPDX-License-Identifier: Apache-2.0
// Planted heads that read a neuron's input direction, and heads that do not.
#include "gnomon/analyses/direction_patch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "analyses/planted_head.h"
#include "gnomon/activations/gradients.h"
#include "gnomon/base/error.h"
#include "gnomon/directions/direction.h"

namespace gnomon {
namespace {

using test::TinyFamily;

constexpr Index kNeuron = 3;

// The mean gradient of the neuron over the training rows, by the rule of the header.
std::vector<double> mean_gradient(const Model& model) {
  const auto data = test::tiny_reporter_data(model, 60, {kNeuron});
  const SiteAt mid{{mlp_stream(model.config()), 0, std::nullopt}, {Position::Kind::last, -1}};
  const Activations<double> gradients = std::move(
      capture_gradients<double>(model, data->ids, {&mid, 1}, data->targets.front().at, {}).front());
  const std::vector<Index> training = data->rows_of(Part::train);
  std::vector<double> mean(static_cast<std::size_t>(model.config().d_model));
  for (const Index row : training) {
    for (std::size_t c = 0; c < mean.size(); ++c) {
      mean[c] += gradients.values.matrix()(row, static_cast<Index>(c)) /
                 static_cast<double>(training.size());
    }
  }
  return mean;
}

DirectionPatchOptions few() {
  DirectionPatchOptions options;
  options.bootstrap.n_bootstrap = 200;
  return options;
}

class PlantedDirection : public ::testing::TestWithParam<TinyFamily> {
 protected:
  const Model& model() const { return test::tiny_model(GetParam()); }
};

// report = g · x + b, so that a move of δ g / |g|² changes it by δ.
TEST_P(PlantedDirection, AHeadThatReadsTheInputHasGainOne) {
  const DirectionPatch found =
      patch_read_direction<double>(test::planted_head(model(), mean_gradient(model())), few());
  EXPECT_NEAR(*found.gain.estimate, 1, 1e-10);
  EXPECT_NEAR(found.gain.interval->ci_low, 1, 1e-10);
  EXPECT_NEAR(found.gain.interval->ci_high, 1, 1e-10);
  EXPECT_EQ(found.random_gains.size(), 39U);
  EXPECT_EQ(found.percentile, 100);
  EXPECT_EQ(found.p_value, 1.0 / 40);
  EXPECT_EQ(found.check.status, CheckStatus::pass) << *found.check.value;
}

TEST_P(PlantedDirection, AHeadOrthogonalToTheInputHasGainZero) {
  const std::vector<double> gradient = mean_gradient(model());
  std::vector<double> weight(gradient.size());
  for (std::size_t c = 0; c < weight.size(); ++c)
    weight[c] = std::sin(1.0 + static_cast<double>(c));
  const double along = dot(weight, gradient) / dot(gradient, gradient);
  for (std::size_t c = 0; c < weight.size(); ++c) weight[c] -= along * gradient[c];
  const DirectionPatch found =
      patch_read_direction<double>(test::planted_head(model(), weight), few());
  EXPECT_NEAR(*found.gain.estimate, 0, 1e-10);
  EXPECT_LT(found.percentile, 50);
}

TEST_P(PlantedDirection, IsRefusedWhereTheReportCannotSeeIt) {
  const auto data = test::tiny_reporter_data(model(), 60, {kNeuron});
  data->feature_site.site = {mlp_stream(model().config()), 0, std::nullopt};
  const ReportModel<double> report(model(), data, {}, {});
  EXPECT_THROW(patch_read_direction<double>(report, few()), ArgumentError);
}

INSTANTIATE_TEST_SUITE_P(Families, PlantedDirection,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                           TinyFamily::gpt_neox));

}  // namespace
}  // namespace gnomon
