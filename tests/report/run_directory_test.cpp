// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/process.h"
#include "report/hostile_text.h"
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
using ::testing::IsEmpty;

Json projections() {
  Json numbers = {{"name", "head"},     {"site", "blocks.1.hook_resid_post"},
                  {"r", 0.75},          {"ci_low", 0.5},
                  {"ci_high", 0.875},   {"r2_fit", 0.5625},
                  {"r2_identity", 0.5}, {"p", 1e-200},
                  {"log10_p", -200.0},  {"p_holm", 4e-200},
                  {"spearman", 0.7},    {"percentile", 100}};
  Json absent = {{"name", "input"}, {"site", nullptr}};
  for (const char* key : {"r", "ci_low", "ci_high", "r2_fit", "r2_identity", "p", "log10_p",
                          "p_holm", "spearman", "percentile"}) {
    absent[key] = nullptr;
  }
  absent["why"] = "a coordinate of the residual stream has no input weights";
  return {{"n_rows", 76}, {"n_distinct", 37}, {"directions", {numbers, absent}}};
}

Json audit() {
  return {{"ladders",
           {{{"direction", "input"},
             {"rungs",
              {{{"name", "resid_pre"}, {"r", 0.5}, {"delta", nullptr}, {"exact_zero", false}},
               {{"name", "activation"}, {"r", 1.0}, {"delta", 0.5}, {"exact_zero", false}}}},
             {"one_minus_r", 3.1e-13},
             {"closes", true}}}}};
}

Json checks() {
  return {{{"id", "pre"},
           {"title", "pre = n2 w + b"},
           {"status", "pass"},
           {"value", 1e-7},
           {"tolerance", 1e-5},
           {"why", ""}},
          {{"id", "reload"},
           {"title", "reports after reloading"},
           {"status", "skip"},
           {"value", nullptr},
           {"tolerance", nullptr},
           {"why", "nothing was trained"}}};
}

// Everything that a real command does to a run.
void write_run(RunDirectory& run) {
  run.add_varying_file("console.log");
  run.stage("data", [&] {
    run.set_model(test::model_record());
    run.set_data(test::data_record());
    run.write_text("data/texts.txt", "one\ntwo\n");
    std::ofstream(run.path() / "data" / "activations.safetensors") << "tensors";
    run.add_file("data/activations.safetensors");
  });
  run.stage("project", [&] {
    run.write_json("checks.json", checks());
    run.write_json("analysis/projections.json", projections());
    run.write_json("analysis/correlation.json",
                   {{"labels", {"activation", "head"}}, {"matrix", {{1.0, 0.75}, {0.75, 1.0}}}});
    run.write_json("analysis/audit.json", audit());
    CsvTable table({"name", "r"});
    table.add_row({std::string("head"), 0.75});
    run.write_csv("analysis/projections.csv", table);
  });
  std::ofstream(run.path() / "console.log") << "took 0.1 s\n";
  run.finish();
}

std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> result;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      result[fs::relative(entry.path(), folder).string()] = file_content(entry.path());
    }
  }
  return result;
}

std::string message_of(const std::function<void()>& action, ErrorCode code) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

TEST(RunDirectory, HoldsWhatItLists) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  write_run(run);
  const StoredRun stored = open_run(folder / "a");
  EXPECT_EQ(stored.manifest.status, RunStatus::done);
  EXPECT_FALSE(stored.being_written);
  EXPECT_THAT(stored.manifest.id, HasSubstr("tiny_L1N5_s7_"));
  EXPECT_EQ(stored.manifest.files.size(), 8U);
  for (const auto& [name, file] : stored.manifest.files) {
    EXPECT_EQ(file.sha256, sha256_file(stored.file(name))) << name;
    EXPECT_EQ(file.bytes, fs::file_size(stored.file(name))) << name;
  }
  EXPECT_THAT(stored.manifest.varying_files, ElementsAre("console.log", "timing.json"));
  ASSERT_EQ(stored.manifest.stages.size(), 2U);
  EXPECT_EQ(stored.manifest.stages[1].name, "project");
  EXPECT_EQ(stored.manifest.stages[1].status, RunStatus::done);
  EXPECT_THAT(names_in(folder / "a"),
              ElementsAre("analysis", "checks.json", "config.resolved.toml", "console.log", "data",
                          "run.json", "timing.json"));
  EXPECT_EQ(stored.read_json("analysis/audit.json")["$schema"], "urn:gnomon:schema:audit:1");
  const auto configuration = stored.read_configuration();
  ASSERT_EQ(configuration.size(), 2U);
  EXPECT_EQ(configuration[1].value, ConfigValue(std::string("~/tiny")));
}

