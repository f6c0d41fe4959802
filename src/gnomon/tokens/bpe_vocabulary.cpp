// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/bpe_vocabulary.h"

#include <fmt/format.h>

#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/tokens/detail/gguf_token_type.h"

namespace gnomon {
namespace {

struct PreTokenizer {
  std::string_view name;
  std::vector<PretokenStep> steps;
  bool ignore_merges = false;
  TextNormalizer normalizer = TextNormalizer::none;
};

const std::vector<PreTokenizer>& pre_tokenizers() {
  static const std::vector<PreTokenizer> rows = {
      {.name = "gpt-2", .steps = {PretokenStep::gpt2}},
      // GPT-NeoX's tokenizer, by the names of two later models that use it
      {.name = "olmo", .steps = {PretokenStep::gpt2}, .normalizer = TextNormalizer::form_c},
      {.name = "mpt", .steps = {PretokenStep::gpt2}, .normalizer = TextNormalizer::form_c},
      {.name = "smollm", .steps = {PretokenStep::digits, PretokenStep::gpt2}},
      {.name = "llama-bpe", .steps = {PretokenStep::llama3}, .ignore_merges = true},
      {.name = "qwen2", .steps = {PretokenStep::qwen2}, .normalizer = TextNormalizer::form_c},
  };
  return rows;
}

const PreTokenizer& find_pre_tokenizer(const BpeVocabulary& vocabulary) {
  for (const PreTokenizer& row : pre_tokenizers()) {
    if (row.name == vocabulary.pre_tokenizer) return row;
  }
  throw UnsupportedError(fmt::format("\"{}\": pre-tokenizer {}, expected \"gpt-2\", \"olmo\", "
                                     "\"mpt\", \"smollm\", \"llama-bpe\" or \"qwen2\"",
                                     vocabulary.origin, quote(vocabulary.pre_tokenizer)),
                         "use the model's Hugging Face folder with its tokenizer.json");
}

}  // namespace

TokenizerSpec tokenizer_spec_from_bpe_vocabulary(BpeVocabulary vocabulary) {
  const PreTokenizer& pre_tokenizer = find_pre_tokenizer(vocabulary);
  if (!vocabulary.token_types.empty() &&
      vocabulary.token_types.size() != vocabulary.pieces.size()) {
    throw FileError(fmt::format("\"{}\": {} token types, expected one for each of {} tokens",
                                vocabulary.origin, vocabulary.token_types.size(),
                                vocabulary.pieces.size()));
  }
  TokenizerSpec spec;
  spec.steps = pre_tokenizer.steps;
  spec.ignore_merges = pre_tokenizer.ignore_merges;
  spec.normalizer = pre_tokenizer.normalizer;
  for (std::size_t i = 0; i < vocabulary.token_types.size(); ++i) {
    const std::int32_t type = vocabulary.token_types[i];
    if (type == detail::kControlToken || type == detail::kUserDefinedToken) {
      AddedToken token;
      token.id = static_cast<TokenId>(i);
      token.content = vocabulary.pieces[i];
      token.special = type == detail::kControlToken;
      spec.added.push_back(std::move(token));
    } else if (type != detail::kNormalToken && type != detail::kUnusedToken) {
      throw UnsupportedError(
          fmt::format("\"{}\": token {} has type {}, expected 1 (normal), 3 (control), 4 (user "
                      "defined) or 5 (unused) in a byte-level vocabulary",
                      vocabulary.origin, i, type));
    }
  }
  for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
    const std::string& merge = vocabulary.merges[i];
    const std::size_t space = merge.find(' ');
    if (space == std::string::npos || merge.find(' ', space + 1) != std::string::npos) {
      throw FileError(fmt::format("\"{}\": merge {} is {}, expected two pieces and one space",
                                  vocabulary.origin, i, quote(merge)));
    }
    spec.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  spec.origin = std::move(vocabulary.origin);
  spec.pieces = std::move(vocabulary.pieces);
  spec.bos = vocabulary.bos;
  spec.eos = vocabulary.eos;
  return spec;
}

}  // namespace gnomon
