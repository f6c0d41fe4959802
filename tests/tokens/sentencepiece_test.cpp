// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <ctime>
#include <functional>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/text/utf8.h"
#include "gnomon/tokens/detail/space_marks.h"
#include "gnomon/tokens/sentencepiece_vocabulary.h"
#include "gnomon/tokens/tokenizer.h"
#include "tokens/sentencepiece_golden.h"

namespace gnomon::test {
namespace {

const Tokenizer& mistral() {
  static const Tokenizer tokenizer(sentencepiece_spec("prepend"));
  return tokenizer;
}

class SentencePieceGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(SentencePieceGoldenTest, GivesTheIdsOfHuggingFace) {
  const Tokenizer tokenizer(sentencepiece_spec(GetParam()));
  const std::vector<std::string>& texts = sentencepiece_golden().texts;
  const std::string& digits = sentencepiece_golden().hashes.at(GetParam());
  ASSERT_EQ(digits.size(), 6 * texts.size());
  ASSERT_GT(texts.size(), 2500u);
  for (int again = 0; again < 2; ++again) {  // the second time short pretokens are known
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const Encoding encoding = tokenizer.encode_with_offsets(texts[i]);
      EXPECT_EQ(short_hash(ids_text(encoding.ids), 6), digits.substr(6 * i, 6))
          << "text " << i << ": " << Json(texts[i]) << " gave " << ids_text(encoding.ids);
      EXPECT_EQ(encoding.n_dropped_bytes, 0u);
    }
  }
}

// In order, as long as the text together, and of each token the bytes that it decodes to.
TEST_P(SentencePieceGoldenTest, EachSpanHoldsTheBytesOfItsToken) {
  const TokenizerSpec spec = sentencepiece_spec(GetParam());
  const Tokenizer tokenizer(spec);
  for (const std::string& text : sentencepiece_golden().texts) {
    // Added tokens, of which three are "word", "\u00e9" and "\U0001F600", may take blanks along;
    // U+2581 becomes a blank.
    const auto has = [&](std::string_view part) { return text.find(part) != text.npos; };
    if (has("<") || has("word") || has("\u00e9") || has("\U0001F600") || has(detail::kSpaceMark))
      continue;
    const Encoding encoding = tokenizer.encode_with_offsets(text);
    std::size_t at = 0;
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      const TextSpan span = encoding.spans[i];
      ASSERT_EQ(span.first, at) << Json(text);
      at = span.last;
      const std::string piece(tokenizer.piece(encoding.ids[i]));
      std::string bytes = detail::bytes_of_marked_piece(piece);
      const std::string expected = text.substr(span.first, span.last - span.first);
      // A blank that is not in the text.
      if (bytes.size() == expected.size() + 1 && bytes.starts_with(' ')) bytes.erase(0, 1);
      ASSERT_EQ(bytes, expected) << Json(text) << ", token " << i;
    }
    EXPECT_EQ(at, text.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, SentencePieceGoldenTest,
                         testing::Values("prepend", "prepend_normalized", "replace", "first",
                                         "first_added", "always_split", "never",
                                         "never_split_whole", "tiny_metaspace"),
                         [](const auto& row) { return row.param; });

TEST(SentencePiece, EverySettingOfTheGoldenFileIsRun) {
  EXPECT_EQ(sentencepiece_golden().hashes.size(), 9u);
}

TEST(SentencePiece, MakesTheMergesThatHuggingFaceWrites) {
  std::string lines;
  for (const auto& [left, right] : sentencepiece_spec("prepend").merges)
    lines += (lines.empty() ? "" : "\n") + left + " " + right;
  EXPECT_EQ(short_hash(lines, 16), sentencepiece_golden().merges_hash);
}

TEST(SentencePiece, DecodesAsHuggingFace) {
  const Tokenizer tokenizer(sentencepiece_spec("tiny_metaspace"));
  std::size_t n_compared = 0;
  for (std::size_t i = 0; i < sentencepiece_golden().texts.size(); ++i) {
    const std::string text = tokenizer.decode(tokenizer.encode(sentencepiece_golden().texts[i]));
    ASSERT_TRUE(is_valid_utf8(text));
    EXPECT_EQ(short_hash(text, 6), sentencepiece_golden().decoded_hashes.substr(6 * i, 6))
        << Json(sentencepiece_golden().texts[i]);
    ++n_compared;
  }
  EXPECT_GT(n_compared, 2500u);
}

TEST(SentencePiece, WritesBytesOfCharactersWithoutPiece) {
  const std::vector<TokenId> ids = mistral().encode("a\U0001F9FF\n");
  std::vector<std::string> pieces;
  for (const TokenId id : ids) pieces.emplace_back(mistral().piece(id));
  EXPECT_EQ(pieces, (std::vector<std::string>{"\u2581a", "<0xF0>", "<0x9F>", "<0xA7>", "<0xBF>",
                                              "<0x0A>"}));
  EXPECT_EQ(mistral().decode(ids), "a\U0001F9FF\n");
  EXPECT_EQ(mistral().piece(262), "in");
  EXPECT_EQ(mistral().bos(), 1);
  EXPECT_TRUE(mistral().is_special(0));
}

TEST(SentencePiece, AnyBytesRoundTripWithoutPrefix) {
  const Tokenizer tokenizer(sentencepiece_spec("never"));
  Random random(1, "sentencepiece bytes");
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (std::uint64_t n = random.below(40); n > 0; --n)
      bytes += static_cast<char>(random.below(2) == 0 ? random.below(128) : random.below(256));
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(bytes)), bytes);
  }
}

