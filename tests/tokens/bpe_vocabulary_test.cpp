// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/bpe_vocabulary.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "gnomon/tokens/tokenizer.h"
#include "tokens/golden.h"

namespace gnomon::test {
namespace {

BpeVocabulary as_vocabulary(const TokenizerSpec& spec, std::string pre_tokenizer) {
  BpeVocabulary vocabulary;
  vocabulary.origin = "model.gguf";
  vocabulary.pieces = spec.pieces;
  vocabulary.token_types.assign(spec.pieces.size(), 1);
  for (const AddedToken& token : spec.added) {
    vocabulary.token_types[static_cast<std::size_t>(token.id)] = 3;
  }
  for (const auto& [left, right] : spec.merges) vocabulary.merges.push_back(left + " " + right);
  vocabulary.pre_tokenizer = std::move(pre_tokenizer);
  vocabulary.bos = spec.bos;
  vocabulary.eos = spec.eos;
  return vocabulary;
}

TEST(BpeVocabulary, GivesTheTokenizersOfHuggingFace) {
  const std::pair<std::string, std::string> rows[] = {
      {"gpt2", "gpt-2"}, {"smollm2", "smollm"}, {"llama3", "llama-bpe"}};
  for (const auto& [name, pre_tokenizer] : rows) {
    const TokenizerSpec spec = golden_spec(name);
    const Tokenizer expected(spec);
    const Tokenizer tokenizer(
        tokenizer_spec_from_bpe_vocabulary(as_vocabulary(spec, pre_tokenizer)));
    EXPECT_EQ(tokenizer.eos(), expected.eos());
    EXPECT_TRUE(tokenizer.is_special(spec.added[0].id));
    for (const std::string& text : golden().texts) {
      ASSERT_EQ(tokenizer.encode(text), expected.encode(text)) << pre_tokenizer << Json(text);
    }
  }
}

TEST(BpeVocabulary, OfQwen2Composes) {
  TokenizerSpec spec = golden_spec("qwen2");
  const Tokenizer tokenizer(tokenizer_spec_from_bpe_vocabulary(as_vocabulary(spec, "qwen2")));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("e\u0301")), "\u00e9");
  spec.normalizer = TextNormalizer::form_c;
  const Tokenizer expected(spec);
  for (const std::string& text : golden().texts)
    ASSERT_EQ(tokenizer.encode(text), expected.encode(text)) << Json(text);
}

TEST(BpeVocabulary, UserDefinedTokensAreFoundButNotSpecial) {
  BpeVocabulary vocabulary;
  vocabulary.pieces = {"a", "b", "<x>", "unused"};
  vocabulary.token_types = {1, 1, 4, 5};
  vocabulary.pre_tokenizer = "gpt-2";
  const Tokenizer tokenizer(tokenizer_spec_from_bpe_vocabulary(vocabulary));
  EXPECT_EQ(tokenizer.encode("a<x>b"), (std::vector<TokenId>{0, 2, 1}));
  EXPECT_FALSE(tokenizer.is_special(2));
  EXPECT_EQ(tokenizer.find("unused"), 3);
}

TEST(BpeVocabulary, RefusesWhatItDoesNotKnow) {
  BpeVocabulary vocabulary = as_vocabulary(golden_spec("tiny"), "deepseek-llm");
  try {
    tokenizer_spec_from_bpe_vocabulary(vocabulary);
    FAIL() << "expected UnsupportedError";
  } catch (const UnsupportedError& e) {
    EXPECT_STREQ(e.what(),
                 "\"model.gguf\": pre-tokenizer \"deepseek-llm\", expected \"gpt-2\", \"olmo\", "
                 "\"mpt\", \"smollm\", \"llama-bpe\" or \"qwen2\"");
  }
  vocabulary.pre_tokenizer = "gpt-2";
  vocabulary.token_types[7] = 6;
  EXPECT_THROW(tokenizer_spec_from_bpe_vocabulary(vocabulary), UnsupportedError);
  vocabulary.token_types.pop_back();
  EXPECT_THROW(tokenizer_spec_from_bpe_vocabulary(vocabulary), FileError);
  vocabulary.token_types.clear();
  for (const char* merge : {"", "ab", "a b c", "a  b"}) {
    vocabulary.merges[3] = merge;
    EXPECT_THROW(tokenizer_spec_from_bpe_vocabulary(vocabulary), FileError) << merge;
  }
}

}  // namespace
}  // namespace gnomon::test
