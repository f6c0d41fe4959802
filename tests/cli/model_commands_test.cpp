// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "gnomon/base/json.h"
#include "gnomon/model/fetch.h"
#include "gnomon/report/text_table.h"
#include "run_command.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::run_gnomon;

const std::string kGpt2 = GNOMON_TEST_DATA "/models/gpt2-tiny";
const std::string kLlama = GNOMON_TEST_DATA "/models/llama-tiny";

TEST(TokensCommand, PiecesAndBytesCoverTheText) {
  const std::string text = "The shadow tells\n\tthe hour, naïve 🌞.";
  const auto result = run_gnomon({"tokens", "--json", "--model", kGpt2, text});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  const Json json = Json::parse(result.out);
  EXPECT_EQ(json["text"], text);
  EXPECT_EQ(json["n_tokens"], json["tokens"].size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < json["tokens"].size(); ++i) {
    const Json& token = json["tokens"][i];
    EXPECT_EQ(token["index"], i);
    EXPECT_EQ(token["first"], at);
    at = token["last"].get<std::size_t>();
  }
  EXPECT_EQ(at, text.size());
  const auto table = run_gnomon({"tokens", "--model", kGpt2, text});
  EXPECT_EQ(test::lines_of(table.out).size(), json["tokens"].size() + 1);
  EXPECT_NE(table.out.find("␣"), std::string::npos);
  EXPECT_NE(table.out.find("⏎"), std::string::npos);
  EXPECT_NE(table.out.find("⇥"), std::string::npos);
}

TEST(TokensCommand, ControlCharactersOfTheTextReachNoTerminal) {
  const std::string text = "a\x1b[2Jb\x07\x7f\xff\xc2\x9b \xe2\x80\xae z";
  for (const auto& result : {run_gnomon({"tokens", "--model", kGpt2, text}),
                             run_gnomon({"tokens", "--model", kGpt2, "-"}, {}, text),
                             run_gnomon({"tokens", "--json", "--model", kGpt2, text})}) {
    EXPECT_EQ(result.exit_status, 0) << result.err;
    for (const char c : result.out) {
      EXPECT_TRUE(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != '\x7f'))
          << result.out;
    }
    EXPECT_EQ(result.out.find("\xc2\x9b"), std::string::npos);
    EXPECT_EQ(result.out.find("\xe2\x80\xae"), std::string::npos);
  }
}

TEST(TokensCommand, StandardInputIsTakenByteForByte) {
  const auto given = run_gnomon({"tokens", "--json", "--model", kLlama, "one line\n"});
  const auto read = run_gnomon({"tokens", "--json", "--model", kLlama, "-"}, {}, "one line\n");
  EXPECT_EQ(given.out, read.out);
  EXPECT_EQ(Json::parse(read.out)["n_bytes"], 9);
  const auto empty = run_gnomon({"tokens", "--json", "--model", kLlama, "-"});
  EXPECT_EQ(empty.exit_status, 0) << empty.err;
  EXPECT_EQ(Json::parse(empty.out)["n_tokens"], 0);
  // A text that begins like an option, and one that is a command's name.
  EXPECT_EQ(run_gnomon({"tokens", "--model", kLlama, "--", "-x --y"}).exit_status, 0);
  EXPECT_EQ(run_gnomon({"tokens", "--model", kLlama, "doctor"}).exit_status, 0);
}

TEST(ModelCommand, ShowsSizesOfBothFamilies) {
  const Json gpt2 = Json::parse(run_gnomon({"model", "show", kGpt2, "--json"}).out);
  EXPECT_EQ(gpt2["architecture"], "gpt2");
  EXPECT_EQ(gpt2["norm"], "layer_norm");
  EXPECT_TRUE(gpt2["rotary"].is_null());
  EXPECT_GT(gpt2["n_parameters"], 0);
  EXPECT_FALSE(gpt2["tokenizer"].is_null());
  const Json llama = Json::parse(run_gnomon({"model", "show", kLlama, "--json"}).out);
  EXPECT_EQ(llama["architecture"], "llama");
  EXPECT_EQ(llama["gated_mlp"], true);
  EXPECT_EQ(llama["rotary"]["n_frequencies"].get<int>() * 2, llama["sizes"]["d_head"].get<int>());
  EXPECT_EQ(llama["rotary"]["fastest"], 1.0);
  const auto text = run_gnomon({"model", "show", kLlama});
  EXPECT_EQ(text.exit_status, 0);
  for (const char* word :
       {"architecture", "llama", "d_model", "key-value heads", "rotary", "parameters"}) {
    EXPECT_NE(text.out.find(word), std::string::npos) << word;
  }
}

