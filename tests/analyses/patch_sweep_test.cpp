// SPDX-License-Identifier: Apache-2.0
// Every cell of a sweep against whole runs with the same edit; sums that hold exactly; attribution
// patching as the derivative of patching.
#include "gnomon/analyses/patch_sweep.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/activations/capture.h"
#include "gnomon/base/error.h"
#include "train/reporter_cases.h"

namespace gnomon {
namespace {

using test::TinyFamily;

constexpr Index kLayers = 3;
constexpr Position kAll{Position::Kind::all, 0};
constexpr Position kLast{Position::Kind::last, -1};

class Sweep : public ::testing::TestWithParam<TinyFamily> {
 protected:
  Sweep() {
    texts_ = test::random_texts(config(), {6, 6, 8, 8, 5, 5, 9, 9}, 21);
    for (Index i = 0; i < 4; ++i) {
      const Index n = static_cast<Index>(texts_[static_cast<std::size_t>(2 * i)].size());
      SweepCase pair{2 * i, 2 * i + 1, n - 1, i, 0, 0};
      pair.answer = static_cast<TokenId>(10 + i);
      pair.other = static_cast<TokenId>(40 - i);
      cases_.push_back(pair);
    }
  }

  const Model& model() const { return test::tiny_model(GetParam(), kLayers); }
  const ModelConfig& config() const { return model().config(); }

  static SweepOptions few() {
    SweepOptions options;
    options.bootstrap.n_bootstrap = 100;
    options.n_flip = 99;
    options.n_recheck = 24;
    return options;
  }

  // The metric of the base run with the cell's numbers of the other text, as a whole run.
  double plain(const SweepCase& pair, const SweepCell& cell, SweepDirection direction,
               const SweepMetric<double>& metric) const {
    const bool denoises = direction == SweepDirection::denoising;
    const std::vector<std::vector<TokenId>> base = {
        texts_[static_cast<std::size_t>(denoises ? pair.corrupted : pair.clean)]};
    const std::vector<std::vector<TokenId>> other = {
        texts_[static_cast<std::size_t>(denoises ? pair.clean : pair.corrupted)]};
    SiteAt at = cell.at;
    at.site.coordinate.reset();
    const auto own = capture<double>(model(), base, {&at, 1}, {}, {}).activations.front();
    Activations<double> stored =
        capture<double>(model(), other, {&at, 1}, {}, {}).activations.front();
    const CellColumns columns = cell_columns(cell, config());
    for (Index r = 0; r < stored.n_row(); ++r) {
      for (Index c = 0; c < stored.values.matrix().cols; ++c) {
        if (c < columns.first || c >= columns.first + columns.n)
          stored.values.matrix()(r, c) = own.values.matrix()(r, c);
      }
    }
    Edit<double> edit{at, EditMode::replace, {}, &stored};
    edit.may_change_nothing = true;
    const SiteAt read{metric.read_out.site, {Position::Kind::index, pair.read_position}};
    const auto rows =
        capture<double>(model(), base, {&read, 1}, {&edit, 1}, {}).activations.front();
    std::vector<double> row;
    for (Index c = 0; c < rows.values.matrix().cols; ++c) row.push_back(rows.values.matrix()(0, c));
    if (!metric.read_out.columns.empty()) {
      std::vector<double> some;
      for (const Index c : metric.read_out.columns)
        some.push_back(row[static_cast<std::size_t>(c)]);
      row = some;
    }
    return metric.value(pair, row);
  }

  std::vector<SweepCell> many_cells() const {
    const std::vector<Index> layers = {0, 2};
    std::vector<Position> positions = each_position(9, true);
    positions.push_back(kAll);
    std::vector<HookKind> rows = {HookKind::resid_pre, HookKind::attn_out, HookKind::mlp_out};
    if (!config().parallel_block) rows.push_back(HookKind::resid_mid);
    std::vector<SweepCell> cells = sweep_cells(rows, layers, positions, config());
    const std::vector<HookKind> heads = {HookKind::z};
    const std::vector<Position> some = {kAll, kLast};
    for (const SweepCell& cell : sweep_cells(heads, layers, some, config())) cells.push_back(cell);
    for (const Index neuron : {3, 17})
      cells.push_back({{{HookKind::mlp_post, 1, neuron}, kLast}, std::nullopt});
    cells.push_back({{{HookKind::mlp_post, 1, 5}, kAll}, std::nullopt});
    return cells;
  }

