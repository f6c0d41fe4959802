// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/writeup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "gnomon/report/detail/keyed_text.h"
#include "report/study_run.h"
#include "support/temporary_folder.h"

namespace gnomon::test {
namespace {

using ::testing::HasSubstr;

std::string replaced_once(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(NumbersIn, SignsSeparatorsAndExponents) {
  std::vector<std::string> found;
  for (const auto& number : detail::numbers_in("r = +0.94 [-1, 1,128] of 3e-05, W_in[481]@2."))
    found.push_back(number.text);
  EXPECT_EQ(found, (std::vector<std::string>{"+0.94", "-1", "1,128", "3e-05", "481", "2"}));
}

TEST(WriteupWords, CountsProseOnly) {
  EXPECT_EQ(writeup_words("---\nrun: a b c\n---\n\n# A title\n\nThree words here.\n\n| a | b |\n"
                          "```sh\ncode is left out\n```\n![a picture](x.svg)\n* and four - more\n"
                          "## How to reproduce it\n\nnot counted\n"),
            3 + 3);
}

TEST(Writeup, EveryTargetOfEveryFamily) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    for (const std::string& target : every_target(tiny_model(family).config())) {
      const TemporaryFolder folder;
      StudyRunOptions options;
      options.family = family;
      options.study.target = target;
      const RunValues values(write_study_run(folder / "run", options));
      const Writeup writeup = write_up(values);
      SCOPED_TRACE(target + "\n" + writeup.markdown);
      EXPECT_TRUE(writeup_problems(values, writeup.markdown).empty());
      EXPECT_GE(writeup_words(writeup.markdown), 300);
      EXPECT_LE(writeup_words(writeup.markdown), 560);
      for (const char* word :
           {"**activation**", "**projection**", "**residual stream**", "**correlation**"}) {
        EXPECT_THAT(writeup.markdown, HasSubstr(word));
      }
      for (const char control : {'\x01', '\x02', '\x03'})
        EXPECT_EQ(writeup.markdown.find(control), std::string::npos);
      EXPECT_EQ(writeup.claims.back().id, "cause");
      EXPECT_EQ(writeup.claims.back().outcome, "not_measured");
    }
  }
}

TEST(Writeup, EveryKeyedNumberIsTheRuns) {
  const TemporaryFolder folder;
  const RunValues values(write_study_run(folder / "run", {}));
  const Writeup writeup = write_up(values);
  ASSERT_GT(writeup.numbers.size(), 15U);
  for (const WriteupNumber& number : writeup.numbers) {
    const auto value = values.number(number.key);
    ASSERT_TRUE(value) << number.key;
    // At most three significant digits or two decimals were kept.
    EXPECT_NEAR(std::stod(number.text), *value, 0.005 + 0.005 * std::abs(*value)) << number.key;
    EXPECT_THAT(writeup.markdown, HasSubstr(number.text));
  }
  const Json json = writeup_json(writeup);
  EXPECT_EQ(json["numbers"].size(), writeup.numbers.size());
  EXPECT_EQ(json["claims"].size(), writeup.claims.size());
  EXPECT_TRUE(json["patch_run"].is_null());
}

TEST(Writeup, AnEditedNumberOrClaimIsFoundAndEditedProseIsNot) {
  const TemporaryFolder folder;
  const RunValues values(write_study_run(folder / "run", {}));
  const Writeup writeup = write_up(values);
  const std::string key = values.direction("head") + "/r";
  const auto head = std::ranges::find(writeup.numbers, key, &WriteupNumber::key);
  ASSERT_NE(head, writeup.numbers.end());

  const std::string row = "| `head` | " + head->text;
  const auto edited =
      writeup_problems(values, replaced_once(writeup.markdown, row, "| `head` | +0.12"));
  ASSERT_EQ(edited.size(), 1U);
  EXPECT_THAT(edited[0], HasSubstr("\"+0.12\", expected \"" + head->text + "\" (" + key + ")"));
  EXPECT_THAT(edited[0], HasSubstr("line "));

  EXPECT_FALSE(writeup_problems(values, writeup.markdown + "\nAnd 99 % of it.\n").empty());
  const auto claimed = writeup_problems(
      values, replaced_once(writeup.markdown, "We do not know. Nothing", "We know. Nothing"));
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_THAT(claimed[0], HasSubstr("the claim \"cause\" is not the one that the run makes"));

  EXPECT_TRUE(
      writeup_problems(values, replaced_once(writeup.markdown, "## What we found",
                                             "Here is a sentence of mine.\n\n## What we found"))
          .empty());
}

TEST(Writeup, AFailedCheckTakesEveryClaimAway) {
  const TemporaryFolder folder;
  StudyRunOptions options;
  options.a_check_failed = true;
  const RunValues values(write_study_run(folder / "run", options));
  const Writeup writeup = write_up(values);
  ASSERT_EQ(writeup.claims.size(), 1U);
  EXPECT_EQ(writeup.claims[0].outcome, "failed");
  EXPECT_THAT(writeup.markdown, HasSubstr("(an identity). The numbers of this run are not to be"));
  EXPECT_TRUE(writeup.numbers.empty());
}

TEST(Writeup, ARunWithoutProjectionsHasNone) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder / "run", run_settings());
  run.finish();
  const StoredRun stored = open_run(folder / "run");
  EXPECT_THROW(write_up(RunValues(stored)), FileError);
  EXPECT_TRUE(writeup_report(stored).files.empty());
}

}  // namespace
}  // namespace gnomon::test
