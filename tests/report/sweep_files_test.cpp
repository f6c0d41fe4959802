// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/sweep_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "gnomon/report/sweep_text.h"

namespace gnomon {
namespace {

using ::testing::HasSubstr;

BootstrapInterval estimate(double value, double half_width) {
  BootstrapInterval interval;
  interval.estimate = value;
  interval.interval = Interval{value - half_width, value + half_width, 0.95};
  return interval;
}

CellEffect cell(const SiteAt& at, std::string name, double normalised) {
  CellEffect effect;
  effect.cell = {at, std::nullopt};
  effect.name = std::move(name);
  effect.n_case = 2;
  effect.exact = true;
  effect.mean = estimate(2 * normalised, 0.25);
  effect.normalised = estimate(normalised, 0.125);
  effect.mean_magnitude = 0.5;
  effect.largest_magnitude = 0.75;
  effect.p_value = 0.25;
  effect.p_family = 0.5;
  effect.p_fdr = 0.375;
  return effect;
}

SiteAt at(HookKind kind, Index layer, Position position,
          std::optional<Index> coordinate = std::nullopt) {
  return {{kind, layer, coordinate}, position};
}

constexpr Position kAll{Position::Kind::all, 0};

// Two tokens and two layers of a stream, a head, a neuron and a cell that was only approximated.
PatchSweep small_sweep() {
  PatchSweep sweep;
  sweep.read_out = "blocks.3.hook_resid_post";
  sweep.definition = "report of the regression head";
  sweep.n_case = 2;
  sweep.n_group = 2;
  sweep.base = {1, 3};
  sweep.other = {2, 5};
  sweep.total_rms = 1.5;
  sweep.smallest_total = 1e-6;
  sweep.n_patch = 12;
  sweep.n_whole_patch = 2;
  sweep.n_flip = 99;
  for (Index layer = 0; layer < 2; ++layer) {
    for (Index token = 0; token < 2; ++token) {
      sweep.cells.push_back(
          cell(at(HookKind::resid_pre, layer, {Position::Kind::index, token}),
               "blocks." + std::to_string(layer) + ".hook_resid_pre@" + std::to_string(token),
               layer == 0 ? 0.25 : -0.5));
    }
  }
  sweep.cells.push_back(cell(at(HookKind::z, 1, kAll), "blocks.1.attn.hook_z head 3@all", 1));
  sweep.cells.back().cell.head = 3;
  sweep.cells.push_back(cell(at(HookKind::mlp_post, 1, {Position::Kind::last, -1}, 7),
                             "blocks.1.mlp.hook_post[7]@last", 0));
  CellEffect& ranked = sweep.cells.back();
  ranked.exact = false;
  ranked.mean = ranked.normalised = {};
  ranked.p_value = ranked.p_family = std::nullopt;
  ranked.approximate = 0.03125;
  return sweep;
}

SweepPairs small_pairs() {
  SweepPairs pairs;
  pairs.texts = {{1, 2}, {1, 3}, {4, 2}, {4, 3}};
  SweepCase first, second;
  first.clean = 0;
  first.corrupted = 1;
  first.read_position = 1;
  first.group = 8;
  second = first;
  second.clean = 2;
  second.corrupted = 3;
  second.group = 9;
  pairs.cases = {first, second};
  pairs.source = {"pairs.csv:2", "pairs.csv:3"};
  pairs.left_out = {{"pairs.csv:4", "its texts have 2 and 3 tokens"}};
  return pairs;
}

TEST(SweepFiles, JsonHasEveryCellAndAReasonForWhatIsNull) {
  const Json json = sweep_json(small_sweep(), small_pairs());
  EXPECT_EQ(json["direction"], "denoising");
  EXPECT_EQ(json["metric"], "report");
  EXPECT_EQ(json["mean_base"], 2);
  EXPECT_EQ(json["mean_other"], 3.5);
  EXPECT_EQ(json["n_patches"], 12);
  EXPECT_EQ(json["n_whole_patches"], 2);
  EXPECT_TRUE(json["attribution"].is_null());
  EXPECT_EQ(json["left_out"][0]["source"], "pairs.csv:4");
  ASSERT_EQ(json["cells"].size(), 6U);
  const Json& first = json["cells"][0];
  EXPECT_EQ(first["cell"], "blocks.0.hook_resid_pre@0");
  EXPECT_EQ(first["site"], "hook_resid_pre");
  EXPECT_EQ(first["position"], "@0");
  EXPECT_EQ(first["normalised"]["value"], 0.25);
  EXPECT_EQ(first["normalised"]["interval"], Json::array({0.125, 0.375}));
  EXPECT_TRUE(first["head"].is_null());
  EXPECT_EQ(json["cells"][4]["head"], 3);
  const Json& ranked = json["cells"][5];
  EXPECT_EQ(ranked["coordinate"], 7);
  EXPECT_EQ(ranked["patched"], false);
  EXPECT_TRUE(ranked["normalised"]["value"].is_null());
  EXPECT_THAT(ranked["normalised"]["why"].get<std::string>(), HasSubstr("not patched"));
  EXPECT_TRUE(ranked["mean_magnitude"].is_null());
  EXPECT_EQ(ranked["approximate"], 0.03125);
  EXPECT_NO_THROW(dump_json(json));
}

TEST(SweepFiles, AttributionHasItsError) {
  PatchSweep sweep = small_sweep();
  sweep.attribution.emplace();
  sweep.attribution->options = {4, 1};
  sweep.attribution->n_cell = 6;
  sweep.attribution->rank_correlation = 0.75;
  sweep.attribution->missed_share_bound = 0.5;
  const Json json = sweep_json(sweep, small_pairs())["attribution"];
  EXPECT_EQ(json["n_top"], 4);
  EXPECT_EQ(json["of"], "normalised");
  EXPECT_EQ(json["rank_correlation"], 0.75);
  EXPECT_TRUE(json["sample_rank_correlation"].is_null());
  EXPECT_FALSE(json["why"].get<std::string>().empty());
}

TEST(SweepFiles, TablesHaveOneLineForEachCellAndPair) {
  const std::string cells = sweep_csv(small_sweep()).text();
  EXPECT_EQ(std::ranges::count(cells, '\n'), 7);
  EXPECT_THAT(cells, HasSubstr("\nblocks.1.hook_resid_pre@1,hook_resid_pre,1,,,@1,2,true,-1,-1.25,"
                               "-0.75,-0.5,-0.625,-0.375,0.5,0.75,0.25,0.5,0.375,,\n"));
  EXPECT_THAT(cells, HasSubstr("\nblocks.1.mlp.hook_post[7]@last,mlp.hook_post,1,7,,@last,2,false,,"
                               ",,,,,,,,,0.375,0.03125,\n"));
  EXPECT_EQ(sweep_pairs_csv(small_sweep(), small_pairs()).text(),
            "pair,source,clean,corrupted,group,n_tokens,read_position,base,other\n"
            "0,pairs.csv:2,0,1,8,2,1,1,2\n"
            "1,pairs.csv:3,2,3,9,2,1,3,5\n");
}

TEST(SweepText, GridsFitTheTerminal) {
  for (const bool unicode : {true, false}) {
    const std::string text = sweep_text(small_sweep(), small_pairs(), 3, {unicode, 80});
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80) << line;
    EXPECT_THAT(text, HasSubstr("hook_resid_pre, layer by token\n"
                                "          0    1\n"
                                "  L1    -50  -50\n"
                                "  L0     25   25\n"));
    EXPECT_THAT(text, HasSubstr("attn.hook_z@all, layer by head\n"
                                "          3\n"
                                "  L1    100\n"));
    EXPECT_THAT(text, HasSubstr("blocks.1.attn.hook_z head 3@all"));
  }
}

// Where the two runs hardly differ there are no normalised effects: mean effects, as shares.
TEST(SweepText, WithoutNormalisedEffectsTheMeansAreShown) {
  PatchSweep sweep = small_sweep();
  sweep.why_not_normalised = "the two runs of the pairs differ by no more than rounding";
  for (CellEffect& cell : sweep.cells) cell.normalised = {};
  const std::string text = sweep_text(sweep, small_pairs(), 3, {true, 80});
  EXPECT_THAT(text, HasSubstr("  L1    -50  -50\n"));  // of -1 and the largest, 2
  EXPECT_THAT(text, HasSubstr("the largest mean effect"));
}

}  // namespace
}  // namespace gnomon