TEST(RunDirectory, SameCommandSameBytes) {
  const TemporaryFolder folder;
  RunSettings later = run_settings();
  later.started += std::chrono::hours(24);
  later.manifest.argv.back() = "elsewhere";
  {
    auto first = RunDirectory::create(folder / "a", run_settings());
    write_run(first);
    auto second = RunDirectory::create_in(folder / "runs", later);
    write_run(second);
    EXPECT_TRUE(second.path().filename().string().starts_with("20261123T105803Z_tiny_L1N5_s7_"));
  }
  auto first = contents(folder / "a");
  auto second = contents(resolve_run("@last", folder / "runs"));
  EXPECT_NE(first["timing.json"], second["timing.json"]);
  first.erase("timing.json");
  second.erase("timing.json");
  EXPECT_EQ(first, second);
}

TEST(RunDirectory, HoldsNoHomePathAndNoTimeOutsideTiming) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  write_run(run);
  for (const auto& [name, text] : contents(folder / "a")) {
    EXPECT_EQ(text.find("/home/ana"), std::string::npos) << name;
    EXPECT_EQ(text.find(folder.path().string()), std::string::npos) << name;
    if (name != "timing.json") {
      EXPECT_EQ(text.find("2026-"), std::string::npos) << name;
    }
  }
  const Json timing = read_json_file(folder / "a/timing.json");
  EXPECT_EQ(timing["started"], "2026-11-22T10:58:03Z");
  EXPECT_EQ(timing["stages"].size(), 2U);
}

TEST(RunDirectory, SaysRunningFromTheFirstMoment) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  const StoredRun stored = open_run(folder / "a");
  EXPECT_EQ(stored.manifest.status, RunStatus::running);
  EXPECT_TRUE(stored.being_written);
  run.stage("data", [&] {
    EXPECT_EQ(open_run(folder / "a").manifest.stages.at(0).status, RunStatus::running);
  });
  EXPECT_EQ(open_run(folder / "a").manifest.stages.at(0).status, RunStatus::done);
}

TEST(RunDirectory, SecondWriterIsRefused) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  const std::string message =
      message_of([&] { RunDirectory::create(folder / "a", run_settings()); }, ErrorCode::usage);
  EXPECT_THAT(message, HasSubstr("is being written by process " + std::to_string(::getpid())));
  write_run(run);
  EXPECT_EQ(open_run(folder / "a").manifest.status, RunStatus::done);
}

TEST(RunDirectory, OneOfManyWritersWins) {
  const TemporaryFolder folder;
  std::vector<std::thread> threads;
  std::array<int, 8> made{};
  for (std::size_t i = 0; i < made.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        auto run = RunDirectory::create(folder / "a", run_settings());
        run.write_text("who.txt", std::to_string(i));
        run.finish();
        made[i] = 1;
      } catch (const ArgumentError&) {
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(made.begin(), made.end(), 1), 1);
  const auto winner = std::find(made.begin(), made.end(), 1) - made.begin();
  EXPECT_EQ(file_content(folder / "a/who.txt"), std::to_string(winner));
  EXPECT_FALSE(fs::exists(folder / "a/run.lock"));
}

