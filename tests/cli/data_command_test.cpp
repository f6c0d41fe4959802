// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/run_command.h"
#include "gnomon/base/json.h"
#include "gnomon/report/data_set_files.h"
#include "gnomon/report/text_table.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace gnomon {
namespace {

using test::run_gnomon;

constexpr const char* kTarget = "blocks.1.mlp.hook_post[5]@last";

class DataCommand : public ::testing::Test {
 protected:
  DataCommand() {
    test::TinyModelOptions options;
    options.dtype = Dtype::f32;
    test::write_tiny_model(folder_ / "model", options);
    std::string lines;
    for (const TextRecord& record : test::short_texts(120, 1)) lines += record.text + "\n";
    lines += lines.substr(0, lines.find('\n') + 1);
    folder_.write("lines.txt", lines);
  }

  test::CommandResult run(std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"data", "--model", (folder_ / "model").string(), "--target",
                                    kTarget};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_gnomon(all);
  }
  std::string file(std::string_view name) const { return (folder_ / name).string(); }

  test::TemporaryFolder folder_;
};

TEST_F(DataCommand, WritesADataSetAndSaysWhatItHolds) {
  const auto result = run({"--texts", file("lines.txt"), "--out", file("set")});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  EXPECT_NE(result.out.find("121 read, 1 duplicates dropped, 0 left out, 120 kept"),
            std::string::npos)
      << result.out;
  for (const char* word : {"lookup", "unigram", "last_token", "position", "length", kTarget})
    EXPECT_NE(result.out.find(word), std::string::npos) << word;
  for (const std::string& line : test::lines_of(result.out)) {
    if (line.starts_with("Data set: ")) continue;  // a path is as long as it is
    EXPECT_LE(display_width(line), 80) << line;
  }
  const DataSet data = read_data_set(folder_ / "set");
  EXPECT_EQ(data.n_row(), 120);
  EXPECT_EQ(data.sources[0].name, "lines.txt");

  const auto again = run({"--texts", file("lines.txt"), "--out", file("set")});
  EXPECT_EQ(again.exit_status, 0) << again.err;
  EXPECT_NE(again.out.find("(was there already)"), std::string::npos);
  const auto other = run({"--texts", file("lines.txt"), "--out", file("set"), "--seed", "1"});
  EXPECT_EQ(other.exit_status, 2);
  EXPECT_NE(other.err.find("holds another data set"), std::string::npos) << other.err;
  EXPECT_EQ(read_data_set(folder_ / "set").seed, 0U);
}

TEST_F(DataCommand, PrintsJson) {
  const auto result =
      run({"--texts", file("lines.txt"), "--texts", "builtin:scenes:40", "--out", file("set"),
           "--json", "--target", "blocks.0.hook_resid_mid[3]", "--split", "0.5,0.25,0.25",
           "--near-duplicates", "0", "--balance", "4", "--balance-rows", "50"});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["path"], file("set"));
  EXPECT_EQ(json["targets"].size(), 2U);
  EXPECT_EQ(json["sources"].size(), 2U);
  EXPECT_EQ(json["sources"][1]["n_records"], 40);
  EXPECT_TRUE(json["groups"]["near_duplicates"].is_null());
  EXPECT_EQ(json["balance"]["bins"].size(), 4U);
  EXPECT_EQ(json["leakage"]["n_test_in_train"], 0);
  EXPECT_EQ(json["split"]["fractions"], Json({0.5, 0.25, 0.25}));
  // Texts of the generator that are longer than the tiny context of 48 are named.
  EXPECT_EQ(json["excluded"].size(), json["counts"]["n_excluded"]);
  const Json stored = read_json_file(folder_ / "set" / "dataset.json");
  EXPECT_EQ(stored["sha256"], json["sha256"]);
  EXPECT_EQ(stored["leakage"], json["leakage"]);
}

TEST_F(DataCommand, ReadsTheSentencesOfABook) {
  std::string book = "CHAPTER I\n\n";
  int n = 0;
  for (const TextRecord& record : test::short_texts(60, 2)) {
    if (n++ == 20 || n == 40 || n == 50) book += "\n\nCHAPTER II\n\n";
    book += "A " + record.text + ".\n";
  }
  folder_.write("book.txt", book);
  const auto result = run({"--texts", file("book.txt"), "--sentences", "--out", file("set")});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  EXPECT_NE(result.err.find("book.txt, 60 sentences"), std::string::npos) << result.err;
  const DataSet data = read_data_set(folder_ / "set");
  EXPECT_EQ(data.texts.records[0].source, "book.txt:3");
  const auto grouped = run({"--texts", file("book.txt"), "--sentences", "--sentence-groups",
                            "chapter", "--out", file("grouped")});
  ASSERT_EQ(grouped.exit_status, 0) << grouped.err;
  EXPECT_EQ(read_data_set(folder_ / "grouped").texts.groups.n_groups, 4);
  const auto one_book = run({"--texts", file("book.txt"), "--sentences", "--sentence-groups",
                             "book", "--out", file("one")});
  EXPECT_EQ(one_book.exit_status, 2);
  EXPECT_NE(one_book.err.find("found 1 groups"), std::string::npos) << one_book.err;
}

TEST_F(DataCommand, RefusesWhatItCannotDo) {
  folder_.write("t.csv", "text\none\n");
  const auto message_of = [&](const std::vector<std::string>& arguments) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--out", file("set")});
    const auto result = run(all);
    EXPECT_EQ(result.exit_status, 2) << result.out;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "set"));
    return result.err;
  };
  const std::string lines = file("lines.txt");
  const auto expect = [&](const std::vector<std::string>& arguments, const std::string& part) {
    const std::string message = message_of(arguments);
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect({"--texts", lines, "--split", "0.7,0.3"}, "--split: found 2 numbers, expected 3");
  expect({"--texts", lines, "--split", "0.7,0.2,0.2"}, "expected 1");
  expect({"--texts", lines, "--split", "a,b,c"}, "expected a number");
  expect({"--texts", lines, "--near-duplicates", "1.5"}, "expected above 0 and at most 1");
  expect({"--texts", lines, "--near-duplicates", "nan"}, "expected above 0 and at most 1");
  expect({"--texts", lines, "--balance", "5"}, "found 120 rows, of which at least 200");
  expect({"--texts", file("t.csv"), "--sentences"}, "expected plain text");
  expect({"--texts", "builtin:scenes", "--sentences"}, "gives sentences already");
  expect({"--texts", lines, "--target", kTarget}, "is given twice");
  expect({"--texts", lines, "--sentence-groups", "book"}, "--sentences");
}

}  // namespace
}  // namespace gnomon
