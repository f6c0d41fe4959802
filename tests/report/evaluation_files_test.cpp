// SPDX-License-Identifier: Apache-2.0
// Files and text of an evaluation, from planted rows with every kind of absence.
#include "gnomon/report/evaluation_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "analyses/planted_rows.h"
#include "gnomon/base/error.h"
#include "gnomon/base/process.h"
#include "gnomon/report/evaluation_text.h"
#include "gnomon/report/run_directory.h"
#include "report/run_settings.h"
#include "support/temporary_folder.h"

namespace gnomon::test {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::string name;
  ReporterEvaluation evaluation;
};

std::vector<double> noisy(std::vector<double> values, double noise) {
  Random random(6, "noisy reports");
  for (double& value : values) value += noise * random.normal();
  return values;
}

ReporterEvaluation evaluate(const PlantedRows& rows, std::vector<double> values, bool with_code) {
  EvaluationFeatures features;
  features.reporter = {"blocks.0.hook_resid_post", rows.features.matrix()};
  features.resid_post = features.reporter;
  ReferenceOptions options;
  options.bootstrap.n_bootstrap = 200;
  const EvaluationReferences references =
      measure_references(rows.data, rows.ids, features,
                         {{"blocks.0.mlp.hook_post[7]", noisy(rows.data.activation, 9)}}, options);
  EvaluatedReports reports = {"regression head", "w · feature + b", "snapshot", std::move(values),
                              std::nullopt};
  if (with_code) reports.code = equal_width_bins(rows.data.activation, 4);
  return evaluate_reporter(rows.data, reports, references);
}

// A usual one, constant reports, a token that is always the same, too few groups for a code.
std::vector<Case> cases() {
  std::vector<Case> result;
  const PlantedRows usual = planted_rows(1, 150, 5, 1, 0.4);
  result.push_back({"usual", evaluate(usual, noisy(usual.data.activation, 0.5), true)});
  result.push_back(
      {"constant", evaluate(usual, std::vector<double>(usual.data.activation.size(), 3.0), false)});
  result.push_back(
      {"in other units",
       evaluate(usual, std::vector<double>(usual.data.activation.size(), -1e9), false)});
  PlantedRows one_token = planted_rows(2, 40, 3, 1, 0.4);
  one_token.data.token.assign(one_token.data.token.size(), 4);
  result.push_back({"one token", evaluate(one_token, one_token.data.activation, false)});
  const PlantedRows few = planted_rows(3, 12, 2, 1, 0.4);
  result.push_back({"few", evaluate(few, noisy(few.data.activation, 0.5), true)});
  return result;
}

TEST(EvaluationFiles, AreValidInARun) {
  for (const Case& c : cases()) {
    const TemporaryFolder folder;
    {
      auto run = RunDirectory::create(folder / "a", run_settings());
      run.stage("evaluate", [&] {
        run.write_json("analysis/evaluation.json", evaluation_json(c.evaluation));
        run.write_csv("analysis/evaluation.csv", evaluation_csv(c.evaluation));
      });
      run.finish();
    }
    const Json json = open_run(folder / "a").read_json("analysis/evaluation.json");
    EXPECT_EQ(json["$schema"], "urn:gnomon:schema:evaluation:1");
    const ProcessResult result = run_process(
        {"python3", GNOMON_SOURCE_DIR "/tools/validate_run.py", (folder / "a").string()}, {},
        std::chrono::seconds(60));
    EXPECT_EQ(result.exit_status, 0) << c.name << ": " << result.output;
  }
}

TEST(EvaluationFiles, HoldTheNumbers) {
  const ReporterEvaluation evaluation = cases()[0].evaluation;
  const Json json = evaluation_json(evaluation);
  ASSERT_EQ(json["rows"].size(), evaluation.rows.size());
  const ReportScore& score = *evaluation.reporter().score;
  const Json& row = json["rows"][0];
  EXPECT_EQ(row["kind"], "reporter");
  EXPECT_EQ(row["r"], *score.r);
  EXPECT_EQ(row["r2_identity"], *score.r2_identity);
  EXPECT_EQ(row["slope_interval"][1], score.slope_interval->ci_high);
  EXPECT_EQ(row["n_distinct"], score.n_group);
  EXPECT_FALSE(row.contains("why"));
  EXPECT_EQ(json["gain"]["over"], evaluation.best_floor);
  EXPECT_EQ(json["gain"]["interval"][0], evaluation.gain->interval->ci_low);
  EXPECT_EQ(json["gain"]["beats_floors"], true);
  EXPECT_EQ(json["selectivity"]["real"]["online_code"]["bits_per_row"],
            evaluation.selectivity.real_code.bits_per_row);
  const std::string csv = evaluation_csv(evaluation).text();
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'),
            static_cast<std::ptrdiff_t>(evaluation.rows.size()) + 1);
  EXPECT_THAT(csv, HasSubstr("\nregression head,reporter,"));
}

