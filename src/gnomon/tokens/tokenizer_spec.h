// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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
  bool only_added = false;   // no piece of the model itself: nothing is merged into it
};

// One cut of the text; each step cuts what the step before it left. Names appear in messages.
enum class PretokenStep {
  gpt2,        // the expression of ByteLevel(use_regex=true)
  llama3,      // Split by Llama 3's expression: numbers in groups of three
  qwen2,       // Split by Qwen2's expression: every number on its own
  digits,      // Digits(individual_digits=true)
  digit_runs,  // Digits(individual_digits=false)
};

// What is done to the text between added tokens before it is cut. Added tokens that are
// `normalized` are searched for in what comes of it, themselves brought into that form.
enum class TextNormalizer {
  none,
  form_c,       // Unicode's normalization form C
  space_marks,  // spaces are written as marks (SpaceMarks)
};

// Whether a stretch of text between added tokens gets a space before it that is not in the text.
enum class SpacePrefix {
  none,
  always,              // SentencePiece's dummy prefix; Prepend in Hugging Face
  unless_there,        // where it does not begin with one; Metaspace("always")
  first_unless_there,  // and only at the start of the whole text; Metaspace("first")
};

// Pieces in the manner of SentencePiece.
struct SpaceMarks {
  SpacePrefix prefix = SpacePrefix::none;
  bool split = false;  // a pretoken begins at each mark; otherwise the text is one pretoken
  bool strip = false;  // decode leaves out a space at the start
};

// A BPE tokenizer as plain data. In one manner pieces are written in the byte-level alphabet, in
// which every byte is one printable character ("Ġthe" for " the"); in the other (`space_marks`) in
// the characters of the text, a space as U+2581 ("▁the"), and a character without piece becomes the
// pieces of its bytes ("<0x0A>"), of which all 256 must be there. Added tokens are written
// literally.
struct TokenizerSpec {
  std::string origin;                                       // file or key, named in messages
  std::vector<std::string> pieces;                          // id -> piece
  std::vector<std::pair<std::string, std::string>> merges;  // first merge first
  // Of each merge, where several are equally good and the leftmost in the text comes first; empty:
  // their order.
  std::vector<std::uint32_t> merge_ranks;
  std::vector<AddedToken> added;
  TextNormalizer normalizer = TextNormalizer::none;
  // With it no steps, and the normalizer none or space_marks: in the first case marks are put when
  // the text is cut, after the search for added tokens; in the second the prefix is none or always.
  std::optional<SpaceMarks> space_marks;
  std::vector<PretokenStep> steps;
  bool ignore_merges = false;  // a pretoken that is a piece becomes that piece, whatever the merges
  // Stands for a byte that has no piece; without it such a byte is left out, as in Hugging Face.
  std::optional<TokenId> unknown;
  bool fuse_unknown = false;  // one unknown token for neighbouring bytes instead of one each
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
};

}  // namespace gnomon
