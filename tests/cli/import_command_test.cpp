// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/run_command.h"
#include "gnomon/base/json.h"
#include "gnomon/report/text_table.h"
#include "support/original_run_files.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::run_gnomon;
using ::testing::HasSubstr;

class ImportCommand : public ::testing::Test {
 protected:
  void SetUp() override { test::OriginalRunFiles().write(folder_ / "old"); }
  std::string path(std::string_view name) const { return (folder_ / name).string(); }

  test::TemporaryFolder folder_;
};

TEST_F(ImportCommand, ShowsFindings) {
  const auto result = run_gnomon({"import", path("old/")});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Run       old\n"));
  EXPECT_THAT(result.out, HasSubstr("Fatal: a conclusion does not hold"));
  EXPECT_THAT(result.out, HasSubstr("  D2   "));
  for (const std::string& line : test::lines_of(result.out))
    EXPECT_LE(display_width(line), 80) << line;
}

TEST_F(ImportCommand, WritesARunThatOtherCommandsRead) {
  const auto result = run_gnomon({"import", path("old"), "--out", path("new"), "--json"});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["kind"], "original_run");
  EXPECT_EQ(json, read_json_file(folder_ / "new" / "import.json"));

  const auto shown = run_gnomon({"runs", "show", path("new")});
  ASSERT_EQ(shown.exit_status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("blocks.1.hook_mlp_out[5]@last"));
  const auto listed = run_gnomon({"runs", "list", "--runs-dir", folder_.path().string()});
  ASSERT_EQ(listed.exit_status, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("done"));
  const auto again = run_gnomon({"import", path("old"), "--out", path("twin")});
  ASSERT_EQ(again.exit_status, 0) << again.err;
  const auto compared = run_gnomon({"compare", path("new"), path("twin")});
  ASSERT_EQ(compared.exit_status, 0) << compared.err;
  EXPECT_THAT(compared.out, HasSubstr("import.lookup_test_r2"));

  const auto refused = run_gnomon({"import", path("old"), "--out", path("new")});
  EXPECT_EQ(refused.exit_status, 2) << refused.out;
}

TEST_F(ImportCommand, RefusesWhatIsNoRun) {
  const auto absent = run_gnomon({"import", path("absent")});
  EXPECT_NE(absent.exit_status, 0);
  EXPECT_THAT(absent.err, HasSubstr("no such folder"));
  std::filesystem::create_directory(folder_ / "empty");
  const auto empty = run_gnomon({"import", path("empty")});
  EXPECT_NE(empty.exit_status, 0);
  EXPECT_THAT(empty.err, HasSubstr("no file datasets/*.csv"));
  EXPECT_EQ(run_gnomon({"import"}).exit_status, 2);
}

}  // namespace
}  // namespace gnomon
