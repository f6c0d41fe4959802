// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

TEST(HubIds, HaveAnOrganisationANameAndARevision) {
  const HubId plain = parse_hub_id("openai-community/gpt2");
  EXPECT_EQ(plain.organisation, "openai-community");
  EXPECT_EQ(plain.name, "gpt2");
  EXPECT_EQ(plain.revision, "main");
  EXPECT_EQ(plain.text(), "openai-community/gpt2");
  const HubId pinned = parse_hub_id("Org.1/My_model-1.5@refs/pr/3");
  EXPECT_EQ(pinned.repository(), "Org.1/My_model-1.5");
  EXPECT_EQ(pinned.revision, "refs/pr/3");
  EXPECT_EQ(pinned.text(), "Org.1/My_model-1.5@refs/pr/3");
  EXPECT_EQ(parse_hub_id("a/b@main").text(), "a/b");
  EXPECT_EQ(parse_hub_id(std::string(96, 'o') + "/" + std::string(96, 'n')).name.size(), 96U);
}

TEST(HubIds, RefuseWhatCouldLeaveTheCacheOrIsNoName) {
  for (const std::string& hostile : {""s,
                                     "gpt2"s,
                                     "/"s,
                                     "/etc/passwd"s,
                                     "../evil"s,
                                     "../../evil"s,
                                     "org/.."s,
                                     "org/../x"s,
                                     "./name"s,
                                     "org/."s,
                                     "org/a/b"s,
                                     "org/"s,
                                     "/name"s,
                                     "org//name"s,
                                     "org\\x/name"s,
                                     "org/na me"s,
                                     "org/name\n"s,
                                     "org/na\0me"s,
                                     "\0/name"s,
                                     "org/n\xc3\xa4me"s,
                                     "-o/name"s,
                                     "org/name-"s,
                                     ".org/name"s,
                                     "a--b/c"s,
                                     "org/a--b"s,
                                     "org/a..b"s,
                                     "org/name.git"s,
                                     "org/"s + std::string(97, 'n'),
                                     std::string(1 << 20, 'a') + "/b",
                                     "https://h/x"s,
                                     "~/name"s,
                                     "org/name@"s,
                                     "org/name@/"s,
                                     "org/name@/etc"s,
                                     "org/name@.."s,
                                     "org/name@a/../b"s,
                                     "org/name@../../x"s,
                                     "org/name@a//b"s,
                                     "org/name@a/"s,
                                     "org/name@.hidden"s,
                                     "org/name@a b"s,
                                     "org/name@a\0b"s,
                                     "org/name@a?b"s,
                                     "org/name@%2e"s,
                                     "org@rev/name"s,
                                     "org/name@"s + std::string(256, 'r')}) {
    EXPECT_EQ(find_hub_id(hostile), std::nullopt) << hostile;
    EXPECT_THROW(parse_hub_id(hostile), ArgumentError) << hostile;
  }
}

TEST(HubIds, SayWhatIsWrong) {
  try {
    parse_hub_id("org/na\nme");
    FAIL();
  } catch (const ArgumentError& e) {
    EXPECT_STREQ(e.what(),
                 "no hub model \"org/na\\x0ame\", expected ORG/NAME or ORG/NAME@REV: its name has "
                 "characters other than letters, digits, '_', '-' and '.'");
  }
}

TEST(HubFileNames, StayBelowTheirFolder) {
  for (const std::string& name : {"config.json"s, "a/b/c.safetensors"s, "with space"s, "a..b"s,
                                  "model-00001-of-00002.safetensors"s, std::string(255, 'a')})
    EXPECT_TRUE(is_safe_hub_file(name)) << name;
  for (const std::string& hostile : {""s,
                                     "/"s,
                                     "/etc/passwd"s,
                                     ".."s,
                                     "../x"s,
                                     "a/../b"s,
                                     "a/.."s,
                                     "a//b"s,
                                     "a/"s,
                                     "."s,
                                     ".gitattributes"s,
                                     "a/.b"s,
                                     "a\\b"s,
                                     "..\\x"s,
                                     "C:\\x"s,
                                     "C:x"s,
                                     "a\0b"s,
                                     "a\nb"s,
                                     "\x1b[31m"s,
                                     "\xc3\xa4"s,
                                     std::string(256, 'a'),
                                     std::string(1 << 20, 'a')})
    EXPECT_FALSE(is_safe_hub_file(hostile)) << hostile;
  std::string deep = "a";
  for (int i = 0; i < 600; ++i) deep += "/a";
  EXPECT_FALSE(is_safe_hub_file(deep));
}

TEST(Commits, AreFortyLowerCaseDigits) {
  EXPECT_TRUE(is_commit("0123456789abcdef0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit("0123456789ABCDEF0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit("0123456789abcdef0123456789abcdef0123456"));
  EXPECT_FALSE(is_commit("../3456789abcdef0123456789abcdef01234567"));
  EXPECT_FALSE(is_commit(""));
}

}  // namespace
}  // namespace gnomon
