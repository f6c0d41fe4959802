// SPDX-License-Identifier: Apache-2.0
// A whole reporter on a tiny model: heads that are planted, and what the analysis says of them.
#include "gnomon/analyses/weights_analysis.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analyses/tiny_reporter.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

using test::Reported;
using test::reported;
using test::TinyFamily;

WeightsAnalysis analyse(const Reported& reported, const ReportModel<double>& trained,
                        const ReportModel<double>& start) {
  WeightsOptions options;
  options.n_random = 99;
  options.n_bootstrap = 60;
  options.n_refit = 5;
  const auto study = [&](const Model& model) {
    return measure_study(model, reported.data.targets[0], reported.data.texts, Precision::float64,
                         {});
  };
  return analyse_weights(trained, start, 0, study(trained.model()), study(start.model()), options);
}

const ReadOutCosine& find(const WeightsAnalysis& analysis, const std::string& place,
                          const std::string& direction, ReadOutStatistic statistic) {
  for (const ReadOutCosine& row : analysis.cosines) {
    if (row.place == place && row.direction == direction && row.statistic == statistic) return row;
  }
  throw std::out_of_range(place + " " + direction);
}

const Site kLast{HookKind::resid_post, 2, std::nullopt};

TrainOptions options_of(HeadMode head, TrainedPart part) {
  TrainOptions options;
  options.reporter.head = head;
  options.trained.part = part;
  options.seed = 2;
  return options;
}

TEST(WeightsAnalysis, HeadThatIsTheNeuronsWriteIsFoundAboveEveryOther) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Reported given = reported(family, "blocks.2.mlp.hook_post[5]@last", kLast);
    const TrainOptions options = options_of(HeadMode::trained, TrainedPart::none);
    const ReportModel<double> start(given.base, given.rows, options, {});
    ReportModel<double> trained(given.base, given.rows, options, {});
    const std::vector<double> write =
        neuron_weights(given.base.config(), given.base.weights<double>(), 2, 5).write;
    trained.reporter().head().set_linear(0, write, 0);
    const WeightsAnalysis analysis = analyse(given, trained, start);
    const ReadOutCosine& filter = find(analysis, "feature", "output", ReadOutStatistic::filter);
    EXPECT_NEAR(*filter.value, 1, 1e-12);
    EXPECT_EQ(filter.others->percentile, 100);
    EXPECT_LT(std::abs(*filter.start), 0.9);
    EXPECT_FALSE(filter.interval);
    EXPECT_TRUE(find(analysis, "feature", "output", ReadOutStatistic::pattern).interval);
    // The neuron is of the last block: the head reads where it writes.
    ASSERT_EQ(analysis.places.size(), 2u);
    EXPECT_TRUE(analysis.places[0].read_out->constant);
    EXPECT_NE(analysis.places[1].why.find("see feature"), std::string::npos);
    for (const WeightChange& change : analysis.changes) EXPECT_EQ(change.relative_change, 0);
    // The head is in units of the training sd: the gain is sd |W_out|².
    const double sd = trained.reporter().labels().sd[0];
    EXPECT_NEAR(analysis.places[0].share->gain, sd * dot(write, write), 1e-12);
  }
}

TEST(WeightsAnalysis, ChangedModelIsPulledBackAndComparedWithItsStart) {
  const Reported given = reported(TinyFamily::llama, "blocks.1.mlp.hook_post[7]@last", kLast);
  const TrainOptions options = options_of(HeadMode::trained, TrainedPart::all);
  const ReportModel<double> start(given.base, given.rows, options, {});
  ReportModel<double> trained(given.base, given.rows, options, {});
  const WeightsAnalysis untouched = analyse(given, trained, start);
  for (const ReadOutCosine& row : untouched.cosines) {
    if (row.kind != DirectionKind::component) {
      EXPECT_NEAR(*row.value, *row.start, 1e-12) << row.direction;
    }
  }
  EXPECT_NEAR(*untouched.places[1].start_cosine, 1, 1e-12);

  Random random(4, "moved");
  for (auto& [key, entry] : trained.parameters().entries()) {
    for (double& value : entry.values.values()) value += 0.05 * random.normal();
  }
  const WeightsAnalysis moved = analyse(given, trained, start);
  EXPECT_EQ(moved.changes.size(), 3u);  // gate, up, write
  for (const WeightChange& change : moved.changes) {
    EXPECT_GT(*change.relative_change, 0);
    EXPECT_LT(*change.cosine, 1);
  }
  const ReadOutPlace& written = moved.places[1];
  ASSERT_TRUE(written.read_out);
  EXPECT_FALSE(written.read_out->constant);
  EXPECT_LT(*written.read_out->resultant, 1);
  EXPECT_LT(*written.start_cosine, 1);
  EXPECT_TRUE(find(moved, "written", "output", ReadOutStatistic::filter).interval);
  EXPECT_TRUE(find(moved, "written", "input", ReadOutStatistic::projection).others);
  EXPECT_FALSE(find(moved, "written", "pc1", ReadOutStatistic::filter).others);
  for (const ReadOutCosine& row : moved.cosines) {
    EXPECT_TRUE(row.random->q) << row.direction;
    EXPECT_TRUE(row.start) << row.direction;
  }
  // The gain at the write is the slope of the report on the neuron, to first order.
  EXPECT_NEAR(written.share->gain,
              dot(measure_study(trained.model(), given.data.targets[0], given.data.texts,
                                Precision::float64, {})
                      .write(),
                  written.read_out->mean),
              1e-14);
}

TEST(WeightsAnalysis, RidgeHeadsAreFittedAnew) {
  const Reported given = reported(TinyFamily::gpt2, "blocks.0.mlp.hook_post[3]@last", kLast);
  const TrainOptions options = options_of(HeadMode::ridge, TrainedPart::none);
  const ReportModel<double> ridge(given.base, given.rows, options, {});
  const WeightsAnalysis analysis = analyse(given, ridge, ridge);
  const ReadOutCosine& filter = find(analysis, "feature", "output", ReadOutStatistic::filter);
  ASSERT_TRUE(filter.interval) << filter.interval_over;
  EXPECT_LE(filter.interval->ci_low, filter.interval->ci_high);
}

TEST(WeightsAnalysis, SpacesAreNotMixed) {
  const Reported given = reported(TinyFamily::gpt2, "blocks.1.mlp.hook_post[3]@last",
                                  {HookKind::ln_final_out, -1, std::nullopt});
  const TrainOptions options = options_of(HeadMode::trained, TrainedPart::none);
  const ReportModel<double> model(given.base, given.rows, options, {});
  const WeightsAnalysis analysis = analyse(given, model, model);
  EXPECT_NE(analysis.places[0].why.find("different spaces"), std::string::npos);
  EXPECT_FALSE(analysis.places[0].read_out);
  EXPECT_TRUE(analysis.places[1].read_out);

  const Reported early = reported(TinyFamily::gpt2, "blocks.1.hook_mlp_out[3]@last",
                                  {HookKind::resid_mid, 1, std::nullopt});
  const ReportModel<double> before(early.base, early.rows, options, {});
  const WeightsAnalysis nothing = analyse(early, before, before);
  EXPECT_NE(nothing.places[0].why_no_share.find("before the target writes"), std::string::npos);
  EXPECT_NE(nothing.places[1].why.find("before the target writes"), std::string::npos);
  EXPECT_EQ(nothing.directions.front().name, "basis");
  EXPECT_TRUE(nothing.changes.empty());
}

}  // namespace
}  // namespace gnomon
