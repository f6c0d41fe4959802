// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/tokens/tokenizer_spec.h"

namespace gnomon {

// A SentencePiece BPE vocabulary as GGUF holds it; each field's comment is its key.
struct SentencePieceVocabulary {
  std::string origin;                     // the file, named in messages
  std::vector<std::string> pieces;        // tokenizer.ggml.tokens
  std::vector<double> scores;             // tokenizer.ggml.scores
  std::vector<std::int32_t> token_types;  // tokenizer.ggml.token_type
  bool space_prefix = true;               // tokenizer.ggml.add_space_prefix
  std::optional<TokenId> bos;             // tokenizer.ggml.bos_token_id
  std::optional<TokenId> eos;             // tokenizer.ggml.eos_token_id
};

// The tokenizer whose ids, of a text without the tokens below, equal those of SentencePiece (Kudo
// and Richardson 2018, arXiv:1808.06226): of the neighbours that make a piece, those that make the
// one with the best score are joined first. Control, unknown and user-defined tokens are found in
// the text as they stand, and with `space_prefix` the text between two of them begins with a space
// that is not in it, as in llama.cpp and Hugging Face.
// Throws FileError for lists that do not fit each other, UnsupportedError for what the merges of
// TokenizerSpec cannot say.
TokenizerSpec tokenizer_spec_from_sentencepiece(SentencePieceVocabulary vocabulary);

}  // namespace gnomon
