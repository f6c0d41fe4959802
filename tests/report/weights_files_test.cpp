// SPDX-License-Identifier: Apache-2.0
// Files and text of what a report reads, with every kind of absence.
#include "gnomon/report/weights_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace gnomon::test {
namespace {

using ::testing::HasSubstr;

ReadOutCosine row_of(const std::string& place, const std::string& direction,
                     ReadOutStatistic statistic, std::optional<double> value) {
  ReadOutCosine row;
  row.place = place;
  row.direction = direction;
  row.statistic = statistic;
  row.space = "centred";
  row.value = value;
  row.why = value ? "" : "the direction is 0";
  row.interval_over = "not resampled";
  row.random = NullComparison{99.5, 0.2, 0.006, 0.012, 1000};
  return row;
}

WeightsAnalysis planted_analysis() {
  WeightsAnalysis analysis;
  analysis.rows = {3, 4};
  analysis.training_rows = {0, 1, 2};
  analysis.n_distinct = 2;
  ComparedDirection output{"output", DirectionKind::write, "W_out[7]", {3, 4}, {}, {}};
  output.others = Tensor<double>({5, 2});
  analysis.directions = {output};
  ReadOutPlace feature;
  feature.name = "feature";
  feature.read_out = ReadOut();
  feature.read_out->site = {HookKind::resid_post, 1, std::nullopt};
  feature.read_out->origin = "head weights";
  feature.read_out->constant = true;
  feature.read_out->rows = {3, 4};
  feature.read_out->gradient = Tensor<double>({1, 2}, {0, 2});
  summarise(*feature.read_out);
  feature.intensity = 0.03;
  feature.start_cosine = 0.5;
  feature.start_length = 1.5;
  feature.components = {{"pc1", DirectionKind::component, "component 1", {0, 1}, {}, "none"}};
  feature.why_no_share = "the head reads another token";
  ReadOutPlace written;
  written.name = "written";
  written.why = "the head reads before the target writes";
  analysis.places = {feature, written};
  ReadOutCosine filter = row_of("feature", "output", ReadOutStatistic::filter, 0.8);
  filter.others = NullComparison{100, 0.3, 0.001, 0.002, 999};
  filter.interval = Interval{0.7, 0.9, 0.95};
  filter.start = 0.1;
  analysis.cosines = {filter, row_of("feature", "output", ReadOutStatistic::pattern, std::nullopt)};
  analysis.cosines[1].why_no_others = "no neurons";
  analysis.changes = {{"W_out", 5, 6, 0.99, 0.25}, {"b_in", 0, 1, std::nullopt, std::nullopt}};
  return analysis;
}

const WeightsSubject kSubject{"blocks.0.mlp.hook_post[7]@last", "regression, head trained", 3};

ModelConfig two_blocks() {
  ModelConfig config;
  config.n_layers = 2;
  config.d_model = 2;
  config.d_mlp = 8;
  return config;
}

TEST(WeightsFiles, JsonHasAReasonForEveryNull) {
  const Json json = weights_json(kSubject, planted_analysis(), {}, two_blocks());
  EXPECT_EQ(json["training_seed"], 3);
  EXPECT_EQ(json["n_rows"], 2);
  const Json& feature = json["read_outs"][0];
  EXPECT_EQ(feature["site"], "blocks.1.hook_resid_post");
  EXPECT_EQ(feature["length"], 2);
  EXPECT_EQ(feature["write_share"], nullptr);
  EXPECT_EQ(feature["why"], "the head reads another token");
  EXPECT_EQ(json["read_outs"][1]["why"], "the head reads before the target writes");
  EXPECT_EQ(json["directions"][0]["length"], 5);
  EXPECT_EQ(json["directions"][0]["place"], nullptr);
  EXPECT_EQ(json["directions"][1]["place"], "feature");
  const Json& filter = json["cosines"][0];
  EXPECT_EQ(filter["other_neurons"]["q"], 0.002);
  EXPECT_EQ(filter["interval"], Json::array({0.7, 0.9}));
  EXPECT_FALSE(filter.contains("why"));
  EXPECT_EQ(json["cosines"][1]["why"], "the direction is 0");
  EXPECT_EQ(json["weight_changes"][1]["why"], "the weights are 0");
}

TEST(WeightsFiles, CsvHasOneLineForEachCosine) {
  const std::string text = weights_csv(planted_analysis()).text();
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  EXPECT_THAT(text, HasSubstr("feature,output,read,filter,centred,0.8,0.1,0.7,0.9,100,0.001,"));
}

TEST(WeightsText, FitsIntoATerminalAndNamesWhatStandsOut) {
  const std::string text = weights_text(kSubject, planted_analysis(), two_blocks(), {});
  std::istringstream lines(text);
  for (std::string one; std::getline(lines, one);) EXPECT_LE(display_width(one), 80) << one;
  EXPECT_THAT(text, HasSubstr("q < 0.05     output filter\n"));
  EXPECT_THAT(text, HasSubstr("no share: the head reads another token"));
  EXPECT_THAT(text, HasSubstr("not compared: the head reads before the target writes"));
  EXPECT_THAT(text, HasSubstr("W_out"));
  const std::string ascii = weights_text(kSubject, planted_analysis(), two_blocks(), {false, 80});
  EXPECT_TRUE(
      std::ranges::all_of(ascii, [](char c) { return static_cast<unsigned char>(c) < 128; }));
}

}  // namespace
}  // namespace gnomon::test
