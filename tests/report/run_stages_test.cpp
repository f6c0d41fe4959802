// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/random.h"
#include "report/run_settings.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using test::file_content;
using test::names_in;
using test::run_settings;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string hash(const std::string& text) { return sha256_hex(text); }

// A pipeline of three stages: data, then training with a checkpoint a step, then evaluation.
struct Pipeline {
  std::string data = "texts";
  std::string train = "rate 1";
  std::string evaluate = "level 0.95";
  int n_step = 3;

  std::vector<StageSpec> specs() const {
    return {{"data", hash(data), {}},
            {"train", hash(train), {"data"}},
            {"evaluate", hash(evaluate), {"train", "data"}}};
  }
};

// What the stages did: "data", "train 1", "train 2", ...
using Log = std::vector<std::string>;

void write_file(const fs::path& path, const std::string& content) {
  write_file_atomic(path, content);
}

void train(RunDirectory& run, const Pipeline& pipeline, Log& log,
           const std::function<void(int)>& after_step) {
  const fs::path checkpoint = run.resumable_path("checkpoints/last.txt");
  const fs::path metrics = run.resumable_path("metrics.txt");
  int step = 0;
  if (fs::exists(checkpoint)) step = std::stoi(file_content(checkpoint));
  const std::string known = fs::exists(metrics) ? file_content(metrics) : "";
  std::string lines = known.substr(0, 2 * static_cast<std::size_t>(step));
  for (++step; step <= pipeline.n_step; ++step) {
    log.push_back("train " + std::to_string(step));
    lines += std::to_string(step) + "\n";
    write_file(metrics, lines);
    write_file(checkpoint, std::to_string(step));
    after_step(step);
  }
  run.add_file("metrics.txt");
  run.write_text("model.txt", pipeline.data + "/" + pipeline.train);
}

void run_pipeline(
    RunDirectory& run, const Pipeline& pipeline, Log& log,
    const std::function<void(int)>& after_step = [](int) {}) {
  const auto specs = pipeline.specs();
  run.stage_if_stale(specs[0], [&] {
    log.emplace_back("data");
    run.set_data(test::data_record());
    run.write_text("data/texts.txt", pipeline.data);
  });
  run.stage_if_stale(specs[1], [&] { train(run, pipeline, log, after_step); });
  run.stage_if_stale(specs[2], [&] {
    log.emplace_back("evaluate");
    run.write_json("analysis/scores.json", {{"of", file_content(run.path() / "model.txt")}});
  });
  run.write_json("summary.json", {{"steps", pipeline.n_step}});
  run.finish();
}

Log continue_run(const fs::path& folder, const Pipeline& pipeline = {},
                 const RunSettings& settings = run_settings()) {
  auto run = RunDirectory::open_or_create(folder, settings);
  Log log;
  run_pipeline(run, pipeline, log);
  return log;
}

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> result;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path(), folder).string();
    if (entry.is_regular_file() && name != "timing.json") result[name] = file_content(entry.path());
  }
  return result;
}

const Log kAll = {"data", "train 1", "train 2", "train 3", "evaluate"};

TEST(RunStages, AreDoneOnceWhileNothingChanges) {
  const TemporaryFolder folder;
  EXPECT_EQ(continue_run(folder / "a"), kAll);
  const auto before = contents(folder / "a");
  EXPECT_EQ(continue_run(folder / "a"), Log{});
  EXPECT_EQ(contents(folder / "a"), before);
  const StoredRun stored = open_run(folder / "a");
  EXPECT_EQ(stored.manifest.status, RunStatus::done);
  EXPECT_EQ(stored.manifest.data->rows, 500U);
  EXPECT_THAT(stored.manifest.stages[1].outputs, ElementsAre("metrics.txt", "model.txt"));
  EXPECT_THAT(stored.manifest.stages[2].upstream, ElementsAre("train", "data"));
  // A checkpoint that is no result is gone; the log is one.
  EXPECT_THAT(names_in(folder / "a/checkpoints"), ElementsAre());
  EXPECT_EQ(file_content(folder / "a/metrics.txt"), "1\n2\n3\n");
  const Json timing = read_json_file(folder / "a/timing.json");
  EXPECT_EQ(timing["stages"].size(), 3U);
}

