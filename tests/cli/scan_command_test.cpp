// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>

#include "gnomon/base/json.h"
#include "gnomon/report/text_table.h"
#include "run_command.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace gnomon {
namespace {

using test::CommandResult;
using test::lines_of;
using test::run_gnomon;

// A tiny model of two layers of 40 neurons, and twelve texts.
class ScanCommand : public testing::Test {
 protected:
  ScanCommand() {
    std::filesystem::create_directory(folder_ / "model");
    test::write_tiny_model(folder_ / "model", {});
    std::string lines;
    for (const TextRecord& record : test::short_texts(12, 4)) lines += record.text + "\n";
    texts_ = folder_.write("texts.txt", lines).string();
  }

  CommandResult scan(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"scan", "--model", model(), "--texts", texts_});
    return run_gnomon(arguments);
  }
  std::string model() const { return (folder_ / "model").string(); }

  test::TemporaryFolder folder_;
  std::string texts_;
};

TEST_F(ScanCommand, TableOfTheBestAt80Columns) {
  const CommandResult result = scan({"--top", "3"});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  const CommandResult as_json = scan({"--top", "3", "--json"});
  const Json json = Json::parse(as_json.out);
  ASSERT_EQ(json["neurons"].size(), 3U);
  EXPECT_EQ(json["n_neurons"], 80);
  EXPECT_EQ(json["rank_by"], "original");
  EXPECT_EQ(json["texts"], "texts.txt, 12 texts");
  EXPECT_EQ(json["model_sha256"].get<std::string>().size(), 64U);
  for (const std::string& line : lines_of(result.out)) EXPECT_LE(display_width(line), 80) << line;
  for (const Json& neuron : json["neurons"])
    EXPECT_NE(result.out.find(neuron["name"].get<std::string>()), std::string::npos);
  EXPECT_GE(json["neurons"][0]["score"], json["neurons"][1]["score"]);
  // What to do next, ready to copy.
  const auto name = json["neurons"][0]["name"].get<std::string>();
  EXPECT_NE(result.err.find("--target '" + name + "@last'"), std::string::npos) << result.err;
}

TEST_F(ScanCommand, WritesEveryNeuronToAFile) {
  const std::string csv = (folder_ / "neurons.csv").string();
  const CommandResult result = scan({"--top", "1", "--rank", "standardised", "--out", csv});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  EXPECT_EQ(lines_of(test::file_content(csv)).size(), 81U);
  EXPECT_NE(result.err.find("80 neurons"), std::string::npos);
  const std::string file = (folder_ / "neurons.json").string();
  ASSERT_EQ(scan({"--rank", "quantile:0.5", "--out", file}).exit_status, 0);
  const Json json = Json::parse(test::file_content(file));
  EXPECT_EQ(json["neurons"].size(), 80U);
  EXPECT_EQ(json["rank_by"], "quantile:0.5");
}

TEST_F(ScanCommand, SameBytesForTheSameSeedAndAnyThreads) {
  const std::vector<std::string> arguments = {"--json", "--top", "80", "--sample-rows", "20"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), more.begin(), more.end());
    return scan(all).out;
  };
  const std::string first = with({"--threads", "1"});
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, with({"--threads", "1"}));
  EXPECT_EQ(first, with({"--threads", "3"}));
  EXPECT_NE(first, with({"--threads", "1", "--seed", "2"}));
}

TEST_F(ScanCommand, LayersAndPosition) {
  const Json one =
      Json::parse(scan({"--json", "--layers", "1", "--position", "@last", "--top", "40"}).out);
  EXPECT_EQ(one["layers"], Json({1, 1}));
  EXPECT_EQ(one["site"], "mlp.hook_post@last");
  EXPECT_EQ(one["n_rows"], 12);
  for (const Json& neuron : one["neurons"]) EXPECT_EQ(neuron["layer"], 1);
  const Json both = Json::parse(scan({"--json", "--layers", "0:1", "--top", "1"}).out);
  EXPECT_EQ(both["layers"], Json({0, 1}));
  EXPECT_GT(both["n_rows"], 12);
}

TEST_F(ScanCommand, TextsThatDoNotFitAreLeftOutAndNamed) {
  const std::string lines = "short\n" + std::string(60, 'x') + "\nalso short\n";
  texts_ = folder_.write("mixed.txt", lines).string();
  const CommandResult result = scan({"--top", "1"});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  EXPECT_NE(result.err.find("left out mixed.txt:2: 60 tokens, the context holds 48"),
            std::string::npos)
      << result.err;
  const Json json = Json::parse(scan({"--top", "1", "--json"}).out);
  EXPECT_EQ(json["n_texts"], 2);
  EXPECT_EQ(json["excluded"][0]["source"], "mixed.txt:2");
  texts_ = folder_.write("long.txt", std::string(60, 'x') + "\n").string();
  EXPECT_EQ(scan({}).exit_status, 2);
  texts_ = folder_.write("empty.txt", "\n").string();
  EXPECT_EQ(scan({}).exit_status, 2);
}

TEST_F(ScanCommand, RefusesWhatItCannotDo) {
  const auto error_of = [&](const std::vector<std::string>& arguments) {
    const CommandResult result = scan(arguments);
    EXPECT_EQ(result.exit_status, 2) << result.out;
    EXPECT_EQ(result.out, "");
    return result.err;
  };
  const auto contains = [](const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  const std::string beyond = error_of({"--layers", "1:12"});
  contains(beyond, "--layers goes to layer 12, the model has layers 0 to 1");
  contains(beyond, "--layers 1:1 is the nearest");
  contains(error_of({"--layers", "5"}), "--layers 1:1 is the nearest");
  contains(error_of({"--layers", "1:0"}), "--layers 0:1");
  contains(error_of({"--layers", "a:b"}), "expected a whole number");
  contains(error_of({"--layers", "1:"}), "expected a whole number");
  contains(error_of({"--top", "0"}), "--top is \"0\", expected a whole number from 1");
  contains(error_of({"--top", "81"}), "--top is 81, expected 1 to 80: 2 layers of 40 neurons");
  contains(error_of({"--layers", "0", "--top", "41"}), "expected 1 to 40: 1 layer of 40");
  contains(error_of({"--rank", "standardized"}), "did you mean \"standardised\"?");
  contains(error_of({"--rank", "quantile:2"}), "Q from 0 to 1");
  contains(error_of({"--position", "@2"}), "expected one of @all, @last");
  contains(error_of({"--out", "neurons.txt"}), "ends in .csv or .json");
}

}  // namespace
}  // namespace gnomon
