// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>

#include "gnomon/tensor/gguf.h"
#include "gnomon/tokens/bpe_vocabulary.h"
#include "gnomon/tokens/tokenizer.h"
#include "support/real_model.h"
#include "tokens/golden.h"

namespace gnomon::test {
namespace {

template <class T>
std::vector<T> values_of(const GgufFile& file, const std::string& key) {
  std::vector<T> values;
  const GgufValue::Array* array = file.find_array(key);
  if (array == nullptr) throw std::runtime_error("no key " + key);
  for (const GgufValue& entry : *array) values.push_back(std::get<T>(entry.value));
  return values;
}

TEST(SmolLM2Tokenizer, OfTheModelFileIsTheOneOfTheGoldenFile) {
  const std::optional<std::filesystem::path> found = smollm2_path();
  if (!found) GTEST_SKIP() << kNoRealModel;
  const std::filesystem::path& path = *found;
  const GgufFile file(path);
  BpeVocabulary vocabulary;
  vocabulary.origin = path.string();
  vocabulary.pieces = values_of<std::string>(file, "tokenizer.ggml.tokens");
  vocabulary.merges = values_of<std::string>(file, "tokenizer.ggml.merges");
  for (const std::int64_t type : values_of<std::int64_t>(file, "tokenizer.ggml.token_type")) {
    vocabulary.token_types.push_back(static_cast<std::int32_t>(type));
  }
  vocabulary.pre_tokenizer = *file.find_string("tokenizer.ggml.pre");
  vocabulary.bos = static_cast<TokenId>(file.integer("tokenizer.ggml.bos_token_id"));
  vocabulary.eos = static_cast<TokenId>(file.integer("tokenizer.ggml.eos_token_id"));

  const TokenizerSpec spec = tokenizer_spec_from_bpe_vocabulary(vocabulary);
  const TokenizerSpec expected = smollm2_spec();
  EXPECT_EQ(spec.pieces, expected.pieces);
  EXPECT_EQ(spec.merges, expected.merges);
  EXPECT_EQ(spec.bos, expected.bos);
  EXPECT_EQ(spec.eos, expected.eos);
  ASSERT_EQ(spec.added.size(), 17u);

  const Tokenizer tokenizer(spec);
  for (std::size_t i = 0; i < golden().texts.size(); ++i) {
    EXPECT_EQ(tokenizer.encode(golden().texts[i]), golden().ids.at("smollm2")[i])
        << "text " << i << ": " << Json(golden().texts[i]);
  }
}

}  // namespace
}  // namespace gnomon::test
