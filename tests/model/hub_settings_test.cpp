// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "gnomon/base/error.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using namespace std::chrono_literals;
using test::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::Not;

Variables variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

std::string cache(std::map<std::string, std::string> values) {
  return hub_settings(variables(std::move(values))).cache.string();
}

// The precedence of huggingface_hub 2.4, constants.py.
TEST(HubCacheFolder, FollowsItsVariables) {
  EXPECT_EQ(cache({{"HOME", "/h"}}), "/h/.cache/huggingface/hub");
  EXPECT_EQ(cache({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}), "/x/huggingface/hub");
  EXPECT_EQ(cache({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/hf"}}), "/hf/hub");
  EXPECT_EQ(cache({{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}), "/old");
  EXPECT_EQ(cache({{"HF_HUB_CACHE", "/new"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}), "/new");
  EXPECT_EQ(cache({{"HF_HOME", "~/hf"}, {"HOME", "/h"}}), "/h/hf/hub");
  EXPECT_EQ(cache({{"HF_HUB_CACHE", "$D/${E}x/$ABSENT"}, {"D", "/d"}, {"E", "e"}}),
            "/d/ex/$ABSENT");
  EXPECT_EQ(cache({{"HF_HUB_CACHE", "/a$"}}), "/a$");
  EXPECT_EQ(cache({{"HF_HUB_CACHE", "/${D"}, {"D", "d"}}), "/${D");
  EXPECT_THROW(cache({}), ArgumentError);
}

TEST(HubSettings, HaveTheirDefaults) {
  const HubSettings settings = hub_settings(variables({{"HOME", "/h"}}));
  EXPECT_EQ(settings.endpoint, kDefaultHubEndpoint);
  EXPECT_FALSE(settings.offline);
  EXPECT_TRUE(settings.symlinks);
  EXPECT_TRUE(settings.progress);
  EXPECT_EQ(settings.etag_timeout, 10s);
  EXPECT_EQ(settings.download_timeout, 10s);
}

TEST(HubSettings, SwitchesAreOnForFourWords) {
  for (const char* on : {"1", "ON", "yes", "True"})
    EXPECT_TRUE(hub_settings(variables({{"HOME", "/h"}, {"HF_HUB_OFFLINE", on}})).offline) << on;
  for (const char* off : {"0", "off", "2", "y", "", " 1"})
    EXPECT_FALSE(hub_settings(variables({{"HOME", "/h"}, {"HF_HUB_OFFLINE", off}})).offline) << off;
  const HubSettings settings = hub_settings(variables({{"HOME", "/h"},
                                                       {"TRANSFORMERS_OFFLINE", "1"},
                                                       {"HF_HUB_DISABLE_SYMLINKS", "1"},
                                                       {"HF_HUB_DISABLE_PROGRESS_BARS", "1"}}));
  EXPECT_TRUE(settings.offline);
  EXPECT_FALSE(settings.symlinks);
  EXPECT_FALSE(settings.progress);
}

TEST(HubSettings, TimesAreWholeSeconds) {
  const auto timeout = [](const std::string& text) {
    return hub_settings(variables({{"HOME", "/h"}, {"HF_HUB_ETAG_TIMEOUT", text}})).etag_timeout;
  };
  EXPECT_EQ(timeout("3"), 3s);
  EXPECT_EQ(timeout("0"), 10s);
  for (const char* wrong : {"-1", "1.5", "soon", "86401", "99999999999999999999", "3 "})
    EXPECT_THROW(timeout(wrong), ArgumentError) << wrong;
}

TEST(HubSettings, EndpointIsAnAddressWithoutSecrets) {
  const auto endpoint = [](const std::string& text) {
    return hub_settings(variables({{"HOME", "/h"}, {"HF_ENDPOINT", text}})).endpoint;
  };
  EXPECT_EQ(endpoint("http://localhost:8080//"), "http://localhost:8080");
  EXPECT_EQ(endpoint("https://mirror.example/hub/"), "https://mirror.example/hub");
  for (const char* wrong :
       {"mirror.example", "ftp://mirror.example", "file:///etc", "https://", "https://a b",
        "https://me:word@host", "https://host?x", "http://h#x"}) {
    try {
      endpoint(wrong);
      ADD_FAILURE() << wrong;
    } catch (const ArgumentError& e) {
      EXPECT_THAT(e.what(), Not(HasSubstr("word")));
    }
  }
}

TEST(HubToken, IsLookedForInOrder) {
  const TemporaryFolder home;
  const std::string in_home = home.path().string();
  EXPECT_EQ(hub_token(variables({{"HF_HOME", in_home}})), std::nullopt);
  home.write("token", " hf_home\r\n");
  const std::string other = home.write("other", "hf_other").string();
  EXPECT_EQ(hub_token(variables({{"HF_HOME", in_home}})), "hf_home");
  EXPECT_EQ(hub_token(variables({{"HF_HOME", in_home}, {"HF_TOKEN_PATH", other}})), "hf_other");
  EXPECT_EQ(hub_token(variables({{"HF_TOKEN", "hf_first"}, {"HF_TOKEN_PATH", other}})), "hf_first");
  EXPECT_EQ(hub_token(variables({{"HF_TOKEN", " \n"}, {"HF_TOKEN_PATH", other}})), "hf_other");
  EXPECT_EQ(hub_token(variables({{"HUGGING_FACE_HUB_TOKEN", "hf_old"}, {"HF_HOME", in_home}})),
            "hf_old");
  EXPECT_EQ(
      hub_token(variables({{"HF_TOKEN", "hf_first"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})),
      std::nullopt);
  home.write("token", "\n");
  EXPECT_EQ(hub_token(variables({{"HF_HOME", in_home}})), std::nullopt);
}

TEST(HubToken, CannotSmuggleAHeader) {
  for (const char* wrong : {"hf_a b", "hf_\x01", "hf_\xc3\xa4", "hf_\x7f"}) {
    try {
      hub_token(variables({{"HF_TOKEN", wrong}}));
      ADD_FAILURE() << wrong;
    } catch (const ArgumentError& e) {
      EXPECT_THAT(e.what(), HasSubstr("the token of HF_TOKEN"));
      EXPECT_THAT(e.what(), Not(HasSubstr(wrong)));
    }
  }
  // As huggingface_hub does: line ends go, so that no second header can follow.
  EXPECT_EQ(hub_token(variables({{"HF_TOKEN", "hf_a\r\nX-Evil:1"}})), "hf_aX-Evil:1");
}

}  // namespace
}  // namespace gnomon
