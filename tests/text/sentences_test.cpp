// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/text/corpus.h"
#include "support/temporary_folder.h"

namespace gnomon::test {
namespace {

using Texts = std::vector<std::string>;

class SentencesTest : public ::testing::Test {
 protected:
  Corpus read(const std::string& content, SentenceGroup group = SentenceGroup::none) const {
    return read_sentences(folder_.write("book.txt", content), group);
  }
  Texts texts(const std::string& content) const {
    Texts result;
    for (const TextRecord& record : read(content).records) result.push_back(record.text);
    return result;
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(SentencesTest, LinesOfAParagraphAreOneText) {
  EXPECT_EQ(texts("Alice was beginning to get\nvery tired. So she\n  slept.\n\nIt was late.\n"),
            (Texts{"Alice was beginning to get very tired.", "So she slept.", "It was late."}));
  EXPECT_EQ(texts("The mock-\nturtle and the end--\nnot yet.\r\n"),
            (Texts{"The mock-turtle and the end--not yet."}));
}

TEST_F(SentencesTest, EndsWithItsQuotesAndBrackets) {
  EXPECT_EQ(texts("\"Stop!\" she cried. \"Who is it?\" He (the king.) left... \xE2\x80\x9COh!"
                  "\xE2\x80\x9D \xE2\x80\x98No.\xE2\x80\x99 99 did."),
            (Texts{"\"Stop!\" she cried.", "\"Who is it?\"", "He (the king.) left...",
                   "\xE2\x80\x9COh!\xE2\x80\x9D", "\xE2\x80\x98No.\xE2\x80\x99", "99 did."}));
  EXPECT_EQ(texts("What?! Really. \xC3\x89lise came."),
            (Texts{"What?!", "Really.", "\xC3\x89lise came."}));
}

TEST_F(SentencesTest, AbbreviationsAndInitialsEndNothing) {
  EXPECT_EQ(
      texts("Mr. Darcy and Dr. J. Watson met St. Clare. It was I. He knew, e.g. Tom, i.e. all."),
      (Texts{"Mr. Darcy and Dr. J. Watson met St. Clare.", "It was I.",
             "He knew, e.g. Tom, i.e. all."}));
  EXPECT_EQ(texts("It cost 3.50 at 5 p.m. sharp."), (Texts{"It cost 3.50 at 5 p.m. sharp."}));
}

TEST_F(SentencesTest, HeadingsAndUnfinishedEndsAreCountedAndLeftOut) {
  const Corpus corpus = read(
      "THE BOOK\n\nA. Uthor\n\nCHAPTER I. Down the Hole\n\nShe fell. And then\n\nIV.\n\nShe "
      "landed.\n");
  ASSERT_EQ(corpus.records.size(), 2U);
  EXPECT_EQ(corpus.records[0].text, "She fell.");
  EXPECT_EQ(corpus.records[1].text, "She landed.");
  EXPECT_EQ(corpus.report.n_fragments, 5);
  EXPECT_EQ(corpus.report.n_texts, 2);
  EXPECT_EQ(corpus.report.n_lines, 11);
  EXPECT_EQ(corpus.report.n_blank, 5);
  EXPECT_EQ(texts("Part of it was true. Letter by letter."),
            (Texts{"Part of it was true.", "Letter by letter."}));
}

TEST_F(SentencesTest, SourcesAreTheLinesWhereSentencesBegin) {
  const Corpus corpus = read("\nOne two\nthree. Four\nfive. Six.\n");
  ASSERT_EQ(corpus.records.size(), 3U);
  EXPECT_EQ(corpus.records[0].source, "book.txt:2");
  EXPECT_EQ(corpus.records[1].source, "book.txt:3");
  EXPECT_EQ(corpus.records[2].source, "book.txt:4");
  EXPECT_EQ(corpus.records[2].line, 4);
}

TEST_F(SentencesTest, GroupsAreChaptersOrBooks) {
  const std::string book =
      "A preface.\n\nChapter 1\n\nOne.\n\nTwo.\n\nCHAPTER THE LAST\n\nThree.\n";
  const auto groups = [&](SentenceGroup group) {
    Texts result;
    for (const TextRecord& record : read(book, group).records) result.push_back(record.group);
    return result;
  };
  EXPECT_EQ(groups(SentenceGroup::none), (Texts{"", "", "", ""}));
  EXPECT_EQ(groups(SentenceGroup::book), Texts(4, "book.txt"));
  EXPECT_EQ(groups(SentenceGroup::chapter),
            (Texts{"book.txt#0", "book.txt#1", "book.txt#1", "book.txt#2"}));
}

TEST_F(SentencesTest, EveryByteOfAParagraphIsInASentenceOrAFragment) {
  const std::string content = "A b c. D e! \xFF\xFE (F) g? \xE2\x80\x9CH i.\xE2\x80\x9D J k.";
  std::string together;
  for (const std::string& text : texts(content)) together += (together.empty() ? "" : " ") + text;
  EXPECT_EQ(together, content);
}

TEST_F(SentencesTest, RefusesWhatIsNotPlainTextAndWhatHasNoSentence) {
  const TemporaryFolder folder;
  EXPECT_THROW(read_sentences(folder.write("t.csv", "text\na\n"), SentenceGroup::none),
               ArgumentError);
  EXPECT_THROW(read_sentences(folder.write("t.parquet", "x"), SentenceGroup::none),
               UnsupportedError);
  EXPECT_THROW(read("no end\n"), FileError);
}

}  // namespace
}  // namespace gnomon::test
