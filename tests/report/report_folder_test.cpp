// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/report_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/process.h"
#include "gnomon/report/run_list.h"
#include "report/run_settings.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using test::file_content;
using test::names_in;
using test::run_settings;
using test::TemporaryFolder;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

// A run with one stage that is kept while `input` is the same. Whether the stage was done.
bool write_run(const fs::path& folder, const std::string& input = "texts") {
  auto run = RunDirectory::open_or_create(folder, run_settings());
  run.add_varying_file("console.log");
  write_file_atomic(folder / "console.log", "done");
  const bool done = run.stage_if_stale({"data", sha256_hex(input), {}},
                                       [&] { run.write_text("data/texts.txt", input); });
  run.finish();
  return done;
}

const std::vector<ReportFile> kFigures = {{"figures/a.svg", "<svg/>"}, {"figures/b.svg", "<svg/>"}};

std::string validation(const fs::path& run) {
  const ProcessResult result =
      run_process({"python3", GNOMON_SOURCE_DIR "/tools/validate_run.py", run.string()}, {},
                  std::chrono::seconds(60));
  return result.exit_status == 0 ? "" : result.output;
}

TEST(ReportFolder, ListsWhatItWritesAndNothingElseChanges) {
  const TemporaryFolder folder;
  const fs::path run = folder / "a";
  write_run(run);
  const RunManifest before = open_run(run).manifest;
  const std::string timing = file_content(run / "timing.json");
  {
    ReportFolder report(run);
    report.replace("report.html", std::vector<ReportFile>{{"report.html", "page"}});
    report.replace("figures/", kFigures);
    report.replace("log", std::vector<ReportFile>{{"log.txt", "today", true}});
  }
  RunManifest after = open_run(run).manifest;
  EXPECT_EQ(after.files.at("report/report.html").sha256, sha256_hex("page"));
  EXPECT_EQ(after.files.at("report/report.html").bytes, 4U);
  EXPECT_EQ(file_content(run / "report/figures/b.svg"), "<svg/>");
  EXPECT_THAT(after.varying_files, Contains("report/log.txt"));
  EXPECT_EQ(validation(run), "");
  for (const char* name : {"report.html", "figures/a.svg", "figures/b.svg"})
    after.files.erase(std::string(kReportFolder) + name);
  after.varying_files.erase("report/log.txt");
  EXPECT_EQ(dump_json(to_json(after)), dump_json(to_json(before)));
  EXPECT_EQ(file_content(run / "timing.json"), timing);
}

TEST(ReportFolder, ReplacesWhatAnEarlierReportLeft) {
  const TemporaryFolder folder;
  const fs::path run = folder / "a";
  write_run(run);
  ReportFolder(run).replace("figures/", kFigures);
  folder.write("a/report/figures/mine.txt", "a note");
  {
    ReportFolder report(run);
    report.replace("report.html", std::vector<ReportFile>{{"report.html", "page"}});
    report.replace("figures/", std::vector<ReportFile>{{"figures/b.svg", "other"}});
  }
  EXPECT_THAT(names_in(run / "report/figures"), testing::UnorderedElementsAre("b.svg", "mine.txt"));
  EXPECT_EQ(file_content(run / "report/figures/b.svg"), "other");
  EXPECT_THAT(open_run(run).manifest.files, Not(Contains(Key("report/figures/a.svg"))));
  EXPECT_THAT(open_run(run).manifest.files, Contains(Key("report/report.html")));
}

TEST(ReportFolder, StaysWhileTheResultsAreKeptAndGoesWithThem) {
  const TemporaryFolder folder;
  const fs::path run = folder / "a";
  write_run(run);
  ReportFolder(run).replace("figures/", kFigures);
  EXPECT_FALSE(write_run(run));
  EXPECT_EQ(validation(run), "");
  EXPECT_THAT(open_run(run).manifest.files, Contains(Key("report/figures/a.svg")));
  EXPECT_TRUE(write_run(run, "other texts"));
  EXPECT_EQ(validation(run), "");
  EXPECT_THAT(open_run(run).manifest.files, Not(Contains(Key("report/figures/a.svg"))));
  EXPECT_THAT(names_in(run / "report/figures"), IsEmpty());
}

TEST(ReportFolder, IsRemovedWithTheRun) {
  const TemporaryFolder folder;
  write_run(folder / "a");
  ReportFolder(folder / "a").replace("figures/", kFigures);
  EXPECT_THAT(remove_run(open_run(folder / "a")).kept, IsEmpty());
  EXPECT_FALSE(fs::exists(folder / "a"));
}

TEST(ReportFolder, OneWriterAtATime) {
  const TemporaryFolder folder;
  write_run(folder / "a");
  const ReportFolder first(folder / "a");
  try {
    const ReportFolder second(folder / "a");
    ADD_FAILURE() << "two writers";
  } catch (const ArgumentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("is being written by"));
  }
}

TEST(ReportFolder, RefusesWhatIsNoRunAndWhatLeadsOutside) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "empty");
  EXPECT_THROW(ReportFolder{folder / "empty"}, FileError);
  EXPECT_THAT(names_in(folder / "empty"), IsEmpty());
  write_run(folder / "a");
  const std::string before = file_content(folder / "a/run.json");
  ReportFolder report(folder / "a");
  EXPECT_THROW(report.replace("../", std::vector<ReportFile>{{"../../x", ""}}), FileError);
  EXPECT_THROW(report.replace("figures/", std::vector<ReportFile>{{"x", ""}}), InternalError);
  EXPECT_EQ(file_content(folder / "a/run.json"), before);
  EXPECT_FALSE(fs::exists(folder / "x"));
}

}  // namespace
}  // namespace gnomon
