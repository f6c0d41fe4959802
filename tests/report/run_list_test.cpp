// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gnomon/base/error.h"
#include "report/run_settings.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using test::names_in;
using test::run_settings;
using test::TemporaryFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void add_run(const fs::path& folder, int hours) {
  RunSettings settings = run_settings();
  settings.started += std::chrono::hours(hours);
  auto run = RunDirectory::create(folder, settings);
  run.write_text("data/x.txt", "12345");
  run.finish();
}

TEST(ListRuns, LatestFirstAndBrokenOnesToo) {
  const TemporaryFolder folder;
  EXPECT_TRUE(list_runs(folder / "absent").empty());
  add_run(folder / "b", 0);
  add_run(folder / "a", 5);
  add_run(folder / "c", 2);
  fs::create_directory(folder / "no-run");
  fs::create_directory(folder / "broken");
  folder.write("broken/run.json", "{");
  const auto runs = list_runs(folder.path());
  ASSERT_EQ(runs.size(), 4U);
  EXPECT_EQ(runs[0].path.filename(), "a");
  EXPECT_EQ(runs[0].started, "2026-11-22T15:58:03Z");
  EXPECT_EQ(runs[1].path.filename(), "c");
  EXPECT_EQ(runs[2].path.filename(), "b");
  EXPECT_FALSE(runs[3].run);
  EXPECT_THAT(runs[3].problem, HasSubstr("not valid JSON"));
}

TEST(RunState, TellsAKilledWriterFromALivingOne) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  EXPECT_EQ(run_state(open_run(folder / "a")), "running");
  run.finish(RunStatus::failed);
  EXPECT_EQ(run_state(open_run(folder / "a")), "failed");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    new RunDirectory(RunDirectory::create(folder / "b", run_settings()));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(run_state(open_run(folder / "b")), "stale");
}

TEST(RemoveRun, LeavesNothingOfTheRun) {
  const TemporaryFolder folder;
  add_run(folder / "a", 0);
  folder.write("a/data/x.bin.tmp-abc123", "half");
  const RemovedRun removed = remove_run(open_run(folder / "a"));
  EXPECT_EQ(removed.n_files, 5U);  // x.txt, the half file, configuration, times, run.json
  EXPECT_GT(removed.bytes, 9U);
  EXPECT_TRUE(removed.kept.empty());
  EXPECT_FALSE(fs::exists(folder / "a"));
}

TEST(RemoveRun, LeavesWhatTheRunDoesNotList) {
  const TemporaryFolder folder;
  add_run(folder / "a", 0);
  folder.write("a/data/notes.txt", "the user's");
  fs::create_directory(folder / "outside");
  folder.write("outside/precious.txt", "x");
  fs::create_directory_symlink(folder / "outside", folder / "a/link");
  const RemovedRun removed = remove_run(open_run(folder / "a"));
  EXPECT_THAT(removed.kept, ElementsAre("data/notes.txt", "link"));
  EXPECT_THAT(names_in(folder / "a"), ElementsAre("data", "link"));
  EXPECT_TRUE(fs::exists(folder / "outside/precious.txt"));
}

// A hostile run must not make Gnomon remove files elsewhere.
TEST(RemoveRun, FollowsNoLink) {
  const TemporaryFolder folder;
  add_run(folder / "a", 0);
  fs::create_directory(folder / "outside");
  folder.write("outside/precious.txt", "x");
  fs::remove_all(folder / "a/data");
  fs::create_directory_symlink(folder / "outside", folder / "a/data");
  Json manifest = read_json_file(folder / "a/run.json");
  manifest["files"]["data/precious.txt"] = {{"sha256", std::string(64, 'a')}, {"bytes", 1}};
  folder.write("a/run.json", dump_json(manifest));
  remove_run(open_run(folder / "a"));
  EXPECT_TRUE(fs::exists(folder / "outside/precious.txt"));
}

TEST(RemoveRun, RefusesARunThatIsBeingWritten) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  EXPECT_THROW(remove_run(open_run(folder / "a")), ArgumentError);
  EXPECT_TRUE(fs::exists(folder / "a/run.json"));
  run.finish();
}

}  // namespace
}  // namespace gnomon
