// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/text/corpus.h"

namespace gnomon {
namespace {

TextRecord text(std::string t, std::string template_id = {}, std::string group = {}) {
  return {.text = std::move(t),
          .source = {},
          .template_id = std::move(template_id),
          .group = std::move(group)};
}

using Ids = std::vector<std::int64_t>;

TEST(NormalisedText, StatedSteps) {
  EXPECT_EQ(normalised_text("Hello,   World!"), "hello, world");
  EXPECT_EQ(normalised_text("\t hello,\n\n world \r\n"), "hello, world");
  EXPECT_EQ(normalised_text("hello,\u00a0\u2003world"), "hello, world");
  EXPECT_EQ(normalised_text("\u201cHello\u201d, she said\u2026"), "hello\", she said");
  EXPECT_EQ(normalised_text("Don\u2019t"), "don't");
  EXPECT_EQ(normalised_text("\u00bfQu\u00e9?"), "qu\u00e9");
  EXPECT_EQ(normalised_text("(a) [b]"), "a) [b");
  EXPECT_EQ(normalised_text("C++ costs $5"), "c++ costs $5");
  EXPECT_EQ(normalised_text("-5%"), "5");
}

TEST(NormalisedText, WhatItDoesNotFold) {
  EXPECT_EQ(normalised_text("\u00c9TAT"), "\u00c9tat");
  EXPECT_NE(normalised_text("e\u0301"), normalised_text("\u00e9"));
  EXPECT_EQ(normalised_text("a\xFF\xFE."), "a\xFF\xFE");
}

TEST(NormalisedText, PunctuationAloneStays) {
  EXPECT_EQ(normalised_text("..."), "...");
  EXPECT_EQ(normalised_text(" * * * "), "* * *");
  EXPECT_EQ(normalised_text(""), "");
  EXPECT_EQ(normalised_text(" \n"), "");
}

TEST(NormalisedText, SecondTimeChangesNothing) {
  const std::string pieces[] = {"A",      "b",      " ",      "\t",   ".", "\"",
                                "\u201c", "\u00a0", "\u00e9", "\xFF", "$", "\u3002"};
  Random random(3, "normalise");
  for (int i = 0; i < 2000; ++i) {
    std::string t;
    for (std::uint64_t j = random.below(8); j > 0; --j)
      t += pieces[random.below(std::size(pieces))];
    const std::string once = normalised_text(t);
    EXPECT_EQ(normalised_text(once), once) << testing::PrintToString(t);
  }
}

TEST(GroupTexts, NothingInNothingOut) {
  const TextGroups groups = group_texts({});
  EXPECT_EQ(groups.n_groups, 0);
  EXPECT_EQ(groups.largest_group, 0);
  EXPECT_TRUE(groups.group_of_row.empty());
}

TEST(GroupTexts, CountsByRule) {
  const std::vector<TextRecord> records = {
      text("One."), text("Two.", "t"),          text("One."),
      text("one"),  text("Three.", "t", "doc"), text("Four.", "", "doc"),
      text("Five.")};
  const TextGroups groups = group_texts(records);
  EXPECT_EQ(groups.group_of_row, (Ids{0, 1, 0, 0, 1, 1, 2}));
  EXPECT_EQ(groups.n_groups, 3);
  EXPECT_EQ(groups.largest_group, 3);
  ASSERT_EQ(groups.rules.size(), 4U);
  const GroupRuleCount expected[] = {{GroupRule::exact_text, 2, 1},
                                     {GroupRule::normalised_text, 3, 1},
                                     {GroupRule::template_id, 2, 1},
                                     {GroupRule::declared_group, 2, 1}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(groups.rules[i].rule, expected[i].rule);
    EXPECT_EQ(groups.rules[i].n_rows, expected[i].n_rows) << group_rule_name(expected[i].rule);
    EXPECT_EQ(groups.rules[i].n_joins, expected[i].n_joins) << group_rule_name(expected[i].rule);
  }
}

// b is a's twin and of c's template; d shares c's document.
TEST(GroupTexts, TransitiveClosure) {
  const std::vector<TextRecord> records = {text("same"), text("other"), text("Same!", "t"),
                                           text("third", "t", "d"), text("fourth", "", "d")};
  EXPECT_EQ(group_texts(records).group_of_row, (Ids{0, 1, 0, 0, 0}));
}

TEST(GroupTexts, OnlyTheRulesAskedFor) {
  const std::vector<TextRecord> records = {text("a", "t"), text("b", "t"), text("A", "t")};
  const std::vector<GroupRule> by_text = {GroupRule::exact_text, GroupRule::normalised_text};
  const TextGroups groups = group_texts(records, by_text);
  EXPECT_EQ(groups.group_of_row, (Ids{0, 1, 0}));
  EXPECT_EQ(groups.rules.size(), 2U);
  EXPECT_EQ(group_texts(records).largest_group, 3);
}

TEST(GroupTexts, EmptyTextsAreTheSameText) {
  EXPECT_EQ(
      group_texts(std::vector<TextRecord>{text(""), text("x"), text(""), text(" ")}).group_of_row,
      (Ids{0, 1, 0, 0}));
}

// Against the definition: two rows are together if a chain of shared keys links them.
TEST(GroupTexts, EqualsTheClosureByDefinition) {
  Random random(11, "groups");
  for (int round = 0; round < 50; ++round) {
    std::vector<TextRecord> records;
    const auto pick = [&](std::uint64_t n) {
      const std::uint64_t i = random.below(n);
      return i < 12 ? std::string(1, static_cast<char>('a' + i)) : std::string();
    };
    for (int i = 0; i < 30; ++i) {
      std::string t = pick(40);
      t += std::to_string(random.below(60));
      records.push_back(text(random.below(2) == 0 ? t : t + "!", pick(60), pick(60)));
    }
    const std::size_t n = records.size();
    std::vector<std::vector<bool>> linked(n, std::vector<bool>(n));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        const TextRecord& a = records[i];
        const TextRecord& b = records[j];
        linked[i][j] = i == j || normalised_text(a.text) == normalised_text(b.text) ||
                       (!a.template_id.empty() && a.template_id == b.template_id) ||
                       (!a.group.empty() && a.group == b.group);
      }
    }
    for (std::size_t k = 0; k < n; ++k) {
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          if (linked[i][k] && linked[k][j]) linked[i][j] = true;
        }
      }
    }
    const TextGroups groups = group_texts(records);
    std::int64_t n_seen = 0;
    std::map<std::int64_t, std::int64_t> rows_of;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        EXPECT_EQ(groups.group_of_row[i] == groups.group_of_row[j], linked[i][j]);
      }
      ASSERT_LE(groups.group_of_row[i], n_seen) << "ids are dense and in order of first appearance";
      n_seen = std::max(n_seen, groups.group_of_row[i] + 1);
      ++rows_of[groups.group_of_row[i]];
    }
    EXPECT_EQ(groups.n_groups, n_seen);
    std::int64_t largest = 0;
    for (const auto& [id, rows] : rows_of) largest = std::max(largest, rows);
    EXPECT_EQ(groups.largest_group, largest);
    std::int64_t n_joins = 0;
    for (const GroupRuleCount& rule : groups.rules) n_joins += rule.n_joins;
    EXPECT_EQ(n_joins, std::ssize(records) - groups.n_groups);
  }
}

