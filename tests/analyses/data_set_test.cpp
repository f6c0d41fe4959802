// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/data_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "support/tiny_model.h"

namespace gnomon::test {
namespace {

TextRecord record(const std::string& text, std::int64_t line) {
  return {text, "file.txt:" + std::to_string(line), line, ""};
}

std::vector<Target> targets_of(const Model& model, const std::vector<std::string>& names) {
  std::vector<Target> targets;
  for (const std::string& name : names)
    targets.push_back(make_target(parse_site(name, model.config()), model.config()));
  return targets;
}

constexpr const char* kTarget = "blocks.1.mlp.hook_post[5]@last";

DataSet build(const std::vector<TextRecord>& records, const DataSetOptions& options = {},
              const std::vector<std::string>& targets = {kTarget}) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  return build_data_set(model, targets_of(model, targets), records, options);
}

ErrorCode code_of(const std::vector<TextRecord>& records, const DataSetOptions& options = {},
                  const std::vector<std::string>& targets = {kTarget}) {
  try {
    build(records, options, targets);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::internal;
}

const LeakageRow& row_of(const LeakageTable& table, std::string_view name) {
  return *std::ranges::find(table.rows, name, &LeakageRow::name);
}

TEST(PrepareTextsTest, DropsCopiesAndCountsThem) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  PrepareOptions options;
  options.deduplicate = true;
  const std::string too_long(49, 'x');
  const StudyTexts texts =
      tokenize_texts(model,
                     {record("one", 1), record(" one\n", 2), record(too_long, 3),
                      record(too_long, 4), record(" \t", 5), record("One", 6), record("one", 7)},
                     options);
  ASSERT_EQ(texts.n_text(), 2);
  EXPECT_EQ(texts.records[0].text, "one");
  EXPECT_EQ(texts.n_copies, (std::vector<Index>{3, 1}));
  ASSERT_EQ(texts.excluded.size(), 3U);
  EXPECT_EQ(texts.excluded[0].source, "file.txt:3");
  EXPECT_EQ(texts.excluded[2].why, "the text is blank");
}

TEST(PrepareTextsTest, TextsWithoutThePositionAreNamed) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  PrepareOptions options;
  options.position = parse_site("blocks.0.hook_resid_pre[0]@-3", model.config()).position;
  const StudyTexts texts = tokenize_texts(
      model, {record("xyzq", 1), record("xy", 2), record("xyz", 3), record("zyxq", 4)}, options);
  EXPECT_EQ(texts.n_text(), 3);
  ASSERT_EQ(texts.excluded.size(), 1U);
  EXPECT_EQ(texts.excluded[0].why, "2 tokens, @-3 does not exist");
}

TEST(DataSetTest, RowsHaveTheActivationsOfEveryTarget) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  for (const char* position : {"@last", "@all", "@2"}) {
    const std::vector<std::string> names = {std::string("blocks.1.mlp.hook_post[5]") + position,
                                            std::string("blocks.0.hook_resid_mid[3]") + position};
    const std::vector<Target> targets = targets_of(model, names);
    DataSetOptions options;
    options.precision = Precision::float64;
    const DataSet data = build(short_texts(60, 3), options, names);
    ASSERT_EQ(data.n_target(), 2);
    EXPECT_EQ(data.target_name(1), names[1]);
    const std::vector<SiteAt> sites = {targets[0].at, targets[1].at};
    const auto read = capture<double>(model, data.texts.ids, sites, {}, {}).activations;
    EXPECT_EQ(data.text, read[0].text);
    EXPECT_EQ(data.position, read[0].position);
    for (Index k = 0; k < 2; ++k) {
      const auto values = read[static_cast<std::size_t>(k)].values.values();
      EXPECT_EQ(data.activation_of(k), std::vector<double>(values.begin(), values.end()));
    }
  }
}

TEST(DataSetTest, CountsAddUp) {
  std::vector<TextRecord> records = short_texts(50, 1);
  for (std::size_t i = 0; i < 20; ++i) records.push_back(records[i]);
  records.push_back(record("", 71));
  const DataSet data = build(records);
  EXPECT_EQ(data.counts.n_read, 71);
  EXPECT_EQ(data.counts.n_duplicates, 20);
  EXPECT_EQ(data.counts.n_excluded, 1);
  EXPECT_EQ(data.texts.n_text(), 50);
  EXPECT_EQ(data.counts.n_measured, data.n_row());
  EXPECT_EQ(std::accumulate(data.texts.n_copies.begin(), data.texts.n_copies.end(), Index{0}), 70);
}