  std::vector<std::vector<TokenId>> texts_;
  std::vector<SweepCase> cases_;
};

void expect_passed(const PatchSweep& sweep) {
  EXPECT_EQ(sweep.checks.size(), 4U);
  for (const CheckResult& check : sweep.checks)
    EXPECT_EQ(check.status, CheckStatus::pass) << check.id << ": " << *check.value;
}

TEST_P(Sweep, EveryCellIsWhatAWholeRunGives) {
  const std::vector<SweepCell> cells = many_cells();
  const SweepMetric<double> metrics[] = {logit_difference_metric<double>(cases_),
                                         loss_metric<double>()};
  for (const SweepMetric<double>& metric : metrics) {
    for (const SweepDirection direction : {SweepDirection::denoising, SweepDirection::noising}) {
      SweepOptions options = few();
      options.direction = direction;
      const PatchSweep sweep =
          sweep_patches<double>(model(), texts_, cases_, cells, metric, options);
      expect_passed(sweep);
      ASSERT_EQ(sweep.cells.size(), cells.size());
      for (std::size_t c = 0; c < cells.size(); ++c) {
        double sum = 0;
        double along = 0;
        double squares = 0;
        Index n = 0;
        for (std::size_t i = 0; i < cases_.size(); ++i) {
          const auto n_token =
              static_cast<Index>(texts_[static_cast<std::size_t>(cases_[i].clean)].size());
          if (cells[c].at.position.kind == Position::Kind::index &&
              -cells[c].at.position.index > n_token)
            continue;
          const double e = plain(cases_[i], cells[c], direction, metric) - sweep.base[i];
          const double d = sweep.other[i] - sweep.base[i];
          sum += e;
          along += e * d;
          squares += d * d;
          ++n;
        }
        SCOPED_TRACE(sweep.cells[c].name);
        EXPECT_EQ(sweep.cells[c].n_case, n);
        EXPECT_NEAR(*sweep.cells[c].mean.estimate, sum / static_cast<double>(n), 1e-12);
        EXPECT_NEAR(*sweep.cells[c].normalised.estimate, along / squares, 1e-11);
        EXPECT_LE(sweep.cells[c].normalised.interval->ci_low,
                  sweep.cells[c].normalised.interval->ci_high);
      }
    }
  }
}

// P5: the whole stream entering any block is the other run.
TEST_P(Sweep, TheWholeStreamRestoresEverything) {
  const std::vector<HookKind> kinds = {HookKind::resid_pre, mlp_stream(config())};
  const std::vector<Index> layers = {0, 1, 2};
  const std::vector<Position> all = {kAll};
  const std::vector<SweepCell> cells = sweep_cells(kinds, layers, all, config());
  const PatchSweep sweep =
      sweep_patches<double>(model(), texts_, cases_, cells, loss_metric<double>(), few());
  for (const CellEffect& cell : sweep.cells) {
    EXPECT_NEAR(*cell.normalised.estimate, 1, 1e-12) << cell.name;
    EXPECT_NEAR(cell.normalised.interval->ci_low, 1, 1e-12);
    EXPECT_NEAR(cell.normalised.interval->ci_high, 1, 1e-12);
  }
}

// The report of a linear head on the last stream: what the last block's summands and the stream
// before it add up to, at the token that is read.
TEST_P(Sweep, SummandsOfTheLastBlockAddUpUnderALinearHead) {
  const std::shared_ptr<ReporterData> data = test::tiny_reporter_data(model(), 60, {3});
  TrainOptions train;
  train.seed = 2;
  const ReportModel<double> report(model(), data, train, {});
  const ReportReader<double> reader(report, 0);
  const std::vector<SweepCell> cells = {
      {{{HookKind::mlp_out, kLayers - 1, std::nullopt}, kLast}, std::nullopt},
      {{{mlp_stream(config()), kLayers - 1, std::nullopt}, kLast}, std::nullopt},
      {{{HookKind::mlp_post, kLayers - 1, 7}, kLast}, std::nullopt}};
  const SweepMetric<double> metric = report_metric(reader);
  SweepOptions options = few();
  options.attribution = AttributionOptions{2, 1};
  const PatchSweep sweep = sweep_patches<double>(model(), texts_, cases_, cells, metric, options);
  expect_passed(sweep);
  EXPECT_EQ(sweep.metric, SweepMetricKind::report);
  // With the MLP's output put in, what is left is what the stream before it would add directly; the
  // stream before it also moves the MLP: together they are the other run. Where attention reads
  // that stream too, it still has the keys of the tokens before.
  if (!config().parallel_block) {
    EXPECT_NEAR(*sweep.cells[1].normalised.estimate, 1, 1e-10);
  }
  // mlp_out and mlp_post enter the report linearly, so that the approximation is exact.
  EXPECT_NEAR(*sweep.cells[0].approximate, *sweep.cells[0].mean.estimate, 1e-11);
  EXPECT_NEAR(*sweep.cells[2].approximate, *sweep.cells[2].mean.estimate, 1e-11);
  EXPECT_GT(std::abs(*sweep.cells[0].mean.estimate), 1e-6);
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const SiteAt at{reader.read_out().site, kLast};
    const std::vector<std::vector<TokenId>> one = {
        texts_[static_cast<std::size_t>(cases_[i].clean)]};
    const auto row = capture<double>(model(), one, {&at, 1}, {}, {}).activations.front();
    EXPECT_EQ(sweep.other[i], reader.reports(std::as_const(row.values).matrix()).front());
  }
}

// Attribution is d patched / d step at step 0: the approximation of a change that is small is as
// good as the change is small.
TEST_P(Sweep, AttributionIsTheDerivativeOfPatching) {
  const std::shared_ptr<ReporterData> data = test::tiny_reporter_data(model(), 60, {3});
  TrainOptions train;
  train.seed = 2;
  train.reporter.kind = ReporterKind::classification;
  train.reporter.n_bin = 4;
  train.reporter.hidden = {5};
  const ReportModel<double> bins(model(), data, train, {});
  const ReportReader<double> reader(bins, 0);
  const SweepMetric<double> metrics[] = {
      report_metric(reader), logit_difference_metric<double>(cases_), loss_metric<double>()};
  const std::vector<std::vector<TokenId>> one = {texts_[0]};
  const std::vector<Index> read = {cases_[0].read_position};
  for (const SweepMetric<double>& metric : metrics) {
    for (const Site& site : {Site{HookKind::resid_pre, 0, std::nullopt},
                             Site{HookKind::z, 1, std::nullopt}, Site{HookKind::mlp_post, 0, 9}}) {
      SweepCell cell{{site, {Position::Kind::index, 2}}, std::nullopt};
      if (site.kind == HookKind::z) cell.head = 1;
      const std::vector<SweepCell> cells = {cell};
      SweepOptions options = few();
      options.attribution = AttributionOptions{1, 0};
      const std::vector<SweepCase> single = {cases_[0]};
      const PatchSweep sweep =
          sweep_patches<double>(model(), texts_, single, cells, metric, options);
      // The same step by a central difference along the cell's difference between the texts.
      SiteAt at = cell.at;
      at.site.coordinate.reset();
      const auto rows = capture<double>(model(), texts_, {&at, 1}, {}, {}).activations.front();
      const CellColumns columns = cell_columns(cell, config());
      const double step = 1e-5;
      double value[2] = {0, 0};
      for (const int side : {0, 1}) {
        Patch<double> patch{single[0].corrupted,     at.site,       2,
                            single[0].read_position, EditMode::set, {}};
        for (Index c = 0; c < rows.values.matrix().cols; ++c) {
          const double own = rows.values.matrix()(single[0].corrupted, c);
          const double other = rows.values.matrix()(single[0].clean, c);
          const bool in_cell = c >= columns.first && c < columns.first + columns.n;
          patch.values.push_back(own +
                                 (in_cell ? (side == 0 ? -step : step) * (other - own) : 0.0));
        }
        const std::vector<Patch<double>> patches = {patch};
        const auto result = run_patches<double>(model(), texts_, patches, metric.read_out, {});
        value[side] = metric.value(single[0], std::as_const(result.values).matrix().row(0));
      }
      const double slope = (value[1] - value[0]) / (2 * step);
      EXPECT_NEAR(*sweep.cells[0].approximate, slope, 1e-6 * (1 + std::abs(slope)))
          << sweep_metric_name(metric.kind) << " " << sweep.cells[0].name;
    }
  }
}

TEST_P(Sweep, TheRankingIsVerifiedAndItsErrorShown) {
  const std::vector<HookKind> kinds = {HookKind::mlp_post};
  const std::vector<Index> layers = {1};
  const std::vector<Position> last = {kLast};
  const std::vector<SweepCell> cells = sweep_cells(kinds, layers, last, config());
  const SweepMetric<double> metric = logit_difference_metric<double>(cases_);
  SweepOptions options = few();
  const PatchSweep whole = sweep_patches<double>(model(), texts_, cases_, cells, metric, options);
  options.attribution = AttributionOptions{6, 10};
  const PatchSweep sweep = sweep_patches<double>(model(), texts_, cases_, cells, metric, options);
  Index n_exact = 0;
  double largest = 0;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    ASSERT_TRUE(sweep.cells[c].approximate);
    if (!sweep.cells[c].exact) {
      EXPECT_FALSE(sweep.cells[c].mean.estimate);
      continue;
    }
    ++n_exact;
    EXPECT_NEAR(*sweep.cells[c].mean.estimate, *whole.cells[c].mean.estimate, 1e-13);
    EXPECT_EQ(*sweep.cells[c].p_value >= 0.01, true);
    EXPECT_GE(*sweep.cells[c].p_fdr, *whole.cells[c].p_value);
    EXPECT_FALSE(sweep.cells[c].p_family);
    largest = std::max(largest, std::abs(*sweep.cells[c].approximate_normalised -
                                         *whole.cells[c].normalised.estimate));
  }
  EXPECT_EQ(n_exact, 16);
  ASSERT_TRUE(sweep.attribution);
  EXPECT_EQ(sweep.attribution->n_cell, 40);
  EXPECT_EQ(sweep.attribution->options.n_top, 6);
  EXPECT_NEAR(sweep.attribution->largest_error, largest, 1e-12);
  EXPECT_TRUE(sweep.attribution->rank_correlation);
  EXPECT_GE(sweep.attribution->missed_share_bound,
            static_cast<double>(sweep.attribution->n_missed) / 10);
  EXPECT_FALSE(whole.attribution);
  EXPECT_TRUE(whole.cells[0].p_family);
}

