// SPDX-License-Identifier: Apache-2.0
// Planted read-outs: the write, the read, and a filter whose pattern is the write.
#include "gnomon/analyses/read_out_comparison.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analyses/tiny_study.h"
#include "gnomon/analyses/write_share.h"
#include "gnomon/base/error.h"
#include "gnomon/directions/direction.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/moments.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;
using test::TinyFamily;

ReadOut constant_read_out(const Column& w, std::vector<Index> rows = {0}) {
  ReadOut read_out;
  read_out.constant = true;
  read_out.rows = std::move(rows);
  read_out.gradient = Tensor<double>({1, std::ssize(w)}, Column(w));
  summarise(read_out);
  return read_out;
}

const ReadOutCosine& cosine_of(const std::vector<ReadOutCosine>& table, const std::string& name,
                               ReadOutStatistic statistic) {
  for (const ReadOutCosine& row : table) {
    if (row.direction == name && row.statistic == statistic) return row;
  }
  throw std::out_of_range(name);
}

ReadOutComparisonOptions few_draws() {
  ReadOutComparisonOptions options;
  options.n_random = 99;
  options.bootstrap.n_bootstrap = 50;
  return options;
}

std::vector<Index> iota(Index n) {
  std::vector<Index> values;
  for (Index i = 0; i < n; ++i) values.push_back(i);
  return values;
}

struct Planted {
  Tensor<double> rows;
  Column activation;
  Column write;
};

// x = noise + a u with noise of variance k^-alpha along coordinate k, and u drawn from the noise's
// covariance: methods of the neuron's write as the only carrier of a.
Planted planted_stream(Index n, Index d, double alpha, double noise, std::uint64_t seed) {
  Random random(seed, "planted stream");
  Planted planted;
  const auto sd = [&](Index k) { return std::pow(static_cast<double>(k + 1), -alpha / 2); };
  for (Index k = 0; k < d; ++k) planted.write.push_back(sd(k) * random.normal());
  planted.rows = Tensor<double>({n, d});
  for (Index i = 0; i < n; ++i) {
    planted.activation.push_back(random.normal());
    for (Index k = 0; k < d; ++k)
      planted.rows.matrix()(i, k) =
          3 + noise * sd(k) * random.normal() +
          planted.activation.back() * planted.write[static_cast<std::size_t>(k)];
  }
  return planted;
}

TEST(ReadOutComparison, HeadThatReadsTheOnlyWriteHasCosineAndShareOne) {
  const Planted planted = planted_stream(200, 24, 1, 0, 1);
  const ReadOut read_out = constant_read_out(planted.write, iota(200));
  ComparedDirection output{"output", DirectionKind::write, "", planted.write, {}, "none"};
  const auto comparison =
      compare_read_out("feature", read_out, {}, {planted.rows.matrix(), iota(200)}, {&output, 1},
                       {}, NormKind::rms_norm, few_draws());
  EXPECT_NEAR(*cosine_of(comparison.table, "output", ReadOutStatistic::filter).value, 1, 1e-14);
  const ReadOutCosine& pattern = cosine_of(comparison.table, "output", ReadOutStatistic::pattern);
  EXPECT_NEAR(*pattern.value, 1, 1e-12);
  EXPECT_NEAR(pattern.interval->ci_low, 1, 1e-9);

  Column report;
  for (Index i = 0; i < 200; ++i)
    report.push_back(dot(planted.rows.matrix().row(i), planted.write) + 5);
  const WriteShare share = write_share("feature", report, planted.activation, planted.write,
                                       read_out, iota(200), {200, 0.95, 1});
  EXPECT_NEAR(*share.share.estimate, 1, 1e-12);
  EXPECT_NEAR(share.share.interval->ci_low, 1, 1e-9);
  EXPECT_NEAR(*share.by_row.estimate, 1, 1e-12);
  EXPECT_NEAR(*share.rest.estimate, 0, 1e-12);
  EXPECT_NEAR(share.gain, dot(planted.write, planted.write), 1e-14);
}

