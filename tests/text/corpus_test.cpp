// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/corpus.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using std::string_literals::operator""s;

class CorpusTest : public testing::Test {
 protected:
  CorpusTest() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(testing::TempDir()) / ("gnomon_corpus_"s + info->name());
    fs::create_directories(folder_);
  }
  ~CorpusTest() override { fs::remove_all(folder_); }

  fs::path file(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }

  // The message without the folder.
  std::string message_of(const std::string& name, std::string_view content) const {
    return message_of_reading(file(name, content));
  }

  std::string message_of_reading(const fs::path& path) const {
    try {
      read_corpus(path);
    } catch (const Error& error) {
      std::string message = error.what();
      const std::string prefix = folder_.string() + "/";
      for (std::size_t at = message.find(prefix); at != std::string::npos;
           at = message.find(prefix)) {
        message.erase(at, prefix.size());
      }
      return message;
    }
    return "(no error)";
  }

  fs::path folder_;
};

std::vector<std::string> texts_of(const Corpus& corpus) {
  std::vector<std::string> texts;
  for (const TextRecord& record : corpus.records) texts.push_back(record.text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST_F(CorpusTest, PlainLines) {
  const std::string content = "\xEF\xBB\xBFone\r\n\r\n  two  \n \t\none\nlast";
  const Corpus corpus = read_corpus(file("t.txt", content));
  EXPECT_EQ(texts_of(corpus), (Texts{"one", "  two  ", "one", "last"}));
  EXPECT_EQ(corpus.records[1].source, "t.txt:3");
  EXPECT_EQ(corpus.records[1].line, 3);
  EXPECT_EQ(corpus.records[3].line, 6);
  EXPECT_EQ(corpus.report.n_lines, 6);
  EXPECT_EQ(corpus.report.n_blank, 2);
  EXPECT_EQ(corpus.report.n_texts, 4);
  EXPECT_EQ(corpus.report.n_distinct, 3);
  EXPECT_EQ(corpus.report.n_empty, 0);
  EXPECT_EQ(corpus.report.sha256, sha256_hex(content));
  EXPECT_EQ(corpus.report.path, (folder_ / "t.txt").string());
}

TEST_F(CorpusTest, LastLineEndChangesNothing) {
  const Corpus without = read_text_lines(file("a.txt", "one\ntwo"));
  const Corpus with = read_text_lines(file("b.txt", "one\ntwo\n"));
  EXPECT_EQ(texts_of(without), texts_of(with));
  EXPECT_EQ(without.report.n_lines, 2);
  EXPECT_EQ(with.report.n_lines, 2);
}

TEST_F(CorpusTest, BytesAreKeptAndCounted) {
  const Corpus corpus =
      read_text_lines(file("t.txt", "a\0b\nbad \xFF byte\nlone\rreturn\ngood \xC3\xA9\n"s));
  EXPECT_EQ(texts_of(corpus), (Texts{"a\0b"s, "bad \xFF byte", "lone\rreturn", "good \xC3\xA9"}));
  EXPECT_EQ(corpus.report.n_nul, 1);
  EXPECT_EQ(corpus.report.n_invalid_utf8, 1);
}

TEST_F(CorpusTest, LongestText) {
  const std::string longest(kLargestText, 'x');
  EXPECT_EQ(read_text_lines(file("ok.txt", "a\n" + longest)).report.n_texts, 2);
  EXPECT_EQ(message_of("t.txt", "a\n" + longest + "x"),
            "\"t.txt\" line 2: found a text of 1048577 bytes, expected at most 1048576");
  EXPECT_EQ(message_of("t.jsonl", "{\"text\": \"" + longest + "x\"}"),
            "\"t.jsonl\" line 1: found a text of 1048577 bytes, expected at most 1048576");
  EXPECT_EQ(message_of("t.csv", "text\n" + longest + "x"),
            "\"t.csv\" line 2: found a value that is too long, expected at most 1048576 bytes");
  const std::string long_line =
      "{\"text\": \"a\", \"x\": \"" + std::string(kLargestJsonLine, 'x') + "\"}";
  EXPECT_EQ(message_of("u.jsonl", "\n" + long_line), "\"u.jsonl\" line 2: found a line of " +
                                                         std::to_string(long_line.size()) +
                                                         " bytes, expected at most 8388608");
}

TEST_F(CorpusTest, NothingToRead) {
  EXPECT_EQ(message_of("t.txt", ""), "\"t.txt\": found no text in 0 lines, expected at least one");
  EXPECT_EQ(message_of("t.txt", "\xEF\xBB\xBF"),
            "\"t.txt\": found no text in 0 lines, expected at least one");
  EXPECT_EQ(message_of("t.txt", "\n \n"),
            "\"t.txt\": found no text in 2 lines, expected at least one");
  EXPECT_EQ(message_of("t.csv", "text\n"),
            "\"t.csv\": found no text in 1 lines, expected at least one");
  EXPECT_EQ(message_of("t.csv", ""), "\"t.csv\": found no text in 0 lines, expected at least one");
  EXPECT_EQ(message_of("t.jsonl", "\n"),
            "\"t.jsonl\": found no text in 1 lines, expected at least one");
  EXPECT_EQ(message_of_reading(folder_ / "absent.txt"), "\"absent.txt\" does not exist");
}

TEST_F(CorpusTest, OtherFormatsAreRefusedByName) {
  EXPECT_EQ(message_of("t.txt", "\xFF\xFEh\0i\0"s),
            "\"t.txt\" line 1: found a UTF-16 or UTF-32 byte order mark, expected UTF-8");
  EXPECT_EQ(message_of("t.csv", "\0\0\xFE\xFF"s),
            "\"t.csv\" line 1: found a UTF-16 or UTF-32 byte order mark, expected UTF-8");
  EXPECT_EQ(message_of("t.JSON", "[]"),
            "\"t.JSON\" is a .json file, expected plain text lines, .csv or .jsonl");
  EXPECT_EQ(message_of("t.parquet", "PAR1"),
            "\"t.parquet\" is a .parquet file, expected plain text lines, .csv or .jsonl");
}

TEST_F(CorpusTest, CsvColumnsInAnyOrder) {
  const Corpus corpus = read_corpus(file(
      "t.CSV",
      "\xEF\xBB\xBF"
      "activation,group,text,template\r\n1.5,d1,\"a, \"\"b\"\"\",t1\r\n2,,\"two\nlines\",\r\n"));
  EXPECT_EQ(texts_of(corpus), (Texts{"a, \"b\"", "two\nlines"}));
  EXPECT_EQ(corpus.records[0].template_id, "t1");
  EXPECT_EQ(corpus.records[0].group, "d1");
  EXPECT_EQ(corpus.records[1].template_id, "");
  EXPECT_EQ(corpus.records[1].source, "t.CSV:3");
  EXPECT_EQ(corpus.report.n_lines, 4);
}

TEST_F(CorpusTest, CsvValuesAreStrings) {
  const Corpus corpus =
      read_corpus(file("t.csv", "text\nNA\nnull\nNaN\n\"\"\nNone\n\n1e5\n\" \"\n"));
  EXPECT_EQ(texts_of(corpus), (Texts{"NA", "null", "NaN", "", "None", "1e5", " "}));
  EXPECT_EQ(corpus.report.n_blank, 1);
  EXPECT_EQ(corpus.report.n_empty, 2);
  EXPECT_EQ(texts_of(read_corpus(file("u.csv", "text,x\n,1\nNA,\n"))), (Texts{"", "NA"}));
}

TEST_F(CorpusTest, CsvMistakes) {
  EXPECT_EQ(
      message_of("t.csv", "prompt,label\na,b\n"),
      "\"t.csv\" line 1: found the columns \"prompt\", \"label\", expected one named \"text\"");
  EXPECT_EQ(message_of("t.csv", "text;label\na;b\n"),
            "\"t.csv\" line 1: found the columns \"text;label\", expected one named \"text\"");
  EXPECT_EQ(message_of("t.csv", "text,text\na,b\n"),
            "\"t.csv\" line 1: found two columns \"text\", expected one");
  EXPECT_EQ(message_of("t.csv", "text,x\na,b\nc\n"),
            "\"t.csv\" line 3: found 1 fields, expected 2 as in the header");
  EXPECT_EQ(message_of("t.csv", "text\na, b\n"),
            "\"t.csv\" line 2: found 2 fields, expected 1 as in the header");
  EXPECT_EQ(message_of("t.csv", "text\n\"a\n"),
            "\"t.csv\" line 2: found a quote that is never closed, expected a closing quote before "
            "the end of "
            "the file");
}

TEST_F(CorpusTest, JsonLines) {
  const Corpus corpus =
      read_corpus(file("t.jsonl",
                       "\xEF\xBB\xBF{\"text\": \"a\\n\\u00e9\", \"template\": \"t1\"}\r\n\n"
                       "{\"id\": 3, \"text\": \"\", \"group\": \"g\"}\n{\"text\": "
                       "\"null\"}\n{\"text\": \"a\\u0000b\"}"));
  EXPECT_EQ(texts_of(corpus), (Texts{"a\n\xC3\xA9", "", "null", "a\0b"s}));
  EXPECT_EQ(corpus.records[0].template_id, "t1");
  EXPECT_EQ(corpus.records[1].group, "g");
  EXPECT_EQ(corpus.records[1].line, 3);
  EXPECT_EQ(corpus.report.n_lines, 5);
  EXPECT_EQ(corpus.report.n_blank, 1);
  EXPECT_EQ(corpus.report.n_empty, 1);
  EXPECT_EQ(corpus.report.n_nul, 1);
}

TEST_F(CorpusTest, JsonLabelsMayBeIntegers) {
  const Corpus corpus =
      read_corpus(file("t.jsonl", "{\"text\": \"a\", \"group\": 12, \"template\": -3}"));
  EXPECT_EQ(corpus.records[0].group, "12");
  EXPECT_EQ(corpus.records[0].template_id, "-3");
}

TEST_F(CorpusTest, LastOfRepeatedJsonKeysCounts) {
  const Corpus corpus = read_corpus(file("t.ndjson", "{\"text\": \"a\", \"text\": \"b\"}"));
  EXPECT_EQ(texts_of(corpus), (Texts{"b"}));
}

TEST_F(CorpusTest, JsonMistakes) {
  EXPECT_EQ(message_of("t.jsonl", "{\"text\": \"a\"}\n[1]\n"),
            "\"t.jsonl\" line 2: found array, expected an object with a string \"text\"");
  EXPECT_EQ(message_of("t.jsonl", "{\"txt\": \"a\"}\n"),
            "\"t.jsonl\" line 1: found no \"text\", expected an object with a string \"text\"");
  EXPECT_EQ(message_of("t.jsonl", "{\"text\": null}\n"),
            "\"t.jsonl\" line 1: found null for \"text\", expected a string");
  EXPECT_EQ(message_of("t.jsonl", "{\"text\": \"a\", \"group\": 7.5}\n"),
            "\"t.jsonl\" line 1: found number for \"group\", expected a string");
  for (const std::string& bad : {"{\"text\": \"a\"} x"s, "{\"text\": \"\xFF\"}"s, "{"s, "\"text"s,
                                 "{\"text\": "s + std::string(100000, '[')}) {
    const std::string message = message_of("t.jsonl", "{\"text\": \"a\"}\n" + bad + "\n");
    EXPECT_NE(message.find("t.jsonl line 2"), std::string::npos) << message;
  }
}

// Whatever the bytes, a reader returns a corpus or throws gnomon::Error.
TEST_F(CorpusTest, DamagedFilesNeverCrash) {
  const std::string csv =
      "text,template,group\r\n\"a, \"\"b\"\"\",t1,g\r\nplain,,\r\n\"two\nlines\",t,g\n";
  const std::string jsonl =
      "{\"text\": \"a\\n\\u00e9\", \"template\": \"t1\"}\r\n\n{\"text\": \"b\", \"group\": \"g\", "
      "\"x\": [1, {}]}\n";
  const std::string alphabet = "\",\r\n\0\\{}[]:\xFF\xC3 a"s;
  Random random(7, "damage");
  const auto damage = [&](std::string content) {
    for (std::uint64_t i = 0, n = 1 + random.below(4); i < n && !content.empty(); ++i) {
      const std::size_t at = random.below(content.size());
      const char c = alphabet[random.below(alphabet.size())];
      switch (random.below(4)) {
        case 0:
          content[at] = c;
          break;
        case 1:
          content.erase(at, 1 + random.below(5));
          break;
        case 2:
          content.insert(at, 1, c);
          break;
        default:
          content.resize(at);
          break;
      }
    }
    return content;
  };
  int n_read = 0;
  int n_refused = 0;
  for (int i = 0; i < 300; ++i) {
    for (const auto& [name, content] : {std::pair{"t.csv", &csv}, std::pair{"t.jsonl", &jsonl}}) {
      const fs::path path = file(name, damage(*content));
      try {
        const Corpus corpus = read_corpus(path);
        EXPECT_EQ(corpus.report.n_texts, std::ssize(corpus.records));
        ++n_read;
      } catch (const Error&) {
        ++n_refused;
      }
    }
  }
  EXPECT_GT(n_read, 30);
  EXPECT_GT(n_refused, 30);
}

TEST(CorpusOnNews, CountsOfTheOriginalStudy) {
  const fs::path path = fs::path(GNOMON_SOURCE_DIR) / "../shared/data/newslines.txt";
  if (!fs::exists(path)) GTEST_SKIP() << path << " is not present beside the repository";
  const Corpus corpus = read_corpus(path);
  // wc -l; LC_ALL=C sort -u | wc -l. Without the white space at both ends, 1312 are distinct.
  EXPECT_EQ(corpus.report.n_lines, 1354);
  EXPECT_EQ(corpus.report.n_distinct, 1313);
  EXPECT_EQ(corpus.report.n_invalid_utf8, 0);
  EXPECT_EQ(corpus.report.n_texts + corpus.report.n_blank, 1354);
}

}  // namespace
}  // namespace gnomon