TEST(SentencePiece, TheSpaceBeforeATextHasAnEmptySpan) {
  // U+4E00 is a piece; with a mark before it there is none.
  const Encoding encoding = mistral().encode_with_offsets("\u4e00 b");
  ASSERT_EQ(encoding.ids.size(), 3u);
  EXPECT_EQ(encoding.spans, (std::vector<TextSpan>{{0, 0}, {0, 3}, {3, 5}}));
  EXPECT_EQ(mistral().decode(encoding.ids), "\u4e00 b");
}

TEST(SentencePiece, EncodesLongTextsInSensibleTime) {
  for (const char* unit : {"a", " ", "ab", "the ", "\u65e5"}) {
    std::string text;
    while (text.size() < 200000) text += unit;
    const std::clock_t start = std::clock();
    const std::vector<TokenId> ids = mistral().encode(text);
    EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 10) << unit;
    EXPECT_EQ(mistral().decode(ids), text);
  }
}

// Every byte, "a", "b", "ab" and a mark.
SentencePieceVocabulary small_vocabulary() {
  SentencePieceVocabulary vocabulary;
  vocabulary.origin = "model.gguf";
  const auto add = [&](std::string piece, double score, std::int32_t type) {
    vocabulary.pieces.push_back(std::move(piece));
    vocabulary.scores.push_back(score);
    vocabulary.token_types.push_back(type);
  };
  for (unsigned byte = 0; byte < 256; ++byte)
    add(detail::byte_piece(static_cast<unsigned char>(byte)), 0, 6);
  add("a", -2, 1);
  add("b", -3, 1);
  add("ab", -1, 1);
  add(std::string(detail::kSpaceMark), -4, 1);
  return vocabulary;
}

// What the library sentencepiece gives for such a vocabulary: ["ba", "c"].
TEST(SentencePiece, OfEqualScoresTheLeftmostIsJoined) {
  SentencePieceVocabulary vocabulary = small_vocabulary();
  vocabulary.space_prefix = false;
  vocabulary.pieces[258] = "ba";
  for (const char* piece : {"c", "ac"}) {
    vocabulary.pieces.emplace_back(piece);
    vocabulary.token_types.push_back(1);
    vocabulary.scores.push_back(-1);
  }
  const Tokenizer tokenizer(tokenizer_spec_from_sentencepiece(vocabulary));
  EXPECT_EQ(tokenizer.encode("bac"), (std::vector<TokenId>{258, 260}));
}

TEST(SentencePiece, KnowsUserDefinedTokensAndMayGoWithoutPrefix) {
  SentencePieceVocabulary vocabulary = small_vocabulary();
  vocabulary.pieces.push_back("<x>");
  vocabulary.scores.push_back(0);
  vocabulary.token_types.push_back(4);
  const Tokenizer with_prefix(tokenizer_spec_from_sentencepiece(vocabulary));
  EXPECT_EQ(with_prefix.encode("ab<x>ab"), (std::vector<TokenId>{259, 258, 260, 259, 258}));
  EXPECT_FALSE(with_prefix.is_special(260));
  vocabulary.space_prefix = false;
  const Tokenizer without(tokenizer_spec_from_sentencepiece(vocabulary));
  EXPECT_EQ(without.encode("ab<x> ab"), (std::vector<TokenId>{258, 260, 259, 258}));
  EXPECT_EQ(without.decode(without.encode(" ab")), " ab");
}