// The first opposite of methods: the head is the optimal filter of a written signal, and its cosine
// with the write is small all the same, while the pattern is the write.
TEST(ReadOutComparison, PatternFindsTheWriteThatTheFilterHides) {
  const Index d = 200;
  const double alpha = 2;
  const double noise = 3;
  const Planted planted = planted_stream(4000, d, alpha, noise, 2);
  // The noise is diagonal: the optimal filter is u over its variance.
  Column head;
  for (Index k = 0; k < d; ++k)
    head.push_back(planted.write[static_cast<std::size_t>(k)] *
                   std::pow(static_cast<double>(k + 1), alpha));
  ComparedDirection output{"output", DirectionKind::write, "", planted.write, {}, "none"};
  const auto comparison =
      compare_read_out("feature", constant_read_out(head), {}, {planted.rows.matrix(), iota(4000)},
                       {&output, 1}, {}, NormKind::rms_norm, few_draws());
  EXPECT_LT(std::abs(*cosine_of(comparison.table, "output", ReadOutStatistic::filter).value), 0.25);
  EXPECT_GT(*cosine_of(comparison.table, "output", ReadOutStatistic::pattern).value, 0.99);
  EXPECT_GT(*cosine_of(comparison.table, "output", ReadOutStatistic::whitened).value, 0.95);
}

TEST(ReadOutComparison, HeadThatIsTheReadDirectionIsAboveEveryOtherNeuron) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Model& model = test::tiny_model(family);
    const test::TinyStudy study = test::make_study(model, {});
    const std::vector<Index>& training = study.analysis.training_rows;
    const auto directions = target_directions(study.data, model.weights<double>(), training, {});
    const std::string name = family == TinyFamily::llama ? "input_gate" : "input";
    const auto own = std::ranges::find(directions, name, &ComparedDirection::name);
    ASSERT_NE(own, directions.end());
    EXPECT_EQ(own->others.matrix().rows, model.config().d_mlp - 1);
    const Tensor<double> rows = take_rows(study.data.mlp_stream().matrix(), training);
    auto comparison = compare_read_out("written", constant_read_out(own->vector), {},
                                       {rows.matrix(), take(study.data.group, training)},
                                       directions, {}, model.config().norm, few_draws());
    adjust_p_values(comparison.table);
    for (const ReadOutStatistic statistic :
         {ReadOutStatistic::filter, ReadOutStatistic::projection}) {
      const ReadOutCosine& row = cosine_of(comparison.table, name, statistic);
      EXPECT_NEAR(*row.value, 1, 1e-12);
      EXPECT_EQ(row.others->percentile, 100);
      EXPECT_DOUBLE_EQ(row.others->p, 1.0 / static_cast<double>(model.config().d_mlp));
      EXPECT_GE(*row.others->q, row.others->p);
      EXPECT_EQ(row.random->n, 99);
    }
    EXPECT_LT(std::abs(*cosine_of(comparison.table, "output", ReadOutStatistic::filter).value),
              0.9);
    EXPECT_THROW(cosine_of(comparison.table, "output", ReadOutStatistic::projection),
                 std::out_of_range);
  }
}