// Runs `body` in a process of its own, which then dies without ending the run.
void in_killed_process(const std::function<void()>& body) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    try {
      body();
    } catch (...) {
      ::_exit(1);
    }
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST(RunDirectory, KilledRunIsDoneAgain) {
  const TemporaryFolder folder;
  in_killed_process([&] {
    // Not an object of this scope, whose end would end the run.
    auto* run = new RunDirectory(RunDirectory::create(folder / "a", run_settings()));
    run->stage("data", [&] { run->write_text("old.txt", "old"); });
    std::ofstream(run->path() / "data.bin.tmp-a1B2c3") << "half";
    std::ofstream(run->path() / "notes.txt") << "the user's";
  });
  const StoredRun killed = open_run(folder / "a");
  EXPECT_EQ(killed.manifest.status, RunStatus::running);
  EXPECT_FALSE(killed.being_written);
  EXPECT_TRUE(fs::exists(folder / "a/run.lock"));
  auto run = RunDirectory::create(folder / "a", run_settings());
  EXPECT_THAT(names_in(folder / "a"), ElementsAre("config.resolved.toml", "notes.txt", "run.json",
                                                  "run.lock", "timing.json"));
  EXPECT_THAT(run.manifest().stages, IsEmpty());
  write_run(run);
  EXPECT_EQ(open_run(folder / "a").manifest.status, RunStatus::done);
}

TEST(RunDirectory, KilledBeforeItsFirstFileIsNotInTheWay) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "a");
  std::ofstream(folder / "a/run.lock") << "1\n";
  std::ofstream(folder / "a/run.json.tmp-abcdef") << "{";
  EXPECT_NO_THROW(RunDirectory::create(folder / "a", run_settings()).finish());
}

TEST(RunDirectory, FailedStageIsStored) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  EXPECT_THROW(run.stage("data",
                         [&] {
                           run.write_text("kept.txt", "kept");
                           throw FileError(ErrorCode::not_found, "\"/home/ana/x\" does not exist",
                                           "look");
                         }),
               FileError);
  const StoredRun stored = open_run(folder / "a");
  EXPECT_EQ(stored.manifest.status, RunStatus::failed);
  EXPECT_EQ(stored.manifest.stages.at(0).status, RunStatus::failed);
  ASSERT_TRUE(stored.manifest.error);
  EXPECT_EQ(stored.manifest.error->code, "E031");
  EXPECT_EQ(stored.manifest.error->message, "\"~/x\" does not exist");
  EXPECT_EQ(file_content(stored.file("kept.txt")), "kept");
  EXPECT_FALSE(stored.being_written);
  EXPECT_THROW(run.write_text("late.txt", ""), InternalError);
  run.fail(std::runtime_error("again"));
  EXPECT_EQ(open_run(folder / "a").manifest.error->code, "E031");
}

TEST(RunDirectory, InterruptedStageIsStored) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  EXPECT_THROW(run.stage("data", [] { throw Error(ErrorCode::interrupted, "stopped on request"); }),
               Error);
  const StoredRun stored = open_run(folder / "a");
  EXPECT_EQ(stored.manifest.status, RunStatus::interrupted);
  EXPECT_EQ(stored.manifest.stages.at(0).status, RunStatus::interrupted);
  EXPECT_EQ(stored.manifest.error->code, "E070");
}

TEST(RunDirectory, RunWithoutAnEndIsFailed) {
  const TemporaryFolder folder;
  { const auto run = RunDirectory::create(folder / "a", run_settings()); }
  const StoredRun stored = open_run(folder / "a");
  EXPECT_EQ(stored.manifest.status, RunStatus::failed);
  EXPECT_TRUE(stored.manifest.error);
}

TEST(RunDirectory, UnfinishedRunOfTheSameConfigurationIsDoneAgain) {
  const TemporaryFolder folder;
  {
    auto run = RunDirectory::create(folder / "a", run_settings());
    run.write_text("analysis/old.txt", "old");
    run.finish(RunStatus::failed);
  }
  EXPECT_THAT(
      message_of([&] { RunDirectory::create(folder / "a", run_settings(8)); }, ErrorCode::usage),
      HasSubstr("of another configuration"));
  auto run = RunDirectory::create(folder / "a", run_settings());
  EXPECT_FALSE(fs::exists(folder / "a/analysis/old.txt"));
  write_run(run);
  EXPECT_EQ(open_run(folder / "a").manifest.status, RunStatus::done);
}

