// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_files.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

HubListing listing(const std::vector<std::string>& names) {
  HubListing result{kCommit, {}};
  for (const std::string& name : names) result.files[name] = std::nullopt;
  return result;
}

std::string refusal(const std::vector<std::string>& names, ErrorCode code) {
  try {
    choose_hub_files(listing(names), "fetch a/b@main");
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code);
    return e.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(HubListing, KeepsNamesThatCanBePaths) {
  const std::string answer = fmt::format(
      R"({{"sha": "{}", "id": "a/b", "siblings": [
           {{"rfilename": "config.json", "size": 3}}, {{"rfilename": "model.safetensors"}},
           {{"rfilename": "../evil"}}, {{"rfilename": "/etc/passwd"}}, {{"rfilename": "a\u0000b"}},
           {{"rfilename": 7}}, {{"size": 3}}, null, "text", {{"rfilename": "b", "size": -1}}]}})",
      kCommit);
  const HubListing found = read_hub_listing(answer, "the answer");
  EXPECT_EQ(found.commit, kCommit);
  EXPECT_EQ(found.files.size(), 3U);
  EXPECT_EQ(found.files.at("config.json"), 3U);
  EXPECT_EQ(found.files.at("model.safetensors"), std::nullopt);
  EXPECT_EQ(found.files.at("b"), std::nullopt);
}

TEST(HubListing, RefusesOtherAnswers) {
  for (const char* wrong :
       {"", "[]", "7", "null", "<html>", "{}", R"({"sha": "main", "siblings": []})",
        R"({"sha": 7, "siblings": []})",
        R"({"sha": "../../../../../../../../../../../../../evil"})",
        R"({"sha": "0123456789abcdef0123456789abcdef01234567"})",
        R"({"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": {}})"})
    EXPECT_THROW(read_hub_listing(wrong, "the answer"), FileError) << wrong;
}

TEST(HubFiles, AreThoseThatAModelIsLoadedFrom) {
  EXPECT_THAT(
      choose_hub_files(listing({"README.md", "config.json", "model.safetensors", "merges.txt",
                                "pytorch_model.bin", "vocab.json", "onnx/model.safetensors",
                                "model.safetensors.index.json", "generation_config.json"}),
                       "fetch"),
      ElementsAre("vocab.json", "merges.txt", "model.safetensors", "config.json"));
  EXPECT_THAT(choose_hub_files(listing({"config.json", "model.safetensors.index.json",
                                        "model-1.safetensors", "tokenizer.json"}),
                               "fetch"),
              ElementsAre("tokenizer.json", "model.safetensors.index.json", "config.json"));
}

TEST(HubFiles, RefuseByNameWhatIsNotRead) {
  EXPECT_THAT(refusal({"config.json", "pytorch_model.bin"}, ErrorCode::unsupported),
              HasSubstr("fetch a/b@main: its weights are in \"pytorch_model.bin\" only"));
  EXPECT_THAT(refusal({"config.json", "pytorch_model.bin.index.json"}, ErrorCode::unsupported),
              HasSubstr("\"pytorch_model.bin.index.json\" only"));
  EXPECT_THAT(refusal({"m.Q4_0.gguf"}, ErrorCode::unsupported), HasSubstr("\"m.Q4_0.gguf\""));
  EXPECT_THAT(refusal({"config.json", "tf_model.h5"}, ErrorCode::not_found),
              HasSubstr("only \"config.json\", \"tf_model.h5\""));
  EXPECT_THAT(refusal({"model.safetensors"}, ErrorCode::not_found),
              HasSubstr("there is no \"config.json\""));
  EXPECT_THAT(refusal({}, ErrorCode::not_found), HasSubstr("only no files"));
}

TEST(HubWeightParts, AreFilesOfTheListingBesideTheIndex) {
  const HubListing files = listing({"a.safetensors", "b.safetensors", "c.bin", "d/e.safetensors"});
  const auto parts = [&](const Json& map) {
    return hub_weight_parts(files, Json{{"weight_map", map}}, "fetch a/b@main");
  };
  EXPECT_THAT(parts({{"x", "b.safetensors"}, {"y", "a.safetensors"}, {"z", "a.safetensors"}}),
              ElementsAre("a.safetensors", "b.safetensors"));
  EXPECT_THROW(hub_weight_parts(files, Json::object(), "fetch"), FileError);
  EXPECT_THROW(parts(Json::object()), FileError);
  for (const Json& wrong : {Json("absent.safetensors"), Json("c.bin"), Json("d/e.safetensors"),
                            Json("../a.safetensors"), Json("/a.safetensors"), Json(".."), Json(""),
                            Json(7), Json(nullptr), Json(std::string("a\0.safetensors", 14))}) {
    EXPECT_THROW(parts({{"x", wrong}}), FileError) << wrong;
  }
}

}  // namespace
}  // namespace gnomon