TEST(RunStages, ARunThatWasCreatedCanBeContinued) {
  const TemporaryFolder folder;
  {
    auto run = RunDirectory::create(folder / "a", run_settings());
    Log log;
    run_pipeline(run, {}, log);
  }
  EXPECT_EQ(continue_run(folder / "a"), Log{});
}

TEST(RunStages, WhatChangedAndWhatReadsItIsDoneAgain) {
  const TemporaryFolder folder;
  continue_run(folder / "a");
  EXPECT_EQ(continue_run(folder / "a", {.evaluate = "level 0.9"}), Log{"evaluate"});
  EXPECT_EQ(continue_run(folder / "a", {.train = "rate 2", .evaluate = "level 0.9"}),
            (Log{"train 1", "train 2", "train 3", "evaluate"}));
  EXPECT_EQ(file_content(folder / "a/analysis/scores.json"), "{\n  \"of\": \"texts/rate 2\"\n}\n");
  EXPECT_EQ(continue_run(folder / "a", {.data = "other", .train = "rate 2"}), kAll);
  // The same as a run that was never anything else.
  continue_run(folder / "b", {.data = "other", .train = "rate 2"});
  EXPECT_EQ(contents(folder / "a"), contents(folder / "b"));
}

TEST(RunStages, AnotherVersionOrPrecisionIsAnotherInput) {
  const TemporaryFolder folder;
  continue_run(folder / "a");
  RunSettings settings = run_settings();
  settings.manifest.tool.git = "fedcba987654";
  EXPECT_EQ(continue_run(folder / "a", {}, settings), kAll);
  EXPECT_EQ(continue_run(folder / "a", {}, settings), Log{});
  settings.manifest.precision = "float64";
  EXPECT_EQ(continue_run(folder / "a", {}, settings), kAll);
  settings.manifest.machine.threads = 64;
  settings.started += std::chrono::hours(1);
  EXPECT_EQ(continue_run(folder / "a", {}, settings), Log{});
}

TEST(RunStages, AFileThatWasTouchedIsMadeAgain) {
  const TemporaryFolder folder;
  continue_run(folder / "a");
  const auto before = contents(folder / "a");
  folder.write("a/data/texts.txt", "TEXTS");
  // The new file has the old content, so that what reads it is as good as before.
  EXPECT_EQ(continue_run(folder / "a"), Log{"data"});
  EXPECT_EQ(contents(folder / "a"), before);
  fs::remove(folder / "a/analysis/scores.json");
  EXPECT_EQ(continue_run(folder / "a"), Log{"evaluate"});
  EXPECT_EQ(contents(folder / "a"), before);
}

TEST(RunStages, SaysWhyAStageIsStale) {
  const TemporaryFolder folder;
  const auto specs = Pipeline{}.specs();
  auto run = RunDirectory::open_or_create(folder / "a", run_settings());
  EXPECT_EQ(run.why_stale(specs[0]), "was never done");
  EXPECT_FALSE(run.stage_is_fresh(specs[0]));
  Log log;
  run_pipeline(run, {}, log);
  const StoredRun stored = open_run(folder / "a");
  const RunManifest current = run_settings().manifest;
  const auto plan = [&](const Pipeline& pipeline) {
    std::vector<std::string> why;
    const auto stages = pipeline.specs();
    for (const PlannedStage& stage : plan_stages(&stored, current, stages)) {
      why.push_back(stage.why.value_or("fresh"));
    }
    return why;
  };
  EXPECT_THAT(plan({}), ElementsAre("fresh", "fresh", "fresh"));
  EXPECT_THAT(plan({.train = "x"}),
              ElementsAre("fresh", "its inputs have changed", "\"train\" is done before it"));
  folder.write("a/data/texts.txt", "other");
  EXPECT_THAT(plan({}), ElementsAre("\"data/texts.txt\" was changed", "\"data\" is done before it",
                                    "\"train\" is done before it"));
  fs::remove(folder / "a/data/texts.txt");
  EXPECT_EQ(plan({})[0], "\"data/texts.txt\" is missing");
  const auto nothing = plan_stages(nullptr, current, specs);
  EXPECT_EQ(nothing[0].why, "was never done");
}