TEST(RunDirectory, RefusesWhatItWouldOverwrite) {
  const TemporaryFolder folder;
  RunDirectory::create(folder / "done", run_settings()).finish();
  const auto before = contents(folder / "done");
  EXPECT_THAT(
      message_of([&] { RunDirectory::create(folder / "done", run_settings()); }, ErrorCode::usage),
      HasSubstr("already holds a finished run"));
  EXPECT_EQ(contents(folder / "done"), before);

  fs::create_directory(folder / "mine");
  folder.write("mine/thesis.tex", "x");
  EXPECT_THAT(
      message_of([&] { RunDirectory::create(folder / "mine", run_settings()); }, ErrorCode::usage),
      HasSubstr("is not empty and not a run"));
  EXPECT_THAT(names_in(folder / "mine"), ElementsAre("thesis.tex"));

  folder.write("file", "x");
  EXPECT_THAT(
      message_of([&] { RunDirectory::create(folder / "file", run_settings()); }, ErrorCode::usage),
      HasSubstr("is a file"));

  fs::create_directory(folder / "bad");
  folder.write("bad/run.json", "{");
  message_of([&] { RunDirectory::create(folder / "bad", run_settings()); }, ErrorCode::bad_file);
  EXPECT_THAT(names_in(folder / "bad"), ElementsAre("run.json"));
}

TEST(RunDirectory, FoldersOfOneSecondAreNumbered) {
  const TemporaryFolder folder;
  const auto name = [&] {
    auto run = RunDirectory::create_in(folder / "runs", run_settings());
    run.finish();
    return run.path().filename().string();
  };
  const std::string first = name();
  EXPECT_EQ(name(), first + "-2");
  EXPECT_EQ(name(), first + "-3");
}

TEST(RunDirectory, KeepsPathsInside) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "outside");
  auto run = RunDirectory::create(folder / "a", run_settings());
  fs::create_directory_symlink(folder / "outside", folder / "a/link");
  for (const char* path : {"../x", "/tmp/x", "", "a/../../x", "link/x"}) {
    EXPECT_THROW(run.write_text(path, "x"), FileError) << path;
    EXPECT_THROW(run.add_varying_file(path), FileError) << path;
  }
  for (const char* path : {"run.json", "timing.json", "run.lock"}) {
    EXPECT_THROW(run.write_text(path, "x"), InternalError) << path;
  }
  EXPECT_THAT(names_in(folder / "outside"), IsEmpty());
  EXPECT_THROW(run.add_file("absent.bin"), FileError);
}

TEST(RunDirectory, RefusesNumbersThatJsonDoesNotHave) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  EXPECT_THROW(run.write_json("x.json", {{"r", std::nan("")}}), InternalError);
  EXPECT_FALSE(fs::exists(folder / "a/x.json"));
}

// A hostile run must not make the writer remove files elsewhere.
TEST(RunDirectory, DoingAgainRemovesNothingOutside) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "outside");
  folder.write("outside/precious.txt", "x");
  RunDirectory::create(folder / "a", run_settings()).finish(RunStatus::failed);
  fs::create_directory_symlink(folder / "outside", folder / "a/link");
  Json manifest = read_json_file(folder / "a/run.json");
  manifest["files"]["link/precious.txt"] = {{"sha256", std::string(64, 'a')}, {"bytes", 1}};
  folder.write("a/run.json", dump_json(manifest));
  EXPECT_THROW(RunDirectory::create(folder / "a", run_settings()), FileError);
  EXPECT_TRUE(fs::exists(folder / "outside/precious.txt"));
}

// Nothing half-written may stand in a run after a write failed.
void expect_whole(const fs::path& run) {
  const StoredRun stored = open_run(run);
  for (const auto& [name, file] : stored.manifest.files) {
    EXPECT_EQ(sha256_file(stored.file(name)), file.sha256) << name;
  }
  for (const auto& [name, text] : contents(run)) {
    EXPECT_EQ(name.find(".tmp-"), std::string::npos) << name;
    if (name.ends_with(".json")) {
      EXPECT_NO_THROW(parse_json(text, name));
    }
  }
}

