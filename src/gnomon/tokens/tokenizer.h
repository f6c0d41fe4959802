// SPDX-License-Identifier: Apache-2.0
// in: text   out: token ids
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/tokens/token.h"

namespace gnomon {

struct TokenizerSpec;

// Bytes [first, last) of the text.
struct TextSpan {
  std::size_t first = 0;
  std::size_t last = 0;

  friend bool operator==(const TextSpan&, const TextSpan&) = default;
};

// Spans are in order, do not overlap and, where no byte was left out, cover the text. Only a
// character's first byte need be at the start of a token: a token may hold a part of a character.
// Where the tokenizer rewrites the text, spans are those of the text as it was given; a span is
// empty where one character of it became several, and for a space that was put before the text.
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<TextSpan> spans;  // of each id
  // Bytes for which the vocabulary has neither a piece nor an unknown token. SmolLM2 has such
  // bytes; GPT-2 has none.
  std::size_t n_dropped_bytes = 0;
};

// BPE, byte-level or with byte fallback, with the ids that Hugging Face tokenizers gives for the
// same text, compared over every code point (tests/tokens). Immutable, cheap to copy, and safe to
// use from several threads.
//
// Text that is not UTF-8 has no counterpart there, where text is always Unicode. Here each
// well-formed stretch is encoded as a text of its own, and each byte between stretches as the token
// of that byte, so that decode(encode(bytes)) == bytes for a vocabulary that has every byte and a
// tokenizer that does not rewrite the text.
class Tokenizer {
 public:
  // Throws FileError, naming spec.origin, where pieces repeat, ids are out of range, a merge uses
  // or makes a piece that is not in the model's vocabulary, or space marks lack the piece of a
  // byte; UnsupportedError where steps or another normalizer stand beside space marks.
  explicit Tokenizer(TokenizerSpec spec);

  // Added tokens in the text become their ids; no token is ever added to the text.
  // Throws ArgumentError for texts of 2 GiB and more.
  std::vector<TokenId> encode(std::string_view text) const;
  Encoding encode_with_offsets(std::string_view text) const;

  // The bytes of the tokens, which need not be UTF-8; a space at their start is left out where the
  // tokenizer says so (SpaceMarks::strip). Throws ArgumentError (out_of_range).
  std::string decode(std::span<const TokenId> ids) const;

  // As in the vocabulary (TokenizerSpec), "Ġthe" or "▁the". Throws ArgumentError (out_of_range).
  std::string_view piece(TokenId id) const;
  std::optional<TokenId> find(std::string_view piece) const;
  std::int64_t d_vocab() const;
  bool is_special(TokenId id) const;
  std::optional<TokenId> bos() const;
  std::optional<TokenId> eos() const;

 private:
  struct Tables;
  std::shared_ptr<const Tables> tables_;
};

}  // namespace gnomon