// Pairs of the same text: nothing to normalise by, every effect 0, said so.
TEST_P(Sweep, RunsThatDoNotDifferHaveNoNormalisedEffect) {
  std::vector<SweepCase> same = cases_;
  for (SweepCase& pair : same) pair.corrupted = pair.clean;
  const std::vector<SweepCell> cells = {
      {{{HookKind::mlp_out, 1, std::nullopt}, kLast}, std::nullopt}};
  const PatchSweep sweep =
      sweep_patches<double>(model(), texts_, same, cells, loss_metric<double>(), few());
  EXPECT_EQ(*sweep.cells[0].mean.estimate, 0);
  EXPECT_FALSE(sweep.cells[0].normalised.estimate);
  EXPECT_FALSE(sweep.why_not_normalised.empty());
  EXPECT_EQ(*sweep.cells[0].p_value, 1);
}

TEST_P(Sweep, BudgetAndBatchesChangeNoBit) {
  const std::vector<SweepCell> cells = many_cells();
  const SweepMetric<double> metric = loss_metric<double>();
  SweepOptions options = few();
  const PatchSweep whole = sweep_patches<double>(model(), texts_, cases_, cells, metric, options);
  options.patch.memory_budget = 400000;
  options.patch.batch_tokens = 7;
  Index n_call = 0;
  options.progress = [&](Index, Index total) {
    EXPECT_EQ(total, 4);
    ++n_call;
  };
  const PatchSweep parts = sweep_patches<double>(model(), texts_, cases_, cells, metric, options);
  EXPECT_GT(n_call, 1);
  for (std::size_t c = 0; c < cells.size(); ++c) {
    EXPECT_EQ(*whole.cells[c].mean.estimate, *parts.cells[c].mean.estimate);
    EXPECT_EQ(*whole.cells[c].p_family, *parts.cells[c].p_family);
  }
  expect_passed(parts);
}