TEST(ReadOutComparison, WhitenedAndProjectionAreTheirDefinitions) {
  const Planted planted = planted_stream(400, 6, 1, 1, 3);
  Random random(5, "w");
  Column w, u;
  for (Index k = 0; k < 6; ++k) {
    w.push_back(random.normal());
    u.push_back(random.normal());
  }
  ComparedDirection read{"input", DirectionKind::read, "", u, {}, "none"};
  const auto comparison =
      compare_read_out("feature", constant_read_out(w), {}, {planted.rows.matrix(), iota(400)},
                       {&read, 1}, {}, NormKind::layer_norm, few_draws());
  EXPECT_NEAR(*cosine_of(comparison.table, "input", ReadOutStatistic::projection).value,
              test::plain_r(test::times(planted.rows, w), test::times(planted.rows, u)), 1e-12);
  // Filter: with the mean over d_model taken out of both.
  double mean_w = 0, mean_u = 0;
  for (std::size_t k = 0; k < 6; ++k) {
    mean_w += w[k] / 6;
    mean_u += u[k] / 6;
  }
  EXPECT_NEAR(*cosine_of(comparison.table, "input", ReadOutStatistic::filter).value,
              test::plain_r(w, u), 1e-12);
  EXPECT_EQ(cosine_of(comparison.table, "input", ReadOutStatistic::filter).space, "centred");
  EXPECT_GT(comparison.intensity, 0);
  EXPECT_LT(comparison.intensity, 0.1);
}

// A read-out that has nothing to do with the direction: p is as small as the level as often as the
// level says, within 4 standard errors of 300 draws.
TEST(ReadOutComparison, NullsAreCalibrated) {
  Random random(6, "null");
  const Index d = 12;
  int n_small = 0;
  const int n_draw = 300;
  const double level = 0.1;
  const Planted planted = planted_stream(60, d, 0, 1, 7);
  const auto normal_column = [&] {
    Column column;
    for (Index k = 0; k < d; ++k) column.push_back(random.normal());
    return column;
  };
  for (int draw = 0; draw < n_draw; ++draw) {
    ComparedDirection output{"output", DirectionKind::write, "", normal_column(), {}, {}};
    output.others = Tensor<double>({39, d});
    for (double& value : output.others.values()) value = random.normal();
    ReadOutComparisonOptions options = few_draws();
    options.n_random = 0;
    options.bootstrap.n_bootstrap = 1;
    const auto comparison = compare_read_out("feature", constant_read_out(normal_column()), {},
                                             {planted.rows.matrix(), iota(60)}, {&output, 1}, {},
                                             NormKind::rms_norm, options);
    const ReadOutCosine& row = cosine_of(comparison.table, "output", ReadOutStatistic::filter);
    n_small += row.others->p <= level ? 1 : 0;
    EXPECT_FALSE(row.random);
  }
  EXPECT_NEAR(n_small, level * n_draw, 4 * std::sqrt(level * (1 - level) * n_draw));
}

TEST(ReadOutComparison, IntervalsAreThoseOfTheRows) {
  const Planted planted = planted_stream(60, 5, 1, 1, 8);
  Random random(9, "gradients");
  ReadOut read_out;
  read_out.rows = iota(60);
  read_out.gradient = Tensor<double>({60, 5});
  for (Index i = 0; i < 60; ++i) {
    for (Index c = 0; c < 5; ++c)
      read_out.gradient.matrix()(i, c) =
          planted.write[static_cast<std::size_t>(c)] + random.normal();
  }
  summarise(read_out);
  std::vector<Index> group;
  for (Index i = 0; i < 60; ++i) group.push_back(i / 3);
  ComparedDirection output{"output", DirectionKind::write, "", planted.write, {}, "none"};
  ReadOutComparisonOptions options = few_draws();
  options.bootstrap = {80, 0.9, 4};
  const auto comparison =
      compare_read_out("written", read_out, group, {planted.rows.matrix(), group}, {&output, 1}, {},
                       NormKind::rms_norm, options);
  const auto cosine = [](const Column& a, const Column& b) {
    return dot(a, b) / (norm(a) * norm(b));
  };
  const auto filter = cluster_bootstrap(
      group, options.bootstrap, [&](std::span<const Index> rows) -> std::optional<double> {
        Column mean(5);
        for (const Index row : rows) {
          for (std::size_t c = 0; c < 5; ++c)
            mean[c] += read_out.gradient.matrix()(row, static_cast<Index>(c));
        }
        return cosine(mean, planted.write);
      });
  const auto pattern = cluster_bootstrap(
      group, options.bootstrap, [&](std::span<const Index> rows) -> std::optional<double> {
        const Tensor<double> taken = take_rows(planted.rows.matrix(), rows);
        CovarianceAccumulator covariance(5);
        covariance.add_rows(std::as_const(taken).matrix());
        const Tensor<double> sigma = covariance.covariance();
        Column moved;
        for (Index c = 0; c < 5; ++c) moved.push_back(dot(sigma.matrix().row(c), read_out.mean));
        return cosine(moved, planted.write);
      });
  const auto expect_same = [&](ReadOutStatistic statistic, const BootstrapInterval& plain) {
    const ReadOutCosine& row = cosine_of(comparison.table, "output", statistic);
    EXPECT_NEAR(*row.value, *plain.estimate, 1e-12);
    EXPECT_NEAR(row.interval->ci_low, plain.interval->ci_low, 1e-11);
    EXPECT_NEAR(row.interval->ci_high, plain.interval->ci_high, 1e-11);
  };
  expect_same(ReadOutStatistic::filter, filter);
  expect_same(ReadOutStatistic::pattern, pattern);
}