TEST(RunStages, AFailedStageGoesOnFromItsCheckpoint) {
  const TemporaryFolder folder;
  Log log;
  {
    auto run = RunDirectory::open_or_create(folder / "a", run_settings());
    EXPECT_THROW(run_pipeline(run, {}, log,
                              [](int step) {
                                if (step == 2) throw Error(ErrorCode::interrupted, "stop");
                              }),
                 Error);
  }
  EXPECT_EQ(open_run(folder / "a").manifest.status, RunStatus::interrupted);
  EXPECT_EQ(file_content(folder / "a/checkpoints/last.txt"), "2");
  EXPECT_EQ(continue_run(folder / "a"), (Log{"train 3", "evaluate"}));
  continue_run(folder / "b");
  EXPECT_EQ(contents(folder / "a"), contents(folder / "b"));
}

TEST(RunStages, OtherInputsDoNotGoOnFromTheCheckpoint) {
  const TemporaryFolder folder;
  Log log;
  {
    auto run = RunDirectory::open_or_create(folder / "a", run_settings());
    EXPECT_THROW(run_pipeline(run, {}, log, [](int) { throw std::runtime_error("x"); }),
                 std::runtime_error);
  }
  EXPECT_EQ(continue_run(folder / "a", {.train = "rate 2"}),
            (Log{"train 1", "train 2", "train 3", "evaluate"}));
}

TEST(RunStages, AStageGoesOnFromNothingThatWasChanged) {
  const TemporaryFolder folder;
  continue_run(folder / "a");
  folder.write("a/metrics.txt", "9\n9\n9\n");
  EXPECT_EQ(continue_run(folder / "a"), (Log{"train 1", "train 2", "train 3"}));
  EXPECT_EQ(file_content(folder / "a/metrics.txt"), "1\n2\n3\n");
}

TEST(RunStages, WhatIsNoLongerPartOfTheRunGoes) {
  const TemporaryFolder folder;
  continue_run(folder / "a");
  folder.write("a/notes.txt", "the user's");
  auto run = RunDirectory::open_or_create(folder / "a", run_settings());
  EXPECT_FALSE(run.stage_if_stale(Pipeline{}.specs()[0], [] { FAIL(); }));
  run.finish();
  EXPECT_THAT(names_in(folder / "a"), ElementsAre("analysis", "checkpoints", "config.resolved.toml",
                                                  "data", "notes.txt", "run.json", "timing.json"));
  EXPECT_THAT(names_in(folder / "a/analysis"), ElementsAre());
  EXPECT_EQ(open_run(folder / "a").manifest.stages.size(), 1U);
}

TEST(RunStages, AFileBelongsToOneStage) {
  const TemporaryFolder folder;
  auto run = RunDirectory::open_or_create(folder / "a", run_settings());
  run.stage_if_stale({"one", hash("1"), {}}, [&] { run.write_text("x.txt", "1"); });
  EXPECT_THROW(run.stage_if_stale({"two", hash("2"), {}}, [&] { run.write_text("x.txt", "2"); }),
               InternalError);
}

TEST(RunStages, RefuseWhatHasNoMeaning) {
  const TemporaryFolder folder;
  auto run = RunDirectory::open_or_create(folder / "a", run_settings());
  EXPECT_THROW(run.resumable_path("x"), InternalError);
  EXPECT_THROW(run.stage_if_stale({"late", hash("1"), {"absent"}}, [] {}), InternalError);
  run.stage_if_stale({"one", hash("1"), {}}, [&] {
    EXPECT_THROW(run.stage_if_stale({"two", hash("2"), {}}, [] {}), InternalError);
    EXPECT_THROW(run.resumable_path("../x"), FileError);
    EXPECT_THROW(run.output_path("run.json"), InternalError);
  });
}