TEST_P(Sweep, BadInputIsAnError) {
  const SweepMetric<double> metric = loss_metric<double>();
  const std::vector<SweepCell> cells = {
      {{{HookKind::mlp_out, 1, std::nullopt}, kLast}, std::nullopt}};
  const auto code = [&](std::vector<SweepCase> cases, std::vector<SweepCell> which) {
    try {
      sweep_patches<double>(model(), texts_, cases, which, metric, few());
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "no error";
    return ErrorCode::usage;
  };
  EXPECT_EQ(code({}, cells), ErrorCode::usage);
  EXPECT_EQ(code(cases_, {}), ErrorCode::usage);
  EXPECT_EQ(code({{0, 2, 1, 0, 0, 0}}, cells), ErrorCode::bad_data);
  EXPECT_EQ(code({{0, 1, 6, 0, 0, 0}}, cells), ErrorCode::out_of_range);
  EXPECT_EQ(code({{0, 8, 1, 0, 0, 0}}, cells), ErrorCode::out_of_range);
  EXPECT_EQ(code(cases_, {{{{HookKind::pattern, 1, std::nullopt}, kLast}, std::nullopt}}),
            ErrorCode::wrong_site);
}

TEST_P(Sweep, NamesOfCellsReadBack) {
  for (const SweepCell& cell : many_cells())
    EXPECT_EQ(parse_sweep_cell(sweep_cell_name(cell, config()), config()), cell)
        << sweep_cell_name(cell, config());
  EXPECT_THROW(parse_sweep_cell("blocks.1.attn.hook_z[4, :]", config()), ArgumentError);
  EXPECT_THROW(parse_sweep_cell("blocks.1.attn.hook_z[x, :]", config()), ArgumentError);
  EXPECT_THROW(parse_sweep_cell("blocks.1.hook_mlp_out[1, :]", config()), ArgumentError);
}

INSTANTIATE_TEST_SUITE_P(
    Families, Sweep, ::testing::Values(TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox),
    [](const auto& instance) { return std::string(test::family_name(instance.param)); });

}  // namespace
}  // namespace gnomon
