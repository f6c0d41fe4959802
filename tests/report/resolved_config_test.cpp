// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/resolved_config.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/base/error.h"
#include "support/hostile_bytes.h"
#include "support/temporary_folder.h"

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
            "formats = [\"json\", \"csv\"]  # gnomon.toml\n");
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
  EXPECT_EQ(parse_message("schema = 1\nseed = \n"),
            "\"c.toml\": line 2, column 8: expected TOML 1.0");
  EXPECT_EQ(
      parse_message("schema = 1\nd = 2026-01-01\n"),
      "\"c.toml\": line 2, column 5: expected a boolean, a number, a text or a list of texts");
  EXPECT_EQ(parse_message("schema = 1\nd = [\"a\", 1]\n"),
            "\"c.toml\": line 2, column 11: expected a text in the list");
  EXPECT_EQ(parse_message("seed = 1\n"), "\"c.toml\" has no schema number");
  EXPECT_EQ(parse_message("schema = 2\n"), "\"c.toml\" has schema 2, expected at most 1");
  EXPECT_EQ(parse_message("schema = \"x\"\n"),
            "\"c.toml\": line 1, column 10: expected a schema number");
}

TEST(ResolvedConfig, SurvivesHostileText) {
  const auto read = [](const std::filesystem::path& path) {
    parse_resolved_config(test::file_content(path), "x");
  };
  const std::string text = resolved_config_toml(kEntries);
  EXPECT_GT(test::try_truncations(text, read).refused, 0);
  EXPECT_GT(test::try_changed_bytes(text, text.size(), read).refused, 0);
  EXPECT_THROW(parse_resolved_config("a = " + std::string(100000, '['), "x"), FileError);
  std::string deep = "schema = 1\na = ";
  for (int i = 0; i < 100000; ++i) deep += "{a=";
  EXPECT_THROW(parse_resolved_config(deep, "x"), FileError);
  std::string dotted = "schema = 1\n" + std::string("a");
  for (int i = 0; i < 100000; ++i) dotted += ".a";
  EXPECT_THROW(parse_resolved_config(dotted + " = 1", "x"), FileError);
}

}  // namespace
}  // namespace gnomon
