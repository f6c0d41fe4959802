// SPDX-License-Identifier: Apache-2.0
// read_sentences of corpus.h
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/text/corpus.h"
#include "gnomon/text/detail/corpus_builder.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

// Words after which a full stop ends no sentence. Single capital letters, other than I, are
// initials.
constexpr std::array<std::string_view, 26> kAbbreviations = {
    "Mr",  "Mrs", "Ms",  "Messrs", "Dr", "St", "Rev", "Hon", "Prof", "Capt", "Col", "Gen", "Lt",
    "Sgt", "Esq", "Mme", "Mlle",   "Jr", "Sr", "No",  "Vol", "vol",  "i.e",  "e.g", "viz", "cf"};

constexpr std::array<std::string_view, 8> kHeadingWords = {"chapter", "book",  "part",    "volume",
                                                           "letter",  "stave", "section", "canto"};
constexpr std::array<std::string_view, 13> kSpelledNumbers = {
    "one",   "two",  "three", "four", "five",   "six",   "seven",
    "eight", "nine", "ten",   "the",  "eleven", "twelve"};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

template <std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\v\f\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

struct Paragraph {
  struct Start {
    std::size_t offset;
    std::int64_t number;  // of the line that begins there
  };
  std::string text;
  std::vector<Start> lines;

  void add(std::string_view line, std::int64_t number) {
    const std::string_view content = trimmed(line);
    // A dash at the end of a line stands between two words without spaces.
    if (!text.empty() && !text.ends_with('-') && !text.ends_with("\u2014")) text += ' ';
    lines.push_back({text.size(), number});
    text += content;
  }

  std::int64_t line_at(std::size_t offset) const {
    const auto after = std::upper_bound(
        lines.begin(), lines.end(), offset,
        [](std::size_t value, const Start& start) { return value < start.offset; });
    return std::prev(after)->number;
  }
};

std::string_view word_at(std::string_view text, std::size_t offset) {
  const std::size_t first = std::min(text.find_first_not_of(' ', offset), text.size());
  const std::size_t end = std::min(text.find_first_of(" .:-", first), text.size());
  return text.substr(first, end - first);
}

bool is_number(std::string_view word) {
  const auto all = [&](auto test) { return std::all_of(word.begin(), word.end(), test); };
  return !word.empty() && (all(is_digit) || all([](char c) {
                             return std::string_view("IVXLCDM").find(c) != std::string_view::npos;
                           }) ||
                           is_one_of(kSpelledNumbers, lower_case(word)));
}

// "CHAPTER IV. The Rabbit", "Part 2", "BOOK THE FIRST".
bool starts_chapter(std::string_view text) {
  const std::string_view first = word_at(text, 0);
  if (first.empty() || !is_upper(first.front()) || !is_one_of(kHeadingWords, lower_case(first)))
    return false;
  return is_number(word_at(text, first.size()));
}

// False for what is all in capitals: a title, a heading, a bare number.
bool has_lower_case(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_lower);
}

// The length of a character of `set` at `offset`, or 0.
std::size_t one_of(std::string_view text, std::size_t offset, std::u32string_view set) {
  if (offset >= text.size()) return 0;
  const Utf8Character c = utf8_character_at(text, offset);
  return c.valid && set.find(c.code_point) != std::u32string_view::npos ? c.n_bytes : 0;
}

constexpr std::u32string_view kEnds = U".!?\u2026";
constexpr std::u32string_view kClosers = U"\"')]_\u2019\u201D\u00BB";
constexpr std::u32string_view kOpeners = U"\"'([_\u2018\u201C\u00AB";

bool may_begin_sentence(std::string_view text, std::size_t offset) {
  while (const std::size_t n = one_of(text, offset, kOpeners)) offset += n;
  if (offset >= text.size()) return false;
  const Utf8Character c = utf8_character_at(text, offset);
  if (c.code_point < 0x80) return is_upper(text[offset]) || is_digit(text[offset]);
  // Capitals of Latin-1.
  return c.valid && c.code_point >= 0xC0 && c.code_point <= 0xDE && c.code_point != 0xD7;
}

// Whether the full stop at `offset` belongs to the word before it.
bool is_abbreviation(std::string_view text, std::size_t begin, std::size_t offset) {
  const std::string_view before = text.substr(begin, offset - begin);
  const std::size_t space = before.find_last_of(" ([\"'\u201C-");
  const std::string_view word = space == std::string_view::npos ? before : before.substr(space + 1);
  if (word.size() == 1 && is_upper(word[0]) && word[0] != 'I') return true;
  return is_one_of(kAbbreviations, word);
}

// Where the sentence that begins at `begin` ends, behind its closing quotes; npos where the text
// ends first.
std::size_t sentence_end(std::string_view text, std::size_t begin) {
  for (std::size_t i = begin; i < text.size();) {
    std::size_t n = one_of(text, i, kEnds);
    if (n == 0) {
      i += utf8_character_at(text, i).n_bytes;
      continue;
    }
    const bool full_stop = text[i] == '.';
    const std::size_t first = i;
    for (; n > 0; n = one_of(text, i, kEnds)) i += n;
    const bool single_stop = full_stop && i == first + 1;
    while (const std::size_t closer = one_of(text, i, kClosers)) i += closer;
    if (i == text.size()) return i;
    if (text[i] != ' ' || !may_begin_sentence(text, i + 1)) continue;
    if (single_stop && i == first + 1 && is_abbreviation(text, begin, first)) continue;
    return i;
  }
  return std::string_view::npos;
}

class SentenceReader {
 public:
  SentenceReader(const fs::path& path, SentenceGroup group)
      : builder_(path), name_(path.filename().string()), group_(group) {}

  Corpus read() && {
    detail::for_each_line(builder_.body(), [&](const detail::Line& line) {
      if (detail::is_blank(line.content)) {
        builder_.count_blank();
        finish_paragraph();
      } else {
        paragraph_.add(line.content, line.number);
      }
    });
    finish_paragraph();
    return std::move(builder_).finish();
  }

 private:
  void finish_paragraph() {
    const std::string_view text = paragraph_.text;
    if (text.empty()) return;
    if (starts_chapter(text)) {
      ++chapter_;
      builder_.count_fragment();
    } else if (!has_lower_case(text)) {
      builder_.count_fragment();
    } else {
      split(text);
    }
    paragraph_ = {};
  }

  void split(std::string_view text) {
    for (std::size_t begin = 0; begin < text.size();) {
      const std::size_t end = sentence_end(text, begin);
      if (end == std::string_view::npos) return builder_.count_fragment();
      builder_.add(std::string(text.substr(begin, end - begin)), paragraph_.line_at(begin), {},
                   group_name());
      begin = end + (end < text.size() ? 1 : 0);
    }
  }

  std::string group_name() const {
    switch (group_) {
      case SentenceGroup::none:
        return {};
      case SentenceGroup::chapter:
        return fmt::format("{}#{}", name_, chapter_);
      case SentenceGroup::book:
        return name_;
    }
    throw InternalError("read_sentences: a group without a name");
  }

  detail::CorpusBuilder builder_;
  std::string name_;
  SentenceGroup group_;
  Paragraph paragraph_;
  std::int64_t chapter_ = 0;  // 0 before the first heading
};

}  // namespace

Corpus read_sentences(const fs::path& path, SentenceGroup group) {
  if (corpus_format(path) != CorpusFormat::lines) {
    throw ArgumentError(
        fmt::format("read_sentences: \"{}\" has one text a record, expected plain text",
                    path.string()),
        "read it without splitting into sentences");
  }
  return SentenceReader(path, group).read();
}

}  // namespace gnomon