TEST(ModelCommand, ListsWhatIsInTheCache) {
  const test::TemporaryFolder cache;
  const test::EnvironmentEntries environment = {{"GNOMON_CACHE", cache.path().string()},
                                                {"HF_HUB_CACHE", (cache.path() / "hub").string()}};
  const Json before = Json::parse(run_gnomon({"model", "list", "--json"}, environment).out);
  ASSERT_EQ(before["models"].size(), known_models().size() + 1);
  EXPECT_TRUE(before["models"][0]["path"].is_null());
  EXPECT_EQ(before["models"].back()["name"], "gnomon-books");
  EXPECT_TRUE(before["models"].back()["path"].is_string());
  const auto text = run_gnomon({"model", "list"}, environment);
  EXPECT_NE(text.out.find(known_models()[0].name), std::string::npos);
  for (const std::string& line : test::lines_of(text.out))
    EXPECT_LE(display_width(line), 80) << line;
  EXPECT_NE(text.err.find(cache.path().string()), std::string::npos);
  EXPECT_EQ(run_gnomon({"-q", "model", "list"}, environment).err, "");
}

TEST(ModelCommand, RefusesWhatIsNoModel) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(run_gnomon({"model", "show", folder.path().string()}).exit_status, 3);
  const auto file = folder.write("not.gguf", "nothing of the kind");
  EXPECT_EQ(run_gnomon({"model", "show", file.string()}).exit_status, 3);
  EXPECT_EQ(run_gnomon({"model", "show", ""}).exit_status, 3);
}

TEST(DoctorCommand, UsesNoMoreOfTheProcessorThanTheEnvironmentAllows) {
  const auto kernels = [](const char* instructions) {
    const auto result =
        run_gnomon({"doctor", "--json"}, {{"GNOMON_INSTRUCTION_SET", instructions}});
    const Json json = Json::parse(result.out);
    for (const Json& finding : json["findings"]) {
      if (finding["name"] == "kernels") return finding["found"].get<std::string>();
    }
    return result.err;
  };
  EXPECT_EQ(kernels("baseline").find("the compiler's own instructions"), 0u) << kernels("baseline");
  const auto unknown = run_gnomon({"doctor"}, {{"GNOMON_INSTRUCTION_SET", "sse"}});
  EXPECT_EQ(unknown.exit_status, 2);
  EXPECT_NE(unknown.err.find("instruction set \"sse\", expected baseline, avx2 or avx512"),
            std::string::npos)
      << unknown.err;
}

TEST(DoctorCommand, SaysWhatToDoAboutEveryWarning) {
  const auto result = run_gnomon({"doctor", "--json"}, {{"LC_ALL", "C"}});
  ASSERT_EQ(result.exit_status, 0) << result.err;
  const Json findings = Json::parse(result.out)["findings"];
  std::vector<std::string> names;
  for (const Json& finding : findings) {
    names.push_back(finding["name"]);
    EXPECT_FALSE(finding["found"].get<std::string>().empty()) << finding;
    EXPECT_EQ(finding["ok"].get<bool>(), finding["what_to_do"].get<std::string>().empty())
        << finding;
    if (finding["name"] == "model" || finding["name"] == "terminal") {
      EXPECT_FALSE(finding["ok"].get<bool>());
    }
  }
  for (const char* name : {"gnomon", "processor", "cores", "memory", "kernels", "BLAS", "python",
                           "cache", "model", "disk", "terminal"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
  const auto text = run_gnomon({"doctor"});
  for (const std::string& line : test::lines_of(text.out))
    EXPECT_LE(display_width(line), 80) << line;
  EXPECT_NE(text.out.find("do: gnomon model fetch smollm2-135m"), std::string::npos) << text.out;
}

TEST(DoctorCommand, SeesAModelOfTheWrongSize) {
  const test::TemporaryFolder cache;
  const KnownModel& known = known_models()[0];
  const auto path = known_model_path(known, cache.path());
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << "short";
  const auto result = run_gnomon({"doctor"}, {{"GNOMON_CACHE", cache.path().string()}});
  EXPECT_NE(result.out.find("has 5 bytes"), std::string::npos) << result.out;
}

}  // namespace
}  // namespace gnomon
