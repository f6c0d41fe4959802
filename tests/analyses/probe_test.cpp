// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/probe.h"

#include <gtest/gtest.h>

#include "analyses/planted_rows.h"
#include "gnomon/base/error.h"
#include "gnomon/stats/regression.h"
#include "support/expect_close.h"

namespace gnomon::test {
namespace {

TEST(ProbeTest, IsTheRidgeFitOfTheTrainingRows) {
  const PlantedRows rows = planted_rows(1, 60, 8, 1, 0.5);
  const std::vector<Index> training = rows.data.rows_of(Part::train);
  const std::vector<Index> scored = rows.data.rows_of(Part::test);
  const std::vector<std::span<const double>> labels = {rows.data.activation};
  const Probe probe =
      fit_probes(rows.features.matrix(), labels, {rows.data.group, training, scored}, {.seed = 4})
          .front();
  const RidgeFit fit =
      fit_ridge(take_rows(rows.features.matrix(), training).matrix(),
                take(rows.data.activation, training), probe.lambda, FeatureScaling::none);
  std::vector<double> expected;
  for (const Index row : scored) expected.push_back(fit.predict(rows.features.matrix().row(row)));
  expect_close("prediction", probe.prediction, expected, {.absolute = 1e-9});
  EXPECT_GT(*r2_identity(probe.prediction, take(rows.data.activation, scored)), 0.85);
  EXPECT_GT(*probe.cv_r2, 0.85);
}

TEST(ProbeTest, DoesNotLookAtLabelsOfScoredRows) {
  PlantedRows rows = planted_rows(2, 40, 5, 1, 0.5);
  const std::vector<Index> training = rows.data.rows_of(Part::train);
  const std::vector<Index> scored = rows.data.rows_of(Part::test);
  const auto predict = [&] {
    const std::vector<std::span<const double>> labels = {rows.data.activation};
    return fit_probes(rows.features.matrix(), labels, {rows.data.group, training, scored}, {})
        .front()
        .prediction;
  };
  const std::vector<double> before = predict();
  for (const Index row : scored) rows.data.activation[static_cast<std::size_t>(row)] = 1e9;
  EXPECT_EQ(predict(), before);
}

TEST(ProbeTest, RefusesBadInput) {
  const PlantedRows rows = planted_rows(3, 20, 3, 1, 1);
  const std::vector<Index> training = rows.data.rows_of(Part::train);
  const std::vector<Index> scored = rows.data.rows_of(Part::test);
  const std::vector<Index> first = {training.front()};
  const MatrixView<const double> features = rows.features.matrix();
  const std::vector<std::span<const double>> labels = {rows.data.activation};
  const std::vector<std::span<const double>> short_labels = {labels[0].first(3)};
  EXPECT_THROW(fit_probes(features, labels, {rows.data.group, first, scored}, {}), ArgumentError);
  EXPECT_THROW(fit_probes(features, labels, {rows.data.group, training, {}}, {}), ArgumentError);
  EXPECT_THROW(fit_probes(features, short_labels, {rows.data.group, training, scored}, {}),
               ShapeError);
  EXPECT_THROW(
      fit_probes(features.row_range(0, 3), labels, {rows.data.group, training, scored}, {}),
      ShapeError);
}

}  // namespace
}  // namespace gnomon::test