template <class ErrorType>
std::string refusal(const std::function<void(SentencePieceVocabulary&)>& change) {
  SentencePieceVocabulary vocabulary = small_vocabulary();
  change(vocabulary);
  try {
    const Tokenizer tokenizer(tokenizer_spec_from_sentencepiece(vocabulary));
  } catch (const ErrorType& e) {
    return e.what();
  }
  return "accepted";
}

TEST(SentencePiece, RefusesWhatItCannotSay) {
  EXPECT_EQ(refusal<UnsupportedError>([](auto& v) { v.token_types[258] = 5; }),
            "\"model.gguf\": token 258, \"ab\", is unused, and a text can lead to it");
  EXPECT_EQ(refusal<UnsupportedError>([](auto& v) { v.token_types[256] = 5; }),
            "\"model.gguf\": token 256, \"a\", is unused, and a text can lead to it");
  EXPECT_EQ(refusal<UnsupportedError>([](auto& v) { v.pieces[258] = "ac"; }),
            "\"model.gguf\": token 258, \"ac\", has a character that is no token of its own");
  EXPECT_EQ(refusal<UnsupportedError>([](auto& v) {
              v.pieces[258] = "ac";
              v.token_types[258] = 5;
            }),
            "\"model.gguf\": token 258, \"ac\", has a character that is no token of its own");
  EXPECT_EQ(refusal<UnsupportedError>([](auto& v) {
              v.pieces[258] = "\u2581\u2581";
              v.token_types[258] = 4;
            }),
            "\"model.gguf\": token 258, \"\\xe2\\x96\\x81\\xe2\\x96\\x81\", is found in the text "
            "as it stands and has the "
            "sign of a space");
  EXPECT_EQ(
      refusal<UnsupportedError>([](auto& v) {
        for (std::size_t n = 3; n <= 100; ++n) {
          v.pieces.push_back(std::string(n, 'a'));
          v.scores.push_back(0);
          v.token_types.push_back(1);
        }
        v.pieces[258] = "aa";
      }),
      "\"model.gguf\": more than 8 ways to make a token of two others for each of 358 tokens");
  EXPECT_EQ(refusal<UnsupportedError>([](auto& v) { v.token_types[3] = 7; }),
            "\"model.gguf\": token 3 has type 7, expected 1 to 6");
  EXPECT_EQ(refusal<UnsupportedError>([](auto& v) { v.pieces[258] = std::string(257, 'a'); }),
            "\"model.gguf\": token 258 has 257 bytes, expected at most 256");
  EXPECT_EQ(refusal<FileError>([](auto& v) { v.scores[7] = std::nan(""); }),
            "\"model.gguf\": the score of token 7 is nan, expected a number");
  EXPECT_EQ(refusal<FileError>([](auto& v) { v.scores.pop_back(); }),
            "\"model.gguf\": 259 scores and 260 token types, expected one for each of 260 tokens");
  EXPECT_EQ(refusal<FileError>([](auto& v) { v.pieces[10] = "x"; }),
            "\"model.gguf\": no token \"<0x0A>\", expected one for each byte");
  EXPECT_EQ(refusal<FileError>([](auto& v) { v.pieces[259] = "a"; }),
            "\"model.gguf\": token 259 is \"a\" as is token 256, expected each piece once");
}

TEST(SentencePiece, StandsAlone) {
  const auto refused = [](const std::function<void(TokenizerSpec&)>& change) {
    TokenizerSpec spec = tokenizer_spec_from_sentencepiece(small_vocabulary());
    change(spec);
    EXPECT_THROW(Tokenizer{spec}, Error);
  };
  refused([](TokenizerSpec& spec) { spec.steps = {PretokenStep::gpt2}; });
  refused([](TokenizerSpec& spec) { spec.normalizer = TextNormalizer::form_c; });
  refused([](TokenizerSpec& spec) { spec.space_marks.reset(); });
  refused([](TokenizerSpec& spec) { spec.space_marks->prefix = SpacePrefix::unless_there; });
  refused([](TokenizerSpec& spec) { spec.merge_ranks.push_back(7); });
}

}  // namespace
}  // namespace gnomon::test
