// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/patch_files.h"

#include <gtest/gtest.h>

#include <sstream>

#include "gnomon/report/patch_text.h"

namespace gnomon {
namespace {

BootstrapInterval estimate(double value, double half_width) {
  BootstrapInterval interval;
  interval.estimate = value;
  interval.interval = Interval{value - half_width, value + half_width, 0.95};
  interval.n = 2;
  interval.n_group = 2;
  return interval;
}

CausalGain gain(double value, double half_width) {
  CausalGain result;
  result.gain = estimate(value, half_width);
  result.r2_fit = 0.5;
  result.r2_identity = -3;
  result.row_gain_sd = 0.01;
  result.share_positive = 1;
  result.n_in_range = 4;
  return result;
}

PatchStudy small_study() {
  PatchStudy study;
  study.target = "blocks.2.mlp.hook_post[509]@last";
  study.site = study.target;
  study.read_out = "blocks.3.hook_resid_post@last";
  study.definition = "report of the regression head";
  study.n_row = 2;
  study.n_group = 2;
  study.n_training_row = 10;
  study.range = {-0.25, 1.5, 0.5, 0.4};
  study.activation = {0.1, 0.2};
  study.clean_report = {0.3, 0.4};
  study.row = {1, 3};
  study.doses = {-0.25, 2};
  study.response = {Tensor<double>({2, 2}, {-0.25, 2, -0.25, 2}),
                    Tensor<double>({2, 2}, {0.1, 0.2, 0.3, 0.5}),
                    {7, 8}};
  study.points = {{-0.25, -0.25, 1, 0.2, 0.1, -0.15, 0.2, 3.5, 60, 1},
                  {2, 2, 0, 0.35, 0.2, 0, std::nullopt, 9.25, 100, 0.5}};
  study.typicality.emplace();
  study.typicality->site = "blocks.2.hook_resid_post";
  study.typicality->n_natural = 10;
  study.typicality->clean_median = 3;
  study.typicality->clean_q99 = 5;
  study.typicality->clean = {3, 5};
  study.typicality->distance = Tensor<double>({2, 2}, {3, 4.5, 4, 14});
  study.total = gain(0.4, 0.1);
  study.direct = gain(0.3, 0.1);
  study.indirect = estimate(0.1, 0.05);
  study.none = equivalence_test({0.32, 0.48, 0.9}, 0, {});
  study.ideal = equivalence_test({0.32, 0.48, 0.9}, 1, {});
  study.verdict = GainVerdict::depends;
  study.controls = {
      {{4, 0.1, 0.2, 1, 0.5}, "blocks.2.mlp.hook_post[4]", {0, 1, 0.5, 0.2}, gain(0.1, 0.1)}};
  study.control_percentile = 100;
  study.control_p_value = 0.5;
  Necessity necessity;
  necessity.clean_slope = estimate(0.5, 0.1);
  necessity.ablated_slope = estimate(0.2, 0.1);
  necessity.carried = estimate(0.3, 0.1);
  study.ablations = {{AblationMode::mean, necessity}};
  study.interchange = Sufficiency{};
  study.interchange->why = "the reports do not vary";
  return study;
}

ReporterData data_of_four_rows() {
  ReporterData data;
  data.text = {0, 1, 2, 3};
  data.position = {4, 5, 6, 7};
  data.group = {6, 7, 9, 8};
  return data;
}

TEST(PatchFiles, WhatIsNullHasAReason) {
  PatchStudy study = small_study();
  const Json json = patch_json(study);
  EXPECT_EQ(json["gain"]["value"], 0.4);
  EXPECT_EQ(json["gain"]["interval"], Json::array({0.4 - 0.1, 0.5}));
  EXPECT_EQ(json["verdict"], "depends");
  EXPECT_EQ(json["controls"]["units"].size(), 1);
  EXPECT_EQ(json["ablations"][0]["mode"], "mean");
  EXPECT_TRUE(json["interchange"]["r"].is_null());
  EXPECT_EQ(json["interchange"]["why"], "the reports do not vary");
  EXPECT_TRUE(json["doses"][1]["mean_direct"].is_null());
  study.direct.reset();
  study.indirect.reset();
  study.why_no_direct = "a reason";
  study.controls.clear();
  study.control_percentile.reset();
  study.why_no_controls = "none were asked for";
  study.interchange.reset();
  const Json without = patch_json(study);
  EXPECT_TRUE(without["direct"].is_null());
  EXPECT_EQ(without["why_no_direct"], "a reason");
  EXPECT_EQ(without["controls"]["why"], "none were asked for");
  EXPECT_TRUE(without["interchange"].is_null());
}

TEST(PatchFiles, OneLineForEachRowAndDose) {
  EXPECT_EQ(patch_csv(small_study(), data_of_four_rows()).text(),
            "text,position,group,activation,clean_report,dose,value,in_range,report,distance,"
            "typical\n"
            "1,5,7,0.1,0.3,-0.25,-0.25,true,0.1,3,true\n"
            "1,5,7,0.1,0.3,2,2,false,0.2,4.5,true\n"
            "3,7,8,0.2,0.4,-0.25,-0.25,true,0.3,4,true\n"
            "3,7,8,0.2,0.4,2,2,false,0.5,14,false\n");
}

TEST(PatchFiles, WithoutDistancesTheirCellsAreEmpty) {
  PatchStudy study = small_study();
  EXPECT_EQ(patch_json(study)["in_distribution"]["clean_q99"], 5);
  EXPECT_EQ(patch_json(study)["doses"][1]["share_typical"], 0.5);
  study.typicality.reset();
  study.why_no_typicality = "a reason";
  study.points[0].share_typical.reset();
  EXPECT_TRUE(patch_json(study)["in_distribution"].is_null());
  EXPECT_EQ(patch_json(study)["why_no_distribution"], "a reason");
  EXPECT_TRUE(patch_json(study)["doses"][0]["share_typical"].is_null());
  EXPECT_NE(patch_csv(study, data_of_four_rows()).text().find("3,7,8,0.2,0.4,2,2,false,0.5,,\n"),
            std::string::npos);
}

TEST(PatchText, FitsTheTerminalAndSaysTheVerdict) {
  PatchStudy study = small_study();
  for (const GainVerdict verdict : {GainVerdict::follows, GainVerdict::no_effect,
                                    GainVerdict::depends, GainVerdict::undecided}) {
    study.verdict = verdict;
    for (const bool unicode : {true, false}) {
      std::istringstream lines(patch_text(study, {unicode, 80}));
      for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80) << line;
    }
  }
  EXPECT_NE(patch_text(study, {}).find("Undecided"), std::string::npos);
  study.none.reset();
  study.ideal.reset();
  EXPECT_NE(patch_text(study, {}).find("no interval"), std::string::npos);
}

}  // namespace
}  // namespace gnomon
