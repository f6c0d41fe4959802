// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/tokenizer.h"

#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "tokens/golden.h"

namespace gnomon::test {
namespace {

const Tokenizer& gpt2() {
  static const Tokenizer tokenizer(gpt2_spec());
  return tokenizer;
}

const Tokenizer& smollm2() {
  static const Tokenizer tokenizer(smollm2_spec());
  return tokenizer;
}

std::string random_bytes(Random& random, std::size_t n) {
  std::string bytes;
  for (std::size_t i = 0; i < n; ++i) {
    // Half ASCII, so that there is something to merge between the broken sequences.
    const std::uint64_t byte = random.below(2) == 0 ? random.below(128) : random.below(256);
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
  }
  return bytes;
}

// Spans in order and, with the dropped bytes, as long as the text.
void expect_spans_cover(const Encoding& encoding, std::size_t n_bytes) {
  ASSERT_EQ(encoding.spans.size(), encoding.ids.size());
  std::size_t at = 0;
  std::size_t n_covered = 0;
  for (const TextSpan& span : encoding.spans) {
    ASSERT_LE(at, span.first);
    ASSERT_LE(span.first, span.last);
    at = span.last;
    n_covered += span.last - span.first;
  }
  ASSERT_LE(at, n_bytes);
  if (encoding.n_dropped_bytes == 0) {
    EXPECT_EQ(n_covered, n_bytes);
  }
}

TEST(Tokenizer, GivesTheIdsOfHuggingFace) {
  ASSERT_GE(golden().texts.size(), 2000u);
  for (const std::string name : {"gpt2", "smollm2"}) {
    const Tokenizer tokenizer(golden_spec(name));
    const auto& expected = golden().ids.at(name);
    ASSERT_EQ(expected.size(), golden().texts.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(tokenizer.encode(golden().texts[i]), expected[i])
          << name << ", text " << i << ": " << Json(golden().texts[i]);
    }
  }
}

class HashedGolden : public testing::TestWithParam<std::string> {};

TEST_P(HashedGolden, GivesTheIdsOfHuggingFace) {
  const Tokenizer tokenizer(golden_spec(GetParam()));
  const std::string& digits = golden().hashes.at(GetParam());
  ASSERT_EQ(digits.size(), 6 * golden().texts.size());
  for (std::size_t i = 0; i < golden().texts.size(); ++i) {
    const std::vector<TokenId> ids = tokenizer.encode(golden().texts[i]);
    EXPECT_EQ(short_hash(ids_text(ids), 6), digits.substr(6 * i, 6))
        << "text " << i << ": " << Json(golden().texts[i]) << " gave " << ids_text(ids);
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, HashedGolden,
                         testing::Values("llama3", "qwen2", "digit_runs", "custom_added",
                                         "composed", "unknown", "fused_unknown", "tiny"),
                         [](const auto& row) { return row.param; });

TEST(Tokenizer, GivesTheIdsOfHuggingFaceForNews) {
  const std::filesystem::path path =
      std::filesystem::path(GNOMON_SOURCE_DIR) / "../shared/data/newslines.txt";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path;
  const std::string text = read_text_file(path);
  std::size_t n = 0;
  for (std::size_t at = 0; at <= text.size(); ++n) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const auto expected = golden().newslines.find(short_hash(line, 10));
    ASSERT_NE(expected, golden().newslines.end()) << "line " << n << " is not in the golden file";
    EXPECT_EQ(short_hash(ids_text(gpt2().encode(line)), 6) +
                  short_hash(ids_text(smollm2().encode(line)), 6),
              expected->second)
        << "line " << n;
  }
  EXPECT_GT(n, 1000u);
}

TEST(Tokenizer, EncodesLongPretokensInSensibleTime) {
  for (const LongText& row : golden().long_texts) {
    std::string text;
    // Every unit is ASCII or made of three-byte characters.
    const std::size_t width = static_cast<unsigned char>(row.unit[0]) < 0x80 ? 1 : 3;
    while (text.size() < row.length * width) text += row.unit;
    text.resize(row.length * width);
    text += "x";
    for (const auto& [name, hash] : row.hashes) {
      const Tokenizer& tokenizer = name == "gpt2" ? gpt2() : smollm2();
      const std::clock_t start = std::clock();
      const Encoding encoding = tokenizer.encode_with_offsets(text);
      const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
      EXPECT_EQ(short_hash(ids_text(encoding.ids), 16), hash) << name << ", " << row.unit;
      expect_spans_cover(encoding, text.size());
      // Of processor time, which other work on the machine does not change. A quadratic loop takes
      // minutes, the sanitizers some ten times what this needs.
      EXPECT_LT(seconds, 5) << name << ", " << row.unit;
    }
  }
}

TEST(Tokenizer, DecodesEveryGoldenText) {
  for (const std::string& text : golden().texts) {
    const Encoding of_gpt2 = gpt2().encode_with_offsets(text);
    EXPECT_EQ(gpt2().decode(of_gpt2.ids), text);
    EXPECT_EQ(of_gpt2.n_dropped_bytes, 0u);
    expect_spans_cover(of_gpt2, text.size());
    const Encoding of_smollm2 = smollm2().encode_with_offsets(text);
    EXPECT_EQ(smollm2().decode(of_smollm2.ids) == text, of_smollm2.n_dropped_bytes == 0);
    expect_spans_cover(of_smollm2, text.size());
  }
}

TEST(Tokenizer, EachSpanHoldsTheBytesOfItsToken) {
  Random random(3, "spans");
  for (int round = 0; round < 300; ++round) {
    std::string text = random_bytes(random, random.below(40));
    if (round % 3 == 0) text = golden().texts[random.below(golden().texts.size())] + text;
    for (int again = 0; again < 2; ++again) {  // the second time from the cache
      const Encoding encoding = gpt2().encode_with_offsets(text);
      ASSERT_EQ(gpt2().encode(text), encoding.ids);
      for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
        const TextSpan span = encoding.spans[i];
        EXPECT_EQ(gpt2().decode({&encoding.ids[i], 1}),
                  text.substr(span.first, span.last - span.first));
      }
    }
  }
}

TEST(Tokenizer, SpansOfComposedTextAreOfTheTextAsGiven) {
  const Tokenizer tokenizer(golden_spec("composed"));
  for (const std::string& text : golden().texts) {
    const Encoding encoding = tokenizer.encode_with_offsets(text);
    expect_spans_cover(encoding, text.size());
    const bool takes_blanks = text.find("<|") != std::string::npos;
    if (takes_blanks || tokenizer.decode(encoding.ids) != text) continue;
    // Nothing was composed: every token holds the bytes of its span.
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      const TextSpan span = encoding.spans[i];
      ASSERT_EQ(tokenizer.decode({&encoding.ids[i], 1}),
                text.substr(span.first, span.last - span.first));
    }
  }
  // e and its accent, three bytes, are the two bytes of the one token of é.
  TokenizerSpec spec = gpt2_spec();
  spec.normalizer = TextNormalizer::form_c;
  const Tokenizer plain(spec);
  const Encoding cafe = plain.encode_with_offsets("cafe\u0301!");
  ASSERT_EQ(plain.decode(cafe.ids), "caf\u00e9!");
  EXPECT_EQ(cafe.spans.back(), (TextSpan{6, 7}));
  EXPECT_EQ(cafe.spans[cafe.spans.size() - 2].last, 6u);
}

