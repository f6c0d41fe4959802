// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/resolved_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "report/hostile_text.h"

namespace gnomon {
namespace {

const std::vector<ConfigEntry> kEntries = {
    {"model.id", std::string("smollm2-135m"), "--model"},
    {"seed", std::int64_t{7}, "--seed"},
    {"analysis.confidence", 0.95, "default"},
    {"data.formats", std::vector<std::string>{"json", "csv"}, "gnomon.toml"},
    {"analysis.bootstrap", std::int64_t{2000}, "default"},
    {"offline", true, ""},
    {"analysis.level", 1.0, "default"},
    {"data.widths", std::vector<std::int64_t>{64, -3}, "--set"},
};

TEST(ResolvedConfig, WritesTablesInTheirFirstOrder) {
  EXPECT_EQ(resolved_config_toml(kEntries),
            "schema = 1\n"
            "seed = 7  # --seed\n"
            "offline = true\n"
            "\n[model]\n"
            "id = \"smollm2-135m\"  # --model\n"
            "\n[analysis]\n"
            "confidence = 0.95  # default\n"
            "bootstrap = 2000  # default\n"
            "level = 1.0  # default\n"
            "\n[data]\n"
            "formats = [\"json\", \"csv\"]  # gnomon.toml\n"
            "widths = [64, -3]  # --set\n");
}

TEST(ResolvedConfig, ReadsBackWhatItWrote) {
  const auto read = parse_resolved_config(resolved_config_toml(kEntries), "config.resolved.toml");
  ASSERT_EQ(read.size(), kEntries.size());
  for (const ConfigEntry& entry : kEntries) {
    const auto same = std::find_if(read.begin(), read.end(),
                                   [&](const ConfigEntry& r) { return r.key == entry.key; });
    ASSERT_NE(same, read.end()) << entry.key;
    EXPECT_EQ(same->value, entry.value) << entry.key;
  }
  EXPECT_EQ(resolved_config_toml(read).substr(0, 20), "schema = 1\nseed = 7\n");
}

TEST(ResolvedConfig, EscapesAnyText) {
  const std::string nasty = "a\"b\\c\n\t\x01\x7f é 日本 # x";
  const std::vector<ConfigEntry> entries = {{"odd key.t", nasty, "line\nbreak \x1b[31m"},
                                            {"t.bytes", std::string("\xff\xc3"), ""},
                                            {"t.huge", 1e300, ""},
                                            {"t.tiny", -5e-324, ""}};
  const std::string text = resolved_config_toml(entries);
  const auto read = parse_resolved_config(text, "x");
  ASSERT_EQ(read.size(), 4U);
  EXPECT_EQ(read[0].key, "odd key.t");
  EXPECT_EQ(read[0].value, ConfigValue(nasty));
  EXPECT_EQ(read[1].value, ConfigValue(std::string("\uFFFD\uFFFD")));
  EXPECT_EQ(read[2].value, ConfigValue(1e300));
  EXPECT_EQ(read[3].value, ConfigValue(-5e-324));
}

TEST(ResolvedConfig, RefusesAKeyGivenTwiceAndNumbersThatAreNotFinite) {
  EXPECT_THROW(resolved_config_toml({{"a", true, ""}, {"a", false, ""}}), InternalError);
  EXPECT_THROW(resolved_config_toml({{"schema", true, ""}}), InternalError);
  EXPECT_THROW(resolved_config_toml({{"a", std::nan(""), ""}}), InternalError);
}

std::string parse_message(std::string_view text) {
  try {
    parse_resolved_config(text, "c.toml");
  } catch (const FileError& error) {
    return error.what();
  }
  return "";
}

TEST(ResolvedConfig, NamesThePlaceOfAnError) {
  EXPECT_EQ(
      parse_message("schema = 1\nd = 2026-01-01\n"),
      "\"c.toml\": line 2, byte 5: expected a boolean, a number, a text, or a list of texts or "
      "whole numbers");
  EXPECT_EQ(parse_message("schema = 1\nd = [\"a\", 1]\n"),
            "\"c.toml\": line 2, byte 11: expected a text");
  EXPECT_EQ(parse_message("seed = 1\n"), "\"c.toml\" has no schema number");
  EXPECT_EQ(parse_message("schema = 2\n"), "\"c.toml\" has schema 2, expected at most 1");
  EXPECT_EQ(parse_message("schema = \"x\"\n"),
            "\"c.toml\": line 1, byte 13: expected a schema number before it");
  EXPECT_EQ(parse_message("schema = 1\nschema = 1\n"),
            "\"c.toml\": line 2, byte 11: expected each key once");
  EXPECT_EQ(parse_message("a = \"\xff\""), "\"c.toml\" is not UTF-8");
}

TEST(ResolvedConfig, RefusesWhatItDoesNotWrite) {
  for (const char* line : {"a",
                           "a =",
                           "a = 1 2",
                           "a = nan",
                           "a = inf",
                           "a = -inf",
                           "a = 0x1f",
                           "a = +1",
                           "a = 1_000",
                           "a = 'x'",
                           "a = \"x",
                           "a = \"\\q\"",
                           "a = \"\\u00\"",
                           "a = \"\\u00e9\"",
                           "a = \"\\",
                           "a = [",
                           "a = [\"x\"",
                           "a = [\"x\",]",
                           "a = [1,]",
                           "a = [1, \"x\"]",
                           "a = [1.5]",
                           "a = [1",
                           "= 1",
                           "[a",
                           "[]",
                           "[a.]",
                           "[[a]]",
                           "[a] b",
                           "a.b = 1",
                           "a = {}",
                           "a = TRUE",
                           "a = 99999999999999999999x",
                           "a = \"\"\"x\"\"\""}) {
    EXPECT_NE(parse_message(std::string("schema = 1\n") + line + "\n"), "") << line;
  }
}

TEST(ResolvedConfig, SurvivesHostileText) {
  const auto read = [](std::string_view text) { parse_resolved_config(text, "x"); };
  EXPECT_GT(test::refused_changes(resolved_config_toml(kEntries), read), 1000);
  EXPECT_THROW(read("a = " + std::string(100000, '[')), FileError);
}

}  // namespace
}  // namespace gnomon
