// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "gnomon/base/error.h"
#include "gnomon/report/ladder_words.h"
#include "gnomon/report/stream_words.h"
#include "gnomon/report/text_table.h"
#include "report/study_run.h"
#include "support/temporary_folder.h"

namespace gnomon::test {
namespace {

using ::testing::HasSubstr;

std::string answer(const RunValues& values, std::string_view name) {
  std::string text;
  for (const AnswerLine& line : run_answer(values, name))
    text += line.label + ": " + line.text + "\n";
  return text;
}

TEST(RunQuestions, EveryQuestionOfEveryTargetFitsTheTerminal) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    for (const std::string& target : every_target(tiny_model(family).config())) {
      const TemporaryFolder folder;
      StudyRunOptions options;
      options.family = family;
      options.study.target = target;
      const RunValues values(write_study_run(folder / "run", options));
      for (const RunQuestion& question : run_questions()) {
        const std::string text = run_answer_text(values, question.name);
        EXPECT_THAT(text, HasSubstr(std::string(question.question)));
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);)
          EXPECT_LE(display_width(line), 80) << line;
      }
    }
  }
}

TEST(RunQuestions, AnswersNameSitesPositionsAndNumbers) {
  const TemporaryFolder folder;
  const RunValues values(write_study_run(folder / "run", {}));
  const std::string where = answer(values, "hidden-state");
  EXPECT_THAT(where,
              HasSubstr("input: blocks.0.ln2.hook_out: the stream in block 0 after attention, "
                        "after the normalisation"));
  EXPECT_THAT(where,
              HasSubstr("head: blocks.1.hook_resid_post: the stream after block 1, the last, "
                        "before the final normalisation"));
  EXPECT_THAT(where, HasSubstr("@last"));
  const std::string scalar = answer(values, "scalar-and-vectors");
  EXPECT_THAT(scalar, HasSubstr("blocks.0.ln2.hook_out · W_in[:, 5] + b_in[5]; r = " +
                                format_r(*values.number(values.direction("input") + "/r"))));
  EXPECT_THAT(answer(values, "ground-truth"), HasSubstr("blocks.0.mlp.hook_post[5]@last"));
  EXPECT_THAT(answer(values, "ground-truth"), HasSubstr("Check R4"));
  EXPECT_THAT(answer(values, "after-what"), HasSubstr("After both"));
  const std::string why = answer(values, "why-not-1");
  EXPECT_THAT(why, HasSubstr("adding the neuron's bias changes nothing, by algebra"));
  EXPECT_THAT(why, HasSubstr("At the end stands the activation: 1 - r ="));
  EXPECT_THAT(answer(values, "perfect-correlation"), HasSubstr("The reasoning is right"));
}

TEST(RunQuestions, AFailedCheckComesFirst) {
  const TemporaryFolder folder;
  StudyRunOptions options;
  options.a_check_failed = true;
  const RunValues values(write_study_run(folder / "run", options));
  EXPECT_THAT(run_answer(values, "why-not-1").front().text, HasSubstr("checks failed"));
}

TEST(RunQuestions, UnknownNamesAreRefused) {
  const TemporaryFolder folder;
  const RunValues values(write_study_run(folder / "run", {}));
  try {
    run_answer(values, "why");
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_THAT(error.hint(), HasSubstr("why-not-1"));
  }
}

// Every step that the ladders of both families have is said in words.
TEST(LadderWords, EveryStepHasWords) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Model model = tiny_model(family);
    for (const std::string& target : every_target(model.config())) {
      TinyStudyOptions options;
      options.target = target;
      for (const Ladder& ladder : make_study(model, options).ladders) {
        for (std::size_t k = 1; k < ladder.rungs.size(); ++k)
          EXPECT_NE(ladder_step_words(ladder.rungs[k].name), ladder.rungs[k].name);
      }
    }
  }
  EXPECT_EQ(ladder_step_words("no such step"), "no such step");
}

TEST(StreamWords, SitesOfTheStream) {
  const ModelConfig config = tiny_model(TinyFamily::gpt2).config();
  EXPECT_EQ(stream_words("blocks.0.hook_resid_pre", config),
            "the stream before block 0, not normalised");
  EXPECT_EQ(stream_words("blocks.0.hook_resid_post", config),
            "the stream after block 0, not normalised");
  EXPECT_EQ(stream_words("blocks.0.mlp.hook_post", config), "blocks.0.mlp.hook_post");
}

}  // namespace
}  // namespace gnomon::test