TEST(Tokenizer, AnyBytesRoundTrip) {
  Random random(1, "round trip");
  for (int round = 0; round < 3000; ++round) {
    const std::string bytes = random_bytes(random, random.below(60));
    const Encoding encoding = gpt2().encode_with_offsets(bytes);
    ASSERT_EQ(gpt2().decode(encoding.ids), bytes) << "round " << round;
    expect_spans_cover(encoding, bytes.size());
  }
}

TEST(Tokenizer, AnyIdsDecode) {
  Random random(2, "ids");
  for (int round = 0; round < 300; ++round) {
    std::string expected;
    std::vector<TokenId> ids(random.below(20));
    for (TokenId& id : ids) {
      id = static_cast<TokenId>(random.below(50257));
      expected += gpt2().decode({&id, 1});
    }
    const std::string text = gpt2().decode(ids);
    EXPECT_EQ(text, expected);
    EXPECT_EQ(gpt2().decode(gpt2().encode(text)), text);
  }
}

TEST(Tokenizer, InvalidBytesStandAlone) {
  // "Ã" would be a letter; its first byte alone is not, and must not join its neighbours.
  const std::string text = " the\xC3 the\xF0\x9F the";
  const Encoding encoding = gpt2().encode_with_offsets(text);
  EXPECT_EQ(encoding.ids, (std::vector<TokenId>{262, *gpt2().find("Ã"), 262, *gpt2().find("ð"),
                                                *gpt2().find("Ł"), 262}));
  EXPECT_EQ(encoding.spans[1], (TextSpan{4, 5}));
  EXPECT_EQ(gpt2().decode(encoding.ids), text);
  // Surrogates and overlong forms are three and two such bytes.
  EXPECT_EQ(gpt2().encode("\xED\xA0\x80").size(), 3u);
  EXPECT_EQ(gpt2().encode("\xC0\xAF").size(), 2u);
}

TEST(Tokenizer, LeavesOutBytesWithoutPieceAndCountsThem) {
  // SmolLM2 has no piece for U+0004; its neighbours meet, as in Hugging Face.
  const Encoding encoding = smollm2().encode_with_offsets("!\x04!");
  EXPECT_EQ(encoding.ids, smollm2().encode("!!"));
  EXPECT_EQ(encoding.n_dropped_bytes, 1u);
  EXPECT_EQ(encoding.spans, (std::vector<TextSpan>{{0, 3}}));
  EXPECT_EQ(smollm2().encode_with_offsets("\xFF").n_dropped_bytes, 1u);
  const Encoding again = smollm2().encode_with_offsets("!!");
  EXPECT_EQ(again.spans, (std::vector<TextSpan>{{0, 2}}));
}