TEST(ReadOutComparison, RefitsGiveAConstantReadOutItsInterval) {
  const Planted planted = planted_stream(80, 4, 1, 1, 10);
  // One group: every resample is the whole, every refit the fit itself.
  const RidgeFit fit =
      fit_ridge(planted.rows.matrix(), planted.activation, 2, FeatureScaling::unit_variance);
  const std::vector<Index> one(80, 0);
  const Tensor<double> same = ridge_refits(planted.rows.matrix(), planted.activation, one, 2,
                                           FeatureScaling::unit_variance, 3, 1);
  for (Index k = 0; k < 3; ++k) {
    for (Index c = 0; c < 4; ++c)
      EXPECT_EQ(same.matrix()(k, c), fit.weight[static_cast<std::size_t>(c)]);
  }
  const Tensor<double> refits = ridge_refits(planted.rows.matrix(), planted.activation, iota(80), 2,
                                             FeatureScaling::unit_variance, 60, 1);
  ComparedDirection output{"output", DirectionKind::write, "", planted.write, {}, "none"};
  const auto comparison = compare_read_out("feature", constant_read_out(fit.weight), {},
                                           {planted.rows.matrix(), iota(80)}, {&output, 1}, refits,
                                           NormKind::rms_norm, few_draws());
  const ReadOutCosine& row = cosine_of(comparison.table, "output", ReadOutStatistic::filter);
  EXPECT_LT(row.interval->ci_low, *row.value);
  EXPECT_GT(row.interval->ci_high, *row.value);
  EXPECT_NE(row.interval_over.find("fitted anew"), std::string::npos);
}

TEST(ReadOutComparison, ZerosHaveAReasonAndStartsAreMatched) {
  const Planted planted = planted_stream(40, 4, 1, 1, 11);
  std::vector<ComparedDirection> directions = {
      {"output", DirectionKind::write, "", planted.write, {}, "none"},
      {"basis", DirectionKind::write, "", Column(4, 0), {}, "none"}};
  const StreamSample stream{planted.rows.matrix(), iota(40)};
  auto trained = compare_read_out("feature", constant_read_out(planted.write), {}, stream,
                                  directions, {}, NormKind::rms_norm, few_draws());
  EXPECT_FALSE(cosine_of(trained.table, "basis", ReadOutStatistic::filter).value);
  EXPECT_EQ(cosine_of(trained.table, "basis", ReadOutStatistic::filter).why, "the direction is 0");
  const auto start = compare_read_out("feature", constant_read_out({1, 0, 0, 0}), {}, stream,
                                      directions, {}, NormKind::rms_norm, few_draws());
  add_start(trained.table, start.table);
  EXPECT_NEAR(*cosine_of(trained.table, "output", ReadOutStatistic::filter).start,
              planted.write[0] / norm(planted.write), 1e-14);
  const auto zero = compare_read_out("feature", constant_read_out(Column(4, 0)), {}, stream,
                                     directions, {}, NormKind::rms_norm, few_draws());
  EXPECT_EQ(cosine_of(zero.table, "output", ReadOutStatistic::filter).why,
            "the mean read-out is 0");
  EXPECT_THROW(compare_read_out("feature", constant_read_out({1, 0}), {}, stream, directions, {},
                                NormKind::rms_norm, few_draws()),
               ShapeError);
}

