// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_id.h"

#include <gtest/gtest.h>

#include <vector>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

using namespace std::chrono_literals;

// date -u -d 2026-11-22T10:58:03Z +%s
const WallClock kNoon{1795345083s};

// The SHA-256 of the empty text begins e3b0c: 11100 01110 11000 01100, in Crockford's alphabet s e
// r c.
constexpr const char* kHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string id(const std::vector<std::string>& words) { return run_id(words, kHash); }

TEST(RunId, JoinsWordsAndHash) { EXPECT_EQ(id({"gpt2", "L8N481", "s0"}), "gpt2_L8N481_s0_werc"); }

TEST(RunId, KeepsOnlyTheLastPartOfAPath) {
  EXPECT_EQ(id({"/home/ana/models/gpt2/"}), "gpt2_werc");
  EXPECT_EQ(id({"openai-community/gpt2"}), "gpt2_werc");
}

TEST(RunId, MakesAnyWordAPlainFileName) {
  EXPECT_EQ(id({"a b:c\n"}), "a-b-c-_werc");
  EXPECT_EQ(id({"../..", ".hidden", "--out"}), "unnamed_hidden_out_werc");
  EXPECT_EQ(id({"", "/"}), "unnamed_unnamed_werc");
  EXPECT_EQ(id({std::string(500, 'x')}).size(), 45U);
}

TEST(RunId, RefusesWhatIsNotAHash) {
  EXPECT_THROW(run_id({}, "e3b"), InternalError);
  EXPECT_THROW(run_id({}, "E3B0C442"), InternalError);
}

TEST(RunFolderName, BeginsWithTheTime) {
  EXPECT_EQ(run_folder_name(kNoon, "gpt2_werc"), "20261122T105803Z_gpt2_werc");
  EXPECT_EQ(run_folder_name(kNoon + 999ms, "gpt2_werc"), "20261122T105803Z_gpt2_werc");
}

TEST(UtcTime, IsIso8601) {
  EXPECT_EQ(utc_time(kNoon), "2026-11-22T10:58:03Z");
  EXPECT_EQ(utc_time(WallClock{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(WallClock{-1s}), "1969-12-31T23:59:59Z");
}

}  // namespace
}  // namespace gnomon