TEST(Tokenizer, KnowsItsPieces) {
  EXPECT_EQ(gpt2().d_vocab(), 50257);
  EXPECT_EQ(smollm2().d_vocab(), 49152);
  EXPECT_EQ(gpt2().piece(262), "Ġthe");
  EXPECT_EQ(gpt2().find("Ġthe"), 262);
  EXPECT_EQ(gpt2().find("no such piece"), std::nullopt);
  EXPECT_TRUE(gpt2().is_special(50256));
  EXPECT_FALSE(gpt2().is_special(262));
  EXPECT_EQ(gpt2().eos(), 50256);
  EXPECT_EQ(smollm2().bos(), 1);
  EXPECT_EQ(gpt2().encode(""), std::vector<TokenId>{});
  EXPECT_EQ(gpt2().decode({}), "");
}

TEST(Tokenizer, RefusesIdsItDoesNotHave) {
  const std::vector<TokenId> ids = {262, 50257};
  try {
    gpt2().decode(ids);
    FAIL() << "expected ArgumentError";
  } catch (const ArgumentError& e) {
    EXPECT_EQ(e.code(), ErrorCode::out_of_range);
    EXPECT_STREQ(e.what(), "decode: token 50257, expected 0 to 50256");
  }
  EXPECT_THROW(gpt2().piece(-1), ArgumentError);
  EXPECT_THROW(gpt2().is_special(50257), ArgumentError);
}

TEST(Tokenizer, SeveralThreadsMayEncode) {
  // More distinct pretokens than the cache holds, so that its parts start over meanwhile.
  const Tokenizer tokenizer(gpt2_spec());
  const auto& expected = golden().ids.at("gpt2");
  parallel_for(0, 40, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t round = first; round < last; ++round) {
      for (std::size_t i = 0; i < expected.size(); i += 7) {
        EXPECT_EQ(tokenizer.encode(golden().texts[i]), expected[i]);
        tokenizer.encode(std::to_string(1000000 * round + static_cast<std::int64_t>(i)) + "q");
      }
    }
  });
}

TokenizerSpec small_spec() {
  TokenizerSpec spec;
  spec.origin = "small";
  spec.pieces = {"a", "b", "ab", "<end>"};
  spec.merges = {{"a", "b"}};
  spec.added = {special_token(3, "<end>")};
  spec.steps = {PretokenStep::gpt2};
  return spec;
}

template <class Change>
void expect_refused(const std::string& message, Change change) {
  TokenizerSpec spec = small_spec();
  change(spec);
  try {
    const Tokenizer tokenizer(std::move(spec));
    FAIL() << "expected: " << message;
  } catch (const FileError& e) {
    EXPECT_EQ(e.what(), "\"small\": " + message);
  }
}

TEST(Tokenizer, RefusesTablesThatDoNotFitEachOther) {
  EXPECT_EQ(Tokenizer(small_spec()).encode("ab<end>ba"), (std::vector<TokenId>{2, 3, 1, 0}));
  expect_refused("merge 1 is \"b\" \"c\", but \"c\" is not in the vocabulary",
                 [](TokenizerSpec& s) {
                   s.merges.push_back({"b", "c"});
                 });
  expect_refused("merge 1 is \"b\" \"a\", but \"ba\" is not in the vocabulary",
                 [](TokenizerSpec& s) {
                   s.merges.push_back({"b", "a"});
                 });
  expect_refused("token 4 is \"a\" as is token 0, expected each piece once",
                 [](TokenizerSpec& s) { s.pieces.push_back("a"); });
  expect_refused("added token \"<end>\" has id 4, expected 0 to 3",
                 [](TokenizerSpec& s) { s.added[0].id = 4; });
  expect_refused("added token \"<end>\" has id 2, which is \"ab\"",
                 [](TokenizerSpec& s) { s.added[0].id = 2; });
  expect_refused("added token 3 is there twice",
                 [](TokenizerSpec& s) { s.added.push_back(s.added[0]); });
  expect_refused("bos has id -1, expected 0 to 3", [](TokenizerSpec& s) { s.bos = -1; });
  expect_refused("eos has id 9, expected 0 to 3", [](TokenizerSpec& s) { s.eos = 9; });
  expect_refused("the unknown token has id 4, expected 0 to 3",
                 [](TokenizerSpec& s) { s.unknown = 4; });
}

TEST(Tokenizer, AnEmptyVocabularyEncodesNothing) {
  TokenizerSpec spec;
  spec.origin = "empty";
  const Encoding encoding = Tokenizer(spec).encode_with_offsets("abc");
  EXPECT_TRUE(encoding.ids.empty());
  EXPECT_EQ(encoding.n_dropped_bytes, 3u);
}

TEST(Tokenizer, AByteThatIsAlsoAnAddedTokenDecodesToItself) {
  const Tokenizer tokenizer(golden_spec("custom_added"));
  const std::string bytes = "\xE9";
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(bytes)), bytes);
}

}  // namespace
}  // namespace gnomon::test
