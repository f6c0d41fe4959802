// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/scan_files.h"

#include <gtest/gtest.h>

#include "gnomon/report/scan_text.h"
#include "gnomon/text/utf8.h"
#include "support/tiny_model.h"

namespace gnomon {
namespace {

using test::TinyFamily;

// Two texts of four and two rows; neuron 1 is constant.
NeuronScan small_scan() {
  NeuronScan scan;
  scan.config = test::tiny_model(TinyFamily::gpt2).config();
  scan.first_layer = 1;
  scan.last_layer = 1;
  scan.seed = 9;
  scan.position = {Position::Kind::all, -1};
  scan.n_text = 2;
  scan.n_row = 6;
  scan.n_sampled_row = 4;
  scan.token = {3, 0.5};
  scan.position_groups = {4, 1};
  NeuronStatistics lively;
  lively.layer = 1;
  lively.neuron = 0;
  lively.mean = 0.25;
  lively.sd = 1.5;
  lively.min = -1;
  lively.max = 3;
  lively.quantiles = {-1, -0.9, -0.5, 0.1, 0.5, 2.5, 2.9};
  lively.skewness = 0.75;
  lively.share_positive = 0.5;
  lively.by_token = {0.8, 0.6};
  lively.by_position = {0.3, -0.125};
  lively.top = {{3, 1, 1}, {0.5, 0, 0}};
  lively.score = 3.6;
  lively.layer_quantile = 1;
  NeuronStatistics constant;
  constant.layer = 1;
  constant.neuron = 1;
  constant.sd = 0;
  constant.top = {{0, 0, 0}, {0, 1, 0}};
  constant.score = 0;
  constant.layer_quantile = 0;
  scan.neurons = {lively, constant};
  return scan;
}

EncodedTexts small_texts(const std::string& first, const std::string& second) {
  const Model& model = test::tiny_model(TinyFamily::gpt2);
  EncodedTexts texts;
  texts.records = {{first, "a.txt:1", 1, ""}, {second, "a.txt:3", 3, ""}};
  for (const TextRecord& record : texts.records)
    texts.ids.push_back(model.tokenizer().encode(record.text));
  texts.excluded = {{1, "a.txt:2", "the text has no tokens"}};
  return texts;
}

constexpr Index kBoth[] = {0, 1};

TEST(ScanJson, HoldsEveryNumberAndWhyOneIsMissing) {
  const Json json = scan_json(small_scan(), {NeuronRanking::Kind::quantile, 0.5}, kBoth,
                              small_texts("abcd", "xy"));
  EXPECT_EQ(json["site"], "mlp.hook_post@all");
  EXPECT_EQ(json["layers"], Json({1, 1}));
  EXPECT_EQ(json["rank_by"], "quantile:0.5");
  EXPECT_EQ(json["precision"], "float32");
  EXPECT_EQ(json["seed"], 9);
  EXPECT_EQ(json["n_texts"], 2);
  EXPECT_EQ(json["n_rows"], 6);
  EXPECT_EQ(json["n_sampled_rows"], 4);
  EXPECT_EQ(json["n_neurons"], 2);
  EXPECT_EQ(json["token_groups"], Json({{"n_groups", 3}, {"share_in_own_group", 0.5}}));
  EXPECT_EQ(json["position_groups"], Json({{"n_groups", 4}, {"share_in_own_group", 1.0}}));
  EXPECT_EQ(json["excluded"],
            Json::array({{{"source", "a.txt:2"}, {"why", "the text has no tokens"}}}));
  EXPECT_NE(json["definitions"]["quantiles"].get<std::string>().find("of 4 rows drawn"),
            std::string::npos);
  ASSERT_EQ(json["neurons"].size(), 2U);
  const Json& lively = json["neurons"][0];
  EXPECT_EQ(lively["rank"], 1);
  EXPECT_EQ(lively["name"], "blocks.1.mlp.hook_post[0]");
  EXPECT_EQ(lively["score"], 3.6);
  EXPECT_EQ(lively["n"], 6);
  EXPECT_EQ(lively["sd"], 1.5);
  EXPECT_EQ(lively["quantiles"], Json({{"q01", -1.0},
                                       {"q05", -0.9},
                                       {"q25", -0.5},
                                       {"q50", 0.1},
                                       {"q75", 0.5},
                                       {"q95", 2.5},
                                       {"q99", 2.9}}));
  EXPECT_EQ(lively["explained_by_token"], Json({{"adjusted", 0.6}, {"eta_squared", 0.8}}));
  EXPECT_EQ(lively["explained_by_position"]["adjusted"], -0.125);
  EXPECT_EQ(lively["top_texts"][0],
            Json({{"value", 3.0}, {"text", 1}, {"position", 1}, {"source", "a.txt:3"}}));
  // The layer's other neuron has no logarithm to compare with.
  EXPECT_TRUE(lively["standardised"].is_null());
  EXPECT_EQ(lively["why"].size(), 1U);
  const Json& constant = json["neurons"][1];
  EXPECT_EQ(constant["sd"], 0.0);
  for (const char* name : {"skewness", "explained_by_token", "explained_by_position"}) {
    EXPECT_TRUE(constant[name].is_null()) << name;
    EXPECT_EQ(constant["why"][name], "all values are equal") << name;
  }
  EXPECT_EQ(constant["why"]["standardised"], "a score of 0 has no logarithm");
}

TEST(ScanJson, QuantilesOfAllRowsAreSaidToBeExact) {
  NeuronScan scan = small_scan();
  scan.n_sampled_row = 6;
  const Json json = scan_json(scan, {}, kBoth, small_texts("abcd", "xy"));
  EXPECT_EQ(json["definitions"]["quantiles"], "of all rows, type 7");
}

TEST(ScanCsv, OneRowANeuronAndEmptyFieldsForWhatIsMissing) {
  const Index order[] = {1, 0};
  const std::string text = scan_csv(small_scan(), order, small_texts("abcd", "xy")).text();
  EXPECT_EQ(text,
            "rank,name,layer,neuron,score,standardised,layer_quantile,n,mean,sd,min,max,"
            "q01,q05,q25,q50,q75,q95,q99,skewness,share_positive,explained_by_token,"
            "explained_by_token_eta_squared,explained_by_position,"
            "explained_by_position_eta_squared,"
            "top1_value,top1_text,top1_position,top1_source,"
            "top2_value,top2_text,top2_position,top2_source,"
            "top3_value,top3_text,top3_position,top3_source,"
            "top4_value,top4_text,top4_position,top4_source,"
            "top5_value,top5_text,top5_position,top5_source\n"
            "1,blocks.1.mlp.hook_post[1],1,1,0,,0,6,0,0,0,0,0,0,0,0,0,0,0,,0,,,,,"
            "0,0,0,a.txt:1,0,1,0,a.txt:3,,,,,,,,,,,,\n"
            "2,blocks.1.mlp.hook_post[0],1,0,3.6,,1,6,0.25,1.5,-1,3,"
            "-1,-0.9,-0.5,0.1,0.5,2.5,2.9,0.75,0.5,0.6,0.8,-0.125,0.3,"
            "3,1,1,a.txt:3,0.5,0,0,a.txt:1,,,,,,,,,,,,\n");
}

TEST(ScanText, FitsInto80ColumnsAndMarksTheToken) {
  const Tokenizer& tokenizer = test::tiny_model(TinyFamily::gpt2).tokenizer();
  const EncodedTexts texts = small_texts("the quick", "xyz and a long tail of words that goes on");
  const std::string text = scan_text(small_scan(), {}, kBoth, texts, tokenizer, {});
  EXPECT_NE(text.find("blocks.1.mlp.hook_post[0]  "), std::string::npos) << text;
  EXPECT_NE(text.find("x[y]z"), std::string::npos) << text;
  EXPECT_NE(text.find("the neuron is constant"), std::string::npos) << text;
  // The text's line in its file, then the token's position.
  EXPECT_NE(text.find("     3  @1  x[y]z"), std::string::npos) << text;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(display_width(text.substr(at, end - at)), 80) << text.substr(at, end - at);
    at = end + 1;
  }
}

TEST(ScanText, HostileTextsReachNoTerminal) {
  const Tokenizer& tokenizer = test::tiny_model(TinyFamily::gpt2).tokenizer();
  const std::string hostile = "\x1b[2J\x07 \xc3\xa9\xff tail";
  const EncodedTexts texts = small_texts(hostile + "abc", hostile);
  for (Index place = 0; place < 6; ++place) {
    NeuronScan scan = small_scan();
    scan.neurons[0].top[0] = {3, 0, place};
    for (const bool unicode : {true, false}) {
      const std::string text =
          scan_text(scan, {}, kBoth, texts, tokenizer, {.unicode = unicode, .width = 80});
      EXPECT_TRUE(is_valid_utf8(text));
      for (const char c : text) {
        EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
        EXPECT_TRUE(unicode || static_cast<unsigned char>(c) < 0x80);
      }
    }
  }
}

}  // namespace
}  // namespace gnomon