void run_out_of_space(const fs::path& folder) {
  auto run = RunDirectory::create(folder, run_settings());
  EXPECT_THAT(message_of(
                  [&] {
                    run.stage("fill", [&] {
                      run.write_text("small.txt", "fits");
                      run.write_text("large.bin", std::string(1 << 20, 'x'));
                    });
                  },
                  ErrorCode::write_failed),
              HasSubstr("large.bin"));
  EXPECT_FALSE(fs::exists(folder / "large.bin"));
  expect_whole(folder);
  const StoredRun stored = open_run(folder);
  EXPECT_EQ(stored.manifest.status, RunStatus::failed);
  EXPECT_EQ(stored.manifest.error->code, "E033");
}

TEST(RunDirectory, SurvivesAFullDisk) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "disk");
  if (::mount("tmpfs", (folder / "disk").c_str(), "tmpfs", 0, "size=128k") != 0) {
    GTEST_SKIP() << "no right to mount a small file system: " << std::strerror(errno);
  }
  run_out_of_space(folder / "disk/run");
  {
    // A disk without a single free block: not even the end of the run can be written.
    auto run = RunDirectory::create(folder / "disk/full", run_settings());
    std::ofstream filler(folder / "disk/filler");
    const std::string block(4096, 'x');
    while (filler.write(block.data(), 4096).flush()) {
    }
    EXPECT_THROW(run.finish(), FileError);
  }
  EXPECT_EQ(open_run(folder / "disk/full").manifest.status, RunStatus::running);
  EXPECT_FALSE(open_run(folder / "disk/full").being_written);
  expect_whole(folder / "disk/full");
  EXPECT_THROW(RunDirectory::create(folder / "disk/new", run_settings()), FileError);
  EXPECT_FALSE(fs::exists(folder / "disk/new"));
  EXPECT_EQ(::umount((folder / "disk").c_str()), 0) << std::strerror(errno);
}

// The same without rights: a limit on the size of files.
TEST(RunDirectory, SurvivesALimitOnFileSize) {
  const TemporaryFolder folder;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1 << 16;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  run_out_of_space(folder / "run");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
}

TEST(StoredRun, NoticesChangedAndMissingFiles) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  write_run(run);
  const StoredRun stored = open_run(folder / "a");
  folder.write("a/checks.json", "[]");
  EXPECT_THAT(message_of([&] { stored.read_json("checks.json"); }, ErrorCode::bad_file),
              HasSubstr("was changed after the run"));
  message_of([&] { stored.read_json("analysis/weights.json"); }, ErrorCode::not_found);
  fs::remove(folder / "a/analysis/audit.json");
  message_of([&] { stored.read_json("analysis/audit.json"); }, ErrorCode::not_found);
}

TEST(OpenRun, RefusesWhatIsNotARun) {
  const TemporaryFolder folder;
  message_of([&] { open_run(folder / "absent"); }, ErrorCode::not_found);
  message_of([&] { open_run(folder.path()); }, ErrorCode::not_found);
  folder.write("run.json", "{\"schema\": 2}");
  message_of([&] { open_run(folder.path()); }, ErrorCode::incompatible);
  folder.write("run.json", std::string(100000, '['));
  message_of([&] { open_run(folder.path()); }, ErrorCode::bad_file);
  folder.write("run.json", std::string((1 << 20) + 1, ' '));
  message_of([&] { open_run(folder.path()); }, ErrorCode::bad_file);
}

TEST(OpenRun, SurvivesHostileManifests) {
  const TemporaryFolder folder;
  {
    auto run = RunDirectory::create(folder / "a", run_settings());
    run.set_model(test::model_record());
    run.finish();
  }
  EXPECT_GT(test::refused_changes(file_content(folder / "a/run.json"),
                                  [](std::string_view text) {
                                    manifest_from_json(parse_json(text, "run.json"), "run.json");
                                  }),
            1000);
}

class ResolveRun : public ::testing::Test {
 protected:
  std::string add(std::int64_t seed, int hours) {
    RunSettings settings = run_settings(seed);
    settings.started += std::chrono::hours(hours);
    auto run = RunDirectory::create_in(runs_, settings);
    run.finish();
    return run.path().filename().string();
  }
  std::string resolve(std::string_view run) { return resolve_run(run, runs_).filename().string(); }

