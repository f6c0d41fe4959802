// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/tokens/tokenizer_spec.h"

namespace gnomon {

// A byte-level BPE vocabulary as GGUF holds it; each field's comment is its key.
struct BpeVocabulary {
  std::string origin;                     // the file, named in messages
  std::vector<std::string> pieces;        // tokenizer.ggml.tokens
  std::vector<std::int32_t> token_types;  // tokenizer.ggml.token_type; empty: all normal
  std::vector<std::string> merges;        // tokenizer.ggml.merges, "left right"
  std::string pre_tokenizer;              // tokenizer.ggml.pre
  std::optional<TokenId> bos;             // tokenizer.ggml.bos_token_id
  std::optional<TokenId> eos;             // tokenizer.ggml.eos_token_id
};

// The tokenizer whose ids equal those of the Hugging Face tokenizer that the vocabulary was
// converted from. Understands the pre-tokenizers "gpt-2", "olmo", "mpt", "smollm",
// "llama-bpe" and "qwen2".
// Control and user-defined tokens are found in the text, neither strips white space. Throws
// FileError for lists that do not fit each other, UnsupportedError for other pre-tokenizers and
// token types.
TokenizerSpec tokenizer_spec_from_bpe_vocabulary(BpeVocabulary vocabulary);

}  // namespace gnomon
