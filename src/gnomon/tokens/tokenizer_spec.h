// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gnomon/tokens/token.h"

namespace gnomon {

// A token that is found in the text as it stands, before the text is cut into pretokens.
struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool special = false;
  bool normalized = false;   // searched for after those that are not, in what they leave
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and after it
  bool single_word = false;  // only where no word character touches it
};

// One cut of the text; each step cuts what the step before it left. Names appear in messages.
enum class PretokenStep {
  gpt2,        // the expression of ByteLevel(use_regex=true)
  llama3,      // Split by Llama 3's expression: numbers in groups of three
  qwen2,       // Split by Qwen2's expression: every number on its own
  digits,      // Digits(individual_digits=true)
  digit_runs,  // Digits(individual_digits=false)
};

// A byte-level BPE tokenizer as plain data. Pieces are written in the byte-level alphabet, in which
// every byte is one printable character ("Ġthe" for " the"); added tokens are written literally.
struct TokenizerSpec {
  std::string origin;                                       // file or key, named in messages
  std::vector<std::string> pieces;                          // id -> piece
  std::vector<std::pair<std::string, std::string>> merges;  // first merge first
  std::vector<AddedToken> added;
  // Text is brought into Unicode's normalization form C between added tokens; those that are
  // `normalized` are searched for in what comes of it, in that form.
  bool compose = false;
  std::vector<PretokenStep> steps;
  bool ignore_merges = false;  // a pretoken that is a piece becomes that piece, whatever the merges
  // Stands for a byte that has no piece; without it such a byte is left out, as in Hugging Face.
  std::optional<TokenId> unknown;
  bool fuse_unknown = false;  // one unknown token for neighbouring bytes instead of one each
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
};

}  // namespace gnomon