  const TemporaryFolder folder_;
  const fs::path runs_ = folder_ / "runs";
};

TEST_F(ResolveRun, ByPathNamePrefixAndId) {
  const std::string first = add(1, 0);
  const std::string second = add(2, 30);
  EXPECT_EQ(resolve_run((runs_ / first).string(), folder_ / "other"), runs_ / first);
  EXPECT_EQ(resolve(first), first);
  EXPECT_EQ(resolve("20261122"), first);
  EXPECT_EQ(resolve("tiny_L1N5_s2"), second);
}

TEST_F(ResolveRun, LastIsTheOneThatStartedLast) {
  const std::string late = add(1, 5);
  add(2, 0);
  RunSettings named = run_settings(3);
  named.started -= std::chrono::hours(1);
  RunDirectory::create(runs_ / "zzz", named).finish();
  fs::create_directory(runs_ / "zzzz");
  EXPECT_EQ(resolve("@last"), late);
}

TEST_F(ResolveRun, SaysWhatIsWrong) {
  message_of([&] { resolve("@last"); }, ErrorCode::not_found);
  add(1, 0);
  add(2, 0);
  EXPECT_THAT(message_of([&] { resolve("20261122"); }, ErrorCode::usage),
              HasSubstr("is the beginning of 2 runs"));
  message_of([&] { resolve("absent"); }, ErrorCode::not_found);
  message_of([&] { resolve(""); }, ErrorCode::not_found);
  message_of([&] { resolve(std::string(100000, 'x')); }, ErrorCode::not_found);
  try {
    resolve("20261122T105803Z_tiny_L1N5_s3");
    FAIL();
  } catch (const FileError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("did you mean \"20261122T105803Z_tiny_L1N5_s"));
  }
}

TEST_F(ResolveRun, PassesOverBrokenRuns) {
  const std::string good = add(1, 0);
  fs::create_directories(runs_ / "broken");
  std::ofstream(runs_ / "broken/run.json") << "{";
  std::ofstream(runs_ / "broken/timing.json") << "[]";
  EXPECT_EQ(resolve("@last"), good);
  EXPECT_EQ(resolve("tiny"), good);
}

ProcessResult validate(const fs::path& run) {
  return run_process({"python3", GNOMON_SOURCE_DIR "/tools/validate_run.py", run.string()}, {},
                     std::chrono::seconds(60));
}

TEST(ValidateRun, AcceptsEveryEndOfARun) {
  const TemporaryFolder folder;
  {
    auto run = RunDirectory::create(folder / "done", run_settings());
    write_run(run);
    RunDirectory::create(folder / "failed", run_settings()).finish(RunStatus::failed);
    auto thrown = RunDirectory::create(folder / "thrown", run_settings());
    thrown.fail(std::runtime_error("x"));
  }
  for (const char* name : {"done", "failed", "thrown"}) {
    const ProcessResult result = validate(folder / name);
    EXPECT_EQ(result.exit_status, 0) << result.output;
  }
  const ProcessResult result = validate(folder / "done");
  if (result.output.find("jsonschema is not installed") != std::string::npos) {
    GTEST_SKIP() << result.output;
  }
}

TEST(ValidateRun, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  write_run(run);
  folder.write("a/checks.json", "[{\"value\": NaN}]");
  folder.write("a/notes.txt", "x");
  folder.write("a/x.json.tmp-abc123", "{");
  const ProcessResult result = validate(folder / "a");
  EXPECT_EQ(result.exit_status, 1);
  EXPECT_THAT(result.output, HasSubstr("checks.json: has 16 bytes, run.json says"));
  EXPECT_THAT(result.output, HasSubstr("checks.json: holds NaN"));
  EXPECT_THAT(result.output, HasSubstr("notes.txt: not listed in run.json"));
  EXPECT_THAT(result.output, HasSubstr("x.json.tmp-abc123: a half-written file"));
}

}  // namespace
}  // namespace gnomon
