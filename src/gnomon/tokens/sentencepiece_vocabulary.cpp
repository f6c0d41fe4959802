// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/sentencepiece_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <tuple>
#include <unordered_set>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/text/utf8.h"
#include "gnomon/tokens/detail/gguf_token_type.h"
#include "gnomon/tokens/detail/space_marks.h"

namespace gnomon {
namespace {

// Bounds the work on a damaged file: each place where a piece can be cut is looked up. The longest
// of Llama 2 has 48 bytes.
constexpr std::size_t kLongestPiece = 256;
// Of all pieces together, for each; Mistral's vocabulary has 1.8.
constexpr std::size_t kMostMerges = 8;

constexpr const char* kUseFolder = "use the model's Hugging Face folder with its tokenizer.json";

// What merges make; control tokens and bytes are not among them.
bool is_text_piece(std::int32_t type) {
  return type == detail::kNormalToken || type == detail::kUnusedToken;
}

// Found in the text as it stands.
bool is_found_whole(std::int32_t type) {
  return type == detail::kControlToken || type == detail::kUnknownToken ||
         type == detail::kUserDefinedToken;
}

using PieceSet = std::unordered_set<std::string_view>;

struct ScoredMerge {
  double score = 0;
  std::size_t n_left = 0;  // characters
  std::size_t n_right = 0;
  std::string_view left;
  std::string_view right;
};

void check_lists(const SentencePieceVocabulary& vocabulary) {
  const std::size_t n = vocabulary.pieces.size();
  if (vocabulary.scores.size() != n || vocabulary.token_types.size() != n) {
    throw FileError(
        fmt::format("\"{}\": {} scores and {} token types, expected one for each of {} "
                    "tokens",
                    vocabulary.origin, vocabulary.scores.size(), vocabulary.token_types.size(), n));
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t type = vocabulary.token_types[i];
    if (type < detail::kNormalToken || type > detail::kByteToken) {
      throw UnsupportedError(
          fmt::format("\"{}\": token {} has type {}, expected 1 to 6", vocabulary.origin, i, type));
    }
    if (!std::isfinite(vocabulary.scores[i])) {
      throw FileError(fmt::format("\"{}\": the score of token {} is {}, expected a number",
                                  vocabulary.origin, i, vocabulary.scores[i]));
    }
    if (is_found_whole(type) &&
        vocabulary.pieces[i].find(detail::kSpaceMark) != std::string::npos) {
      throw UnsupportedError(
          fmt::format("\"{}\": token {}, {}, is found in the text as it stands and has the sign of "
                      "a space",
                      vocabulary.origin, i, quote(vocabulary.pieces[i])),
          kUseFolder);
    }
    if (vocabulary.pieces[i].size() > kLongestPiece) {
      throw UnsupportedError(fmt::format("\"{}\": token {} has {} bytes, expected at most {}",
                                         vocabulary.origin, i, vocabulary.pieces[i].size(),
                                         kLongestPiece));
    }
  }
}

PieceSet text_pieces(const SentencePieceVocabulary& vocabulary) {
  PieceSet pieces;
  for (std::size_t i = 0; i < vocabulary.pieces.size(); ++i) {
    if (is_text_piece(vocabulary.token_types[i])) pieces.insert(vocabulary.pieces[i]);
  }
  return pieces;
}

// The ways to make a piece of two others.
void add_merges(const SentencePieceVocabulary& vocabulary, const PieceSet& pieces, std::size_t id,
                std::vector<ScoredMerge>& merges) {
  const std::string_view piece = vocabulary.pieces[id];
  std::vector<std::size_t> cuts;  // where characters end, the last one's left out
  bool has_strange = false;
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t end = at + utf8_character_at(piece, at).n_bytes;
    has_strange = has_strange || !pieces.contains(piece.substr(at, end - at));
    if (end < piece.size()) cuts.push_back(end);
    at = end;
  }
  const std::size_t n_before = merges.size();
  for (std::size_t k = 0; k < cuts.size(); ++k) {
    const std::string_view left = piece.substr(0, cuts[k]);
    const std::string_view right = piece.substr(cuts[k]);
    if (pieces.contains(left) && pieces.contains(right))
      merges.push_back({vocabulary.scores[id], k + 1, cuts.size() - k, left, right});
  }
  // SentencePiece joins characters without a piece of their own, takes unused pieces apart again
  // after it has joined them, and writes an unused character as its bytes.
  const bool is_unused = vocabulary.token_types[id] == detail::kUnusedToken;
  const bool can_be_made = merges.size() > n_before;
  if ((has_strange && !cuts.empty()) || (is_unused && (can_be_made || cuts.empty()))) {
    throw UnsupportedError(
        fmt::format("\"{}\": token {}, {}, {}", vocabulary.origin, id, quote(piece),
                    has_strange ? "has a character that is no token of its own"
                                : "is unused, and a text can lead to it"),
        kUseFolder);
  }
  if (merges.size() > kMostMerges * vocabulary.pieces.size()) {
    throw UnsupportedError(
        fmt::format("\"{}\": more than {} ways to make a token of two others for "
                    "each of {} tokens",
                    vocabulary.origin, kMostMerges, vocabulary.pieces.size()),
        kUseFolder);
  }
}

}  // namespace

TokenizerSpec tokenizer_spec_from_sentencepiece(SentencePieceVocabulary vocabulary) {
  check_lists(vocabulary);
  const PieceSet pieces = text_pieces(vocabulary);
  std::vector<ScoredMerge> merges;
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    if (is_text_piece(vocabulary.token_types[id])) add_merges(vocabulary, pieces, id, merges);
  }
  // The order in which Hugging Face writes the merges of such a vocabulary. Those with one score,
  // such as the cuts of one piece, have one rank: SentencePiece takes the leftmost in the text.
  std::ranges::sort(merges, [](const ScoredMerge& a, const ScoredMerge& b) {
    return std::tie(b.score, b.n_left, b.n_right, a.left, a.right) <
           std::tie(a.score, a.n_left, a.n_right, b.left, b.right);
  });

  TokenizerSpec spec;
  spec.normalizer = TextNormalizer::space_marks;
  spec.space_marks =
      SpaceMarks{.prefix = vocabulary.space_prefix ? SpacePrefix::always : SpacePrefix::none,
                 .strip = vocabulary.space_prefix};
  for (std::size_t i = 0; i < merges.size(); ++i) {
    spec.merges.emplace_back(std::string(merges[i].left), std::string(merges[i].right));
    const bool is_tie = i > 0 && merges[i].score == merges[i - 1].score;
    spec.merge_ranks.push_back(is_tie ? spec.merge_ranks.back() : static_cast<std::uint32_t>(i));
  }
  for (std::size_t i = 0; i < vocabulary.token_types.size(); ++i) {
    const std::int32_t type = vocabulary.token_types[i];
    if (!is_found_whole(type)) continue;
    AddedToken token;
    token.id = static_cast<TokenId>(i);
    token.content = vocabulary.pieces[i];
    token.special = type != detail::kUserDefinedToken;
    spec.added.push_back(std::move(token));
  }
  spec.origin = std::move(vocabulary.origin);
  spec.bos = vocabulary.bos;
  spec.eos = vocabulary.eos;
  spec.pieces = std::move(vocabulary.pieces);
  return spec;
}

}  // namespace gnomon