// reference: the 500 rows of the original study's data sets hold 85 and 245 distinct texts.
TEST(GroupTexts, RowsOfTheOriginalStudy) {
  const std::filesystem::path folder =
      std::filesystem::path(GNOMON_SOURCE_DIR) / "../shared/data/original-runs";
  if (!std::filesystem::exists(folder))
    GTEST_SKIP() << folder << " is not present beside the repository";
  std::multiset<std::int64_t> n_groups;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".csv" || entry.path().parent_path().filename() != "datasets")
      continue;
    const Corpus corpus = read_corpus(entry.path());
    EXPECT_EQ(corpus.report.n_texts, 500);
    n_groups.insert(group_texts(corpus.records).n_groups);
  }
  EXPECT_EQ(n_groups, (std::multiset<std::int64_t>{85, 245}));
}

TEST(GroupTexts, News) {
  const std::filesystem::path path =
      std::filesystem::path(GNOMON_SOURCE_DIR) / "../shared/data/newslines.txt";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << path << " is not present beside the repository";
  const Corpus corpus = read_corpus(path);
  const TextGroups groups = group_texts(corpus.records);
  EXPECT_EQ(groups.rules[0].n_joins, corpus.report.n_texts - corpus.report.n_distinct);
  EXPECT_LE(groups.n_groups, corpus.report.n_distinct);
}

}  // namespace
}  // namespace gnomon