TEST(ComparedDirections, PrincipalComponentsAndBasis) {
  // Columns of variance 9, 1 and 0 (times n / (n - 1)), uncorrelated.
  const Tensor<double> rows({4, 3}, {3, 1, 5, -3, 1, 5, 3, -1, 5, -3, -1, 5});
  const auto components = stream_components(rows.matrix(), {0, 10, 2});
  ASSERT_EQ(components.size(), 2u);
  EXPECT_NEAR(components[0].vector[0], 1, 1e-14);
  EXPECT_NEAR(components[1].vector[1], 1, 1e-14);
  EXPECT_NE(components[0].definition.find("0.9 of its variance"), std::string::npos);

  const Model& model = test::tiny_model(TinyFamily::gpt2);
  const test::TinyStudy study = test::make_study(model, {"blocks.0.hook_mlp_out[3]@last"});
  const auto basis =
      target_directions(study.data, model.weights<double>(), study.analysis.training_rows, {});
  ASSERT_EQ(basis.size(), 1u);
  EXPECT_EQ(basis[0].name, "basis");
  EXPECT_EQ(basis[0].vector[3], 1);
  EXPECT_EQ(basis[0].others.matrix().rows, model.config().d_model - 1);
}

TEST(WriteShare, PartsOfOrthogonalSums) {
  // Report 2 a + c with a and c uncorrelated on the rows: 4 var(a) of 4 var(a) + var(c).
  const Column a = {1, 1, -1, -1}, c = {3, -3, 3, -3};
  Column report;
  for (std::size_t i = 0; i < 4; ++i) report.push_back(2 * a[i] + c[i] + 10);
  const ReadOut read_out = constant_read_out({0.5, 7}, iota(4));
  const WriteShare share =
      write_share("feature", report, a, {4, 0}, read_out, iota(4), {20, 0.95, 1});
  EXPECT_EQ(share.gain, 2);
  EXPECT_NEAR(*share.share.estimate, 4.0 / 13, 1e-15);
  EXPECT_NEAR(*share.rest.estimate, 9.0 / 13, 1e-15);
  EXPECT_THROW(write_share("feature", report, {a.data(), 3}, {4, 0}, read_out, iota(4), {}),
               ShapeError);
  const Column constant(4, 2.0);
  EXPECT_FALSE(
      write_share("feature", constant, a, {4, 0}, read_out, iota(4), {20, 0.95, 1}).share.estimate);
}

TEST(WriteShare, ChangeOfWeights) {
  ModelConfig config;
  NeuronWeights before;
  before.read = {3, 4};
  before.read_bias = 0.5;
  before.write = {1, 0};
  NeuronWeights after = before;
  after.read = {6, 8};
  after.read_bias = -0.5;
  after.write = {0, 2};
  const auto changes = weight_changes(config, before, after);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].name, "W_in");
  EXPECT_DOUBLE_EQ(*changes[0].cosine, 1);
  EXPECT_DOUBLE_EQ(*changes[0].relative_change, 1);
  EXPECT_EQ(changes[1].name, "b_in");
  EXPECT_DOUBLE_EQ(*changes[1].cosine, -1);
  EXPECT_DOUBLE_EQ(*changes[1].relative_change, 2);
  EXPECT_EQ(changes[2].name, "W_out");
  EXPECT_DOUBLE_EQ(*changes[2].cosine, 0);
  EXPECT_DOUBLE_EQ(*changes[2].relative_change, std::sqrt(5.0));
}

}  // namespace
}  // namespace gnomon