TEST(EvaluationFiles, AbsentNumbersAreNullWithAReason) {
  const Json json = evaluation_json(cases()[1].evaluation);
  const Json& row = json["rows"][0];
  EXPECT_TRUE(row["r"].is_null());
  EXPECT_EQ(row["why"], "the reports are constant");
  EXPECT_TRUE(row["r2_identity"].is_number());
  EXPECT_EQ(json["gain"]["beats_floors"], false);
}

TEST(EvaluationFiles, ReadBackAsTheyWereWritten) {
  for (const Case& c : cases()) {
    const Json json = evaluation_json(c.evaluation);
    const ReporterEvaluation again = evaluation_from_json(json, "evaluation.json");
    EXPECT_EQ(evaluation_json(again), json) << c.name;
    EXPECT_EQ(evaluation_text(again, {}), evaluation_text(c.evaluation, {})) << c.name;
  }
}

TEST(EvaluationFiles, ReadingRefusesWhatIsMissingOrOfAnotherType) {
  const Json whole = evaluation_json(cases()[0].evaluation);
  for (const auto& [key, value] : whole.items()) {
    if (key == "$schema") continue;  // for validators; runs of earlier versions have none
    Json without = whole;
    without.erase(key);
    EXPECT_THROW(evaluation_from_json(without, "evaluation.json"), FileError) << key;
    Json other = whole;
    other[key] = Json::object({{"unexpected", true}});
    EXPECT_THROW(evaluation_from_json(other, "evaluation.json"), FileError) << key;
  }
  Json kind = whole;
  kind["rows"][0]["kind"] = "rumour";
  EXPECT_THROW(evaluation_from_json(kind, "evaluation.json"), FileError);
}

TEST(EvaluationText, FitsEightyColumnsInBothStyles) {
  for (const Case& c : cases()) {
    for (const bool unicode : {true, false}) {
      std::istringstream lines(evaluation_text(c.evaluation, {unicode, 80}));
      std::string line;
      while (std::getline(lines, line)) {
        EXPECT_LE(display_width(line), 80) << c.name << ": " << line;
        EXPECT_EQ(line.find("nan"), std::string::npos) << line;
        if (unicode) continue;
        for (const char byte : line) EXPECT_LT(static_cast<unsigned char>(byte), 128) << line;
      }
    }
  }
}

TEST(EvaluationText, SaysWhatCounts) {
  const std::string usual = evaluation_text(cases()[0].evaluation, {});
  RecordProperty("usual", usual);
  EXPECT_THAT(usual, HasSubstr("report of  blocks.0.mlp.hook_post[5]@last"));
  EXPECT_THAT(usual, HasSubstr("snapshot activation, held-out texts (test): "));
  EXPECT_THAT(usual, HasSubstr("  beats the floors"));
  EXPECT_THAT(usual, HasSubstr("permuted_labels"));
  const std::string constant = evaluation_text(cases()[1].evaluation, {});
  EXPECT_THAT(constant, HasSubstr("the reports are constant"));
  EXPECT_THAT(constant, HasSubstr("does not beat the floors"));
  EXPECT_THAT(evaluation_text(cases()[2].evaluation, {}), HasSubstr("< -10"));
}

TEST(DriftText, NamesTheVerdict) {
  Random random(3, "drift text");
  std::vector<double> start(200);
  for (double& value : start) value = random.normal();
  std::vector<double> now = start;
  for (double& value : now) value *= 0.1;
  std::vector<Index> groups;
  for (Index i = 0; i < 200; ++i) groups.push_back(i);
  const ActivationDrift drift = measure_drift(start, now, groups, {.n_bootstrap = 200});
  EXPECT_THAT(drift_text(drift, {}), HasSubstr("collapsed: sd ratio 0.10 [0.10, 0.10]"));
  const Json json = drift_json(drift);
  EXPECT_EQ(json["spread"], "collapsed");
  EXPECT_EQ(json["wasserstein1"], drift.wasserstein1);
  EXPECT_FALSE(json.contains("why"));
  const ActivationDrift again = drift_from_json(json, 0.95, "training.json");
  EXPECT_EQ(drift_json(again), json);
  EXPECT_EQ(drift_text(again, {}), drift_text(drift, {}));
  EXPECT_THROW(drift_from_json(Json::object(), 0.95, "training.json"), FileError);
  const ActivationDrift constant =
      measure_drift(std::vector<double>(200, 1.0), now, groups, {.n_bootstrap = 200});
  EXPECT_THAT(drift_text(constant, {}), HasSubstr("unclear: the initial activation is constant"));
  EXPECT_EQ(drift_json(constant)["why"], "the initial activation is constant");
  EXPECT_TRUE(drift_json(constant)["sd_ratio"].is_null());
}

}  // namespace
}  // namespace gnomon::test