// The original study drew 500 rows from 85 to 245 distinct texts and split rows: 65 to 100 % of the
// test rows stood in train, where a table of texts scores R² = 1.
TEST(DataSetTest, CopiesDoNotLeak) {
  const std::vector<TextRecord> distinct = short_texts(85, 2);
  Random random(2, "rows of the original study");
  std::vector<TextRecord> rows;
  for (int i = 0; i < 500; ++i) rows.push_back(distinct[random.below(distinct.size())]);
  // Another wording of each: the same text to a reader, another row to a split of rows.
  for (int i = 0; i < 100; ++i) {
    TextRecord wording = distinct[random.below(distinct.size())];
    wording.text += ".";
    rows.push_back(wording);
  }
  const DataSet data = build(rows);
  const DataSetLeakage leakage = measure_leakage(data);
  EXPECT_EQ(leakage.n_val_in_train, 0);
  EXPECT_EQ(leakage.n_test_in_train, 0);
  const LeakageRow& lookup = row_of(leakage.targets[0], "lookup");
  EXPECT_FALSE(lookup.test.r);
  EXPECT_LE(*lookup.test.r2_identity, 0);

  EXPECT_EQ(leakage.row_split.n_test, 90);
  EXPECT_GE(leakage.row_split.n_in_train, 0.9 * 90);
  // A wording's activation is averaged with its variant's, which is why it is not quite 1.
  EXPECT_GT(*leakage.row_split.lookup_r2, 0.5);

  std::map<std::string, Part> part_of_text;
  for (std::size_t t = 0; t < data.texts.records.size(); ++t) {
    const auto [found, is_new] =
        part_of_text.try_emplace(normalised_text(data.texts.records[t].text), data.texts.part[t]);
    EXPECT_TRUE(is_new || found->second == data.texts.part[t]);
  }
}

TEST(DataSetTest, CopiesAloneAreLookedUpPerfectly) {
  const std::vector<TextRecord> distinct = short_texts(40, 2);
  std::vector<TextRecord> rows;
  for (int copy = 0; copy < 10; ++copy) rows.insert(rows.end(), distinct.begin(), distinct.end());
  const RowSplitLeakage split = measure_leakage(build(rows)).row_split;
  EXPECT_EQ(split.n_test, 60);
  EXPECT_EQ(split.n_in_train, 60);
  EXPECT_NEAR(*split.lookup_r2, 1, 1e-12);
}

TEST(DataSetTest, NearDuplicatesStayTogether) {
  std::vector<TextRecord> records = short_texts(40, 4);
  std::vector<std::string> changed;
  for (std::size_t i = 0; i < 40; ++i) {
    TextRecord other = records[i];
    other.text.back() = other.text.back() == 'q' ? 'z' : 'q';
    records.push_back(other);
  }
  DataSetOptions options;
  options.near->threshold = 0.7;
  const DataSet data = build(records, options);
  std::map<std::string, std::size_t> text_of;
  for (std::size_t t = 0; t < data.texts.records.size(); ++t)
    text_of[data.texts.records[t].text] = t;
  int n_near = 0;
  for (std::size_t i = 0; i < 40; ++i) {
    if (shingle_similarity(normalised_text(records[i].text), normalised_text(records[i + 40].text),
                           *options.near) < 0.7) {
      continue;
    }
    ++n_near;
    EXPECT_EQ(data.texts.part[text_of.at(records[i].text)],
              data.texts.part[text_of.at(records[i + 40].text)]);
  }
  EXPECT_GT(n_near, 20);
  options.near.reset();
  EXPECT_GT(build(records, options).texts.groups.n_groups, data.texts.groups.n_groups);
}

