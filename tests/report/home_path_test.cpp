// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/home_path.h"

#include <gtest/gtest.h>

namespace gnomon {
namespace {

TEST(WithoutHomePath, ReplacesTheHomeAtPathBoundaries) {
  EXPECT_EQ(without_home_path("/home/ana/texts.txt", "/home/ana"), "~/texts.txt");
  EXPECT_EQ(without_home_path("/home/ana", "/home/ana/"), "~");
  EXPECT_EQ(without_home_path("--model=/home/ana/m", "/home/ana"), "--model=~/m");
  EXPECT_EQ(without_home_path("\"/home/ana/a\" and \"/home/ana/b\"", "/home/ana"),
            "\"~/a\" and \"~/b\"");
}

TEST(WithoutHomePath, LeavesOtherPaths) {
  EXPECT_EQ(without_home_path("/home/anabel/x", "/home/ana"), "/home/anabel/x");
  EXPECT_EQ(without_home_path("/mnt/home/ana/x", "/home/ana"), "/mnt/home/ana/x");
  EXPECT_EQ(without_home_path("/home/ana.old/x", "/home/ana"), "/home/ana.old/x");
  EXPECT_EQ(without_home_path("/tmp/x", ""), "/tmp/x");
  EXPECT_EQ(without_home_path("/tmp/x", "/"), "/tmp/x");
  EXPECT_EQ(without_home_path("", "/home/ana"), "");
}

TEST(WithHomePath, UndoesIt) {
  EXPECT_EQ(with_home_path("~/texts.txt", "/home/ana"), "/home/ana/texts.txt");
  EXPECT_EQ(with_home_path("~", "/home/ana"), "/home/ana");
  EXPECT_EQ(with_home_path("~ana/x", "/home/bo"), "~ana/x");
  EXPECT_EQ(with_home_path("texts~/x", "/home/bo"), "texts~/x");
}

TEST(RecordedArgv, SaysWhatWasDoneAndNotWhere) {
  const std::vector<std::string> argv = {"/home/ana/gnomon/build/gnomon",
                                         "projections",
                                         "--texts",
                                         "/home/ana/a.txt",
                                         "--out",
                                         "/home/ana/run",
                                         "-C/home/ana/c"};
  const std::vector<std::string> expected = {"gnomon", "projections", "--texts", "~/a.txt",
                                             "--out",  "RUN",         "-C~/c"};
  EXPECT_EQ(recorded_argv(argv, "/home/ana"), expected);
  const std::vector<std::string> joined = {"gnomon", "--out=runs/a"};
  EXPECT_EQ(recorded_argv(joined, ""), (std::vector<std::string>{"gnomon", "--out=RUN"}));
}

}  // namespace
}  // namespace gnomon
