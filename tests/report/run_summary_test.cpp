// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "report/hostile_text.h"
#include "report/run_settings.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::run_settings;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

StoredRun run_with(const std::filesystem::path& folder, const RunSummary& summary,
                   std::int64_t seed = 7, const std::string& model = "a",
                   const std::string& target = "blocks.0.mlp.hook_post[1]@last") {
  RunSettings settings = run_settings(seed);
  settings.configuration.push_back({"target.unit", target, "--target"});
  auto run = RunDirectory::create(folder, settings);
  ModelRecord record = test::model_record();
  record.sha256 = sha256_hex(model);
  run.set_model(record);
  if (!summary.empty()) run.write_json(kSummaryFile, summary_json(summary));
  run.finish();
  return open_run(folder);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ArgumentError& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

const RunSummary kSummary = {{"evaluation.r", 0.75},
                             {"evaluation.r.ci_low", 0.5},
                             {"evaluation.r.ci_high", 0.875},
                             {"evaluation.r2_identity", std::nullopt},
                             {"train.n_step", 300}};

TEST(RunSummary, ReadsBackWhatItWrote) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_summary(run_with(folder / "a", kSummary)), kSummary);
  EXPECT_EQ(read_summary(run_with(folder / "b", {})), std::nullopt);
  EXPECT_EQ(
      dump_json(summary_json({{"r", std::nan("")}, {"a.b", 1.5}})),
      "{\n  \"$schema\": \"urn:gnomon:schema:summary:1\",\n  \"a.b\": 1.5,\n  \"r\": null\n}\n");
}

TEST(RunSummary, RefusesWhatIsNone) {
  for (const char* name : {"", ".r", "r.", "a..b", "a b", "a\n", "é", "$schema"}) {
    EXPECT_THROW(summary_json({{name, 1.0}}), InternalError) << name;
  }
  for (const char* text : {"[]", "3", "{\"r\": \"x\"}", "{\"r\": [1]}", "{\"a b\": 1}"}) {
    EXPECT_THROW(summary_from_json(parse_json(text, "x"), "x"), FileError) << text;
  }
  EXPECT_GT(test::refused_changes(
                dump_json(summary_json(kSummary)),
                [](std::string_view text) { summary_from_json(parse_json(text, "x"), "x"); }),
            500);
}

TEST(CompareRuns, DifferencesAndIntervals) {
  const TemporaryFolder folder;
  const std::vector<StoredRun> runs = {
      run_with(folder / "a", kSummary),
      run_with(
          folder / "b",
          {{"evaluation.r", 0.25}, {"evaluation.r.ci_low", 0.125}, {"evaluation.r.ci_high", 0.375}},
          8),
      run_with(folder / "c", {{"evaluation.r", 0.5},
                              {"evaluation.r.ci_low", 0.25},
                              {"evaluation.r.ci_high", 0.625},
                              {"evaluation.mae", 1}})};
  const RunComparison comparison = compare_runs(runs, 0, {});
  ASSERT_EQ(comparison.metrics.size(), 4U);
  EXPECT_EQ(comparison.metrics[0].name, "evaluation.mae");
  EXPECT_EQ(comparison.metrics[0].values[2].value, 1.0);
  EXPECT_EQ(comparison.metrics[0].values[2].difference, std::nullopt);
  const auto& r = comparison.metrics[1].values;
  EXPECT_EQ(comparison.metrics[1].name, "evaluation.r");
  EXPECT_EQ(r[0].difference, std::nullopt);
  EXPECT_EQ(r[0].ci_high, 0.875);
  EXPECT_EQ(r[1].difference, -0.5);
  EXPECT_TRUE(r[1].apart);
  EXPECT_EQ(r[2].difference, -0.25);
  EXPECT_FALSE(r[2].apart);
  EXPECT_TRUE(comparison.same_model);
  EXPECT_TRUE(comparison.same_target);
  ASSERT_EQ(comparison.settings.size(), 1U);
  EXPECT_EQ(comparison.settings[0].key, "seed");
  EXPECT_THAT(comparison.settings[0].values,
              ElementsAre(std::optional<std::string>("7"), std::optional<std::string>("8"),
                          std::optional<std::string>("7")));
  EXPECT_EQ(compare_runs(runs, 1, {}).metrics[1].values[0].difference, 0.5);
}

TEST(CompareRuns, ChoosesNumbersByName) {
  const TemporaryFolder folder;
  const std::vector<StoredRun> runs = {run_with(folder / "a", kSummary),
                                       run_with(folder / "b", kSummary)};
  const auto names = [&](const std::vector<std::string>& metrics) {
    std::vector<std::string> result;
    for (const ComparedMetric& m : compare_runs(runs, 0, metrics).metrics) result.push_back(m.name);
    return result;
  };
  EXPECT_THAT(names({"evaluation"}), ElementsAre("evaluation.r", "evaluation.r2_identity"));
  EXPECT_THAT(names({"train.n_step", "evaluation.r"}), ElementsAre("evaluation.r", "train.n_step"));
  EXPECT_EQ(message_of([&] { names({"evaluation.r2_identiy"}); }),
            "no run has a number \"evaluation.r2_identiy\"; did you mean "
            "\"evaluation.r2_identity\"?");
}

TEST(CompareRuns, NoticesOtherModelsAndTargets) {
  const TemporaryFolder folder;
  const StoredRun a = run_with(folder / "a", kSummary);
  const StoredRun model = run_with(folder / "b", kSummary, 7, "another");
  const StoredRun target = run_with(folder / "c", kSummary, 7, "a", "blocks.1.hook_resid_pre[1]");
  const RunComparison by_model = compare_runs(std::vector{a, model}, 0, {});
  EXPECT_FALSE(by_model.same_model);
  EXPECT_TRUE(by_model.same_target);
  const RunComparison by_target = compare_runs(std::vector{a, target}, 0, {});
  EXPECT_TRUE(by_target.same_model);
  EXPECT_FALSE(by_target.same_target);
}

TEST(CompareRuns, NeedsTwoRunsWithNumbers) {
  const TemporaryFolder folder;
  const StoredRun a = run_with(folder / "a", kSummary);
  const StoredRun none = run_with(folder / "b", {});
  EXPECT_THAT(message_of([&] { compare_runs(std::vector{a}, 0, {}); }), HasSubstr("at least two"));
  EXPECT_THAT(message_of([&] {
                compare_runs(std::vector{a, none}, 0, {});
              }),
              HasSubstr("has no summary.json"));
  folder.write("a/summary.json", "{}");
  EXPECT_THROW(compare_runs(std::vector{a, a}, 0, {}), FileError);
}

}  // namespace
}  // namespace gnomon