TEST(DataSetTest, BalancingDropsRowsAndSplitsTheRest) {
  DataSetOptions options;
  options.seed = 3;
  options.balance = {8, 60};
  const std::vector<TextRecord> records = short_texts(300, 5);
  for (const char* target : {kTarget, "blocks.1.mlp.hook_post[5]@all"}) {
    const DataSet data = build(records, options, {target});
    ASSERT_TRUE(data.balance);
    EXPECT_LT(data.n_row(), data.counts.n_measured);
    EXPECT_GE(data.n_row(), 60);
    EXPECT_EQ(data.n_row(), std::ssize(data.balance->kept));
    Index after = 0;
    const std::vector<double> values = data.activation_of(0);
    for (std::size_t b = 0; b < data.balance->bins.size(); ++b) {
      const BalanceBin& bin = data.balance->bins[b];
      const bool last = b + 1 == data.balance->bins.size();
      EXPECT_EQ(bin.n_after, std::ranges::count_if(values, [&](double v) {
                  return v >= bin.low && (last ? v <= bin.high : v < bin.high);
                }));
      after += bin.n_after;
    }
    EXPECT_EQ(after, data.n_row());
    // Every text has a row, and rows still belong to the text whose activation they have.
    const std::set<Index> used(data.text.begin(), data.text.end());
    EXPECT_EQ(std::ssize(used), data.texts.n_text());
    EXPECT_EQ(data.counts.n_unused + data.texts.n_text(), 300);
    DataSetOptions all = options;
    all.balance.reset();
    const DataSet whole = build(records, all, {target});
    for (Index r = 0; r < data.n_row(); ++r) {
      const Index before = data.balance->kept[static_cast<std::size_t>(r)];
      const auto b = static_cast<std::size_t>(before);
      const auto a = static_cast<std::size_t>(r);
      EXPECT_EQ(values[a], whole.activation_of(0)[b]);
      EXPECT_EQ(data.position[a], whole.position[b]);
      EXPECT_EQ(data.texts.records[static_cast<std::size_t>(data.text[a])].text,
                whole.texts.records[static_cast<std::size_t>(whole.text[b])].text);
    }
    for (const Part part : kAllParts) EXPECT_FALSE(data.rows_of(part).empty());
  }
}

TEST(DataSetTest, TheSeedDecidesTheSplit) {
  DataSetOptions options;
  options.seed = 4;
  const std::vector<TextRecord> records = short_texts(60, 6);
  EXPECT_EQ(build(records, options).texts.part, build(records, options).texts.part);
  DataSetOptions other = options;
  other.seed = 5;
  EXPECT_NE(build(records, options).texts.part, build(records, other).texts.part);
  other.fractions = {0.2, 0.4, 0.4};
  EXPECT_EQ(build(records, other).rows_of(Part::test).size(), 24U);
}

TEST(DataSetTest, TheLeakageTableIsThatOfTheBaselines) {
  const DataSet data = build(short_texts(80, 7), {}, {"blocks.1.mlp.hook_post[5]@all"});
  const DataSetLeakage leakage = measure_leakage(data);
  std::vector<std::string> names;
  for (const LeakageRow& row : leakage.targets[0].rows) names.push_back(row.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"lookup", "unigram", "last_token", "position", "length"}));
  const StudyData rows = data.study_rows(0);
  const std::vector<Index> training = rows.rows_of(Part::train);
  for (const auto& [part, is_test] : {std::pair(Part::val, false), std::pair(Part::test, true)}) {
    const auto score_of = [&](std::string_view name) -> const BaselineResult& {
      const LeakageRow& row = row_of(leakage.targets[0], name);
      return is_test ? row.test : row.val;
    };
    for (const BaselineResult& expected : simple_baselines(rows, training, rows.rows_of(part))) {
      if (expected.name == "mean" || expected.name == "lookup") continue;
      EXPECT_EQ(score_of(expected.name).r, expected.r);
      EXPECT_EQ(score_of(expected.name).r2_identity, expected.r2_identity);
    }
    const BaselineResult unigram =
        unigram_baseline(rows, data.texts.ids, training, rows.rows_of(part), data.seed);
    EXPECT_EQ(score_of("unigram").r, unigram.r);
  }
}

TEST(DataSetTest, Refuses) {
  const std::vector<TextRecord> records = short_texts(30, 8);
  EXPECT_EQ(code_of(records, {}, {}), ErrorCode::usage);
  EXPECT_EQ(code_of(records, {}, {kTarget, kTarget}), ErrorCode::usage);
  EXPECT_EQ(code_of(records, {}, {kTarget, "blocks.1.mlp.hook_post[6]@all"}), ErrorCode::usage);
  EXPECT_EQ(code_of({record("one", 1), record("two", 2)}), ErrorCode::bad_data);
  DataSetOptions balanced;
  balanced.balance = {10, 31};
  EXPECT_EQ(code_of(records, balanced), ErrorCode::bad_data);
}

TEST(DataSetTest, ATargetThatNeverVariesIsNamed) {
  // Texts that end alike: at block 0's input, the last token and its position decide everything.
  std::vector<TextRecord> records;
  for (const char* text : {"abcx", "bcdx", "cdex", "dbcx", "qrsx"})
    records.push_back(record(text, 1));
  try {
    build(records, {}, {"blocks.0.hook_resid_pre[3]@last"});
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_data);
    const std::string message = error.what();
    EXPECT_NE(message.find("the activation of \"blocks.0.hook_resid_pre[3]@last\" is"),
              std::string::npos)
        << message;
    EXPECT_NE(message.find("in all 5 rows, expected one that varies"), std::string::npos);
  }
}

}  // namespace
}  // namespace gnomon::test