TEST(RunStages, OtherRunsAreNotContinued) {
  const TemporaryFolder folder;
  continue_run(folder / "a");
  const auto before = contents(folder / "a");
  // Another seed, and so another id.
  EXPECT_THROW(RunDirectory::open_or_create(folder / "a", run_settings(8)), ArgumentError);
  EXPECT_EQ(contents(folder / "a"), before);
  {
    // A run of a command that does not continue runs.
    auto run = RunDirectory::create(folder / "b", run_settings());
    run.stage("all", [&] { run.write_text("x.txt", "x"); });
    run.finish();
  }
  try {
    RunDirectory::open_or_create(folder / "b", run_settings());
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("holds the run tiny_L1N5_s7_"));
  }
  fs::create_directory(folder / "c");
  folder.write("c/thesis.tex", "x");
  EXPECT_THROW(RunDirectory::open_or_create(folder / "c", run_settings()), ArgumentError);
  auto open = RunDirectory::open_or_create(folder / "a", run_settings());
  EXPECT_THROW(RunDirectory::open_or_create(folder / "a", run_settings()), ArgumentError);
}

TEST(RunStages, LeadNoFileOutOfTheRun) {
  const TemporaryFolder folder;
  continue_run(folder / "a");
  fs::create_directory(folder / "outside");
  folder.write("outside/precious.txt", "x");
  fs::create_directory_symlink(folder / "outside", folder / "a/link");
  Json manifest = read_json_file(folder / "a/run.json");
  manifest["stages"][0]["outputs"].push_back("link/precious.txt");
  folder.write("a/run.json", dump_json(manifest));
  EXPECT_THROW(continue_run(folder / "a", {.data = "other"}), FileError);
  EXPECT_TRUE(fs::exists(folder / "outside/precious.txt"));
  manifest["stages"][0]["outputs"] = {"../outside/precious.txt"};
  folder.write("a/run.json", dump_json(manifest));
  EXPECT_THROW(continue_run(folder / "a", {.data = "other"}), FileError);
  EXPECT_TRUE(fs::exists(folder / "outside/precious.txt"));
}

TEST(StageInputs, AreValuesNotOrigins) {
  const std::vector<ConfigEntry> entries = {{"data.texts", std::string("a"), "x.toml"},
                                            {"data.split.train", 0.7, "default"},
                                            {"database", true, ""},
                                            {"train.epochs", std::int64_t{3}, "--set"}};
  std::vector<ConfigEntry> moved = entries;
  for (ConfigEntry& entry : moved) entry.origin = "elsewhere";
  EXPECT_EQ(stage_inputs_sha256(entries, {}), stage_inputs_sha256(moved, {}));
  moved[1].value = 0.8;
  EXPECT_NE(stage_inputs_sha256(entries, {}), stage_inputs_sha256(moved, {}));
  const std::vector<std::string> one = {"ab"};
  const std::vector<std::string> two = {"a", "b"};
  EXPECT_NE(stage_inputs_sha256({}, one), stage_inputs_sha256({}, two));
  const std::vector<std::string> keys = {"data"};
  const auto chosen = entries_of(entries, keys);
  ASSERT_EQ(chosen.size(), 2U);
  EXPECT_EQ(chosen[1].key, "data.split.train");
}

// The state of the folder after a process was killed at some moment of a pipeline.
void run_killed(const fs::path& folder, const Pipeline& pipeline, std::uint64_t microseconds) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      auto* run = new RunDirectory(RunDirectory::open_or_create(folder, run_settings()));
      Log log;
      run_pipeline(*run, pipeline, log);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      ::_exit(1);
    }
    ::_exit(0);
  }
  ::usleep(static_cast<useconds_t>(microseconds));
  ::kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  // Killed, or done before that; but it never fails on what an earlier one left.
  ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

TEST(RunStages, SurviveBeingKilledAtAnyMoment) {
  const TemporaryFolder folder;
  const Pipeline first{.n_step = 5};
  const Pipeline second{.data = "other", .train = "rate 2", .n_step = 5};
  const auto start = std::chrono::steady_clock::now();
  continue_run(folder / "expected", second);
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  Random random(0, "kill");
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    run_killed(folder / "a", random.below(2) == 0 ? first : second,
               random.below(static_cast<std::uint64_t>(whole.count())));
    if (HasFatalFailure()) return;
    if (fs::exists(folder / "a/run.json")) {
      EXPECT_NO_THROW(open_run(folder / "a")) << round;
    }
  }
  continue_run(folder / "a", second);
  EXPECT_EQ(contents(folder / "a"), contents(folder / "expected"));
}

}  // namespace
}  // namespace gnomon
