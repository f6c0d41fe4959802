// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/tokenizer.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <unordered_map>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/text/utf8.h"
#include "gnomon/tokens/detail/added_tokens.h"
#include "gnomon/tokens/detail/byte_alphabet.h"
#include "gnomon/tokens/detail/byte_pair_merge.h"
#include "gnomon/tokens/detail/composed_text.h"
#include "gnomon/tokens/detail/pretoken_cache.h"
#include "gnomon/tokens/detail/pretokenizer.h"

namespace gnomon {
namespace {

constexpr TokenId kNoToken = -1;
constexpr std::size_t kLongestText = std::numeric_limits<std::int32_t>::max();

using PieceIndex = std::unordered_map<std::string_view, TokenId>;

[[noreturn]] void refuse(const TokenizerSpec& spec, const std::string& found) {
  throw FileError(fmt::format("\"{}\": {}", spec.origin, found),
                  "the file is damaged or was not written for this model; fetch it again");
}

PieceIndex index_pieces(const TokenizerSpec& spec) {
  if (spec.pieces.size() > kLongestText) refuse(spec, "more than 2^31 - 1 tokens");
  PieceIndex ids;
  ids.reserve(spec.pieces.size());
  for (std::size_t i = 0; i < spec.pieces.size(); ++i) {
    const auto [at, is_new] = ids.emplace(spec.pieces[i], static_cast<TokenId>(i));
    if (!is_new) {
      refuse(spec, fmt::format("token {} is {} as is token {}, expected each piece once", i,
                               quote(spec.pieces[i]), at->second));
    }
  }
  return ids;
}

TokenizerSpec with_checked_ids(TokenizerSpec spec) {
  const auto check = [&](std::string_view what, TokenId id) {
    if (id < 0 || static_cast<std::size_t>(id) >= spec.pieces.size()) {
      refuse(spec, fmt::format("{} has id {}, expected 0 to {}", what, id,
                               static_cast<std::int64_t>(spec.pieces.size()) - 1));
    }
  };
  if (spec.bos) check("bos", *spec.bos);
  if (spec.eos) check("eos", *spec.eos);
  if (spec.unknown) check("the unknown token", *spec.unknown);
  std::vector<bool> is_added(spec.pieces.size());
  for (const AddedToken& token : spec.added) {
    check("added token " + quote(token.content), token.id);
    const auto id = static_cast<std::size_t>(token.id);
    if (spec.pieces[id] != token.content) {
      refuse(spec, fmt::format("added token {} has id {}, which is {}", quote(token.content),
                               token.id, quote(spec.pieces[id])));
    }
    if (is_added[id]) refuse(spec, fmt::format("added token {} is there twice", token.id));
    is_added[id] = true;
  }
  return spec;
}

detail::MergeTable index_merges(const TokenizerSpec& spec, const PieceIndex& ids) {
  detail::MergeTable table;
  table.reserve(spec.merges.size());
  for (std::size_t i = 0; i < spec.merges.size(); ++i) {
    const std::string& left = spec.merges[i].first;
    const std::string& right = spec.merges[i].second;
    const auto find = [&](const std::string& piece) {
      const auto found = ids.find(piece);
      if (found == ids.end()) {
        refuse(spec, fmt::format("merge {} is {} {}, but {} is not in the vocabulary", i,
                                 quote(left), quote(right), quote(piece)));
      }
      return found->second;
    };
    const TokenId left_id = find(left);
    const TokenId right_id = find(right);
    table.add(left_id, right_id, static_cast<std::uint32_t>(i), find(left + right));
  }
  return table;
}

// The added tokens as they are searched for.
std::vector<AddedToken> searched_tokens(const TokenizerSpec& spec) {
  std::vector<AddedToken> tokens = spec.added;
  for (AddedToken& token : tokens) {
    if (!spec.compose || !token.normalized) continue;
    if (auto composed = detail::compose(token.content)) token.content = std::move(composed->text);
  }
  return tokens;
}

std::vector<const AddedToken*> added_where(const std::vector<AddedToken>& added, bool normalized) {
  std::vector<const AddedToken*> tokens;
  for (const AddedToken& token : added) {
    if (token.normalized == normalized) tokens.push_back(&token);
  }
  return tokens;
}

}  // namespace

struct Tokenizer::Tables {
  using EncodeText = void (Tables::*)(std::string_view, std::size_t, Encoding&) const;

  explicit Tables(TokenizerSpec given);

  // Each appends to `out`; `offset` is where its text starts in the whole.
  void encode_well_formed(std::string_view text, std::size_t offset, Encoding& out) const;
  void encode_between_added(std::string_view text, std::size_t offset, Encoding& out) const;
  void encode_plain(std::string_view text, std::size_t offset, Encoding& out) const;
  void encode_pretoken(std::string_view pretoken, std::size_t offset, Encoding& out) const;
  void encode_byte(unsigned char byte, std::size_t offset, Encoding& out) const;
  // Added tokens as they are, the text between them by `encode_text`.
  void encode_parts(const detail::AddedTokens& tokens, std::string_view text, std::size_t offset,
                    EncodeText encode_text, Encoding& out) const;

  // One symbol for each byte that has a piece or is unknown.
  std::vector<detail::Symbol> symbols_of(std::string_view pretoken, bool& all_have_pieces) const;
  std::optional<TokenId> whole_piece(std::string_view pretoken) const;
  std::size_t checked(TokenId id, std::string_view who) const;

  TokenizerSpec spec;
  PieceIndex ids;  // views into spec.pieces
  detail::MergeTable merges;
  detail::Pretokenizer pretokenizer;
  std::vector<AddedToken> searched;
  detail::AddedTokens added;
  detail::AddedTokens added_normalized;
  std::vector<std::string> bytes;     // id -> what it decodes to
  std::vector<std::size_t> n_merged;  // id -> how many bytes were merged into it, if any were
  std::array<TokenId, 256> byte_ids{};
  std::vector<bool> special;
  mutable detail::PretokenCache cache;
};

Tokenizer::Tables::Tables(TokenizerSpec given)
    : spec(with_checked_ids(std::move(given))),
      ids(index_pieces(spec)),
      merges(index_merges(spec, ids)),
      pretokenizer(spec.steps),
      searched(searched_tokens(spec)),
      added(added_where(searched, false)),
      added_normalized(added_where(searched, true)),
      special(spec.pieces.size()) {
  bytes.reserve(spec.pieces.size());
  n_merged.reserve(spec.pieces.size());
  for (const std::string& piece : spec.pieces) {
    bytes.push_back(detail::bytes_of_piece(piece).value_or(piece));
    n_merged.push_back(bytes.back().size());
  }
  for (const AddedToken& token : spec.added) {
    bytes[static_cast<std::size_t>(token.id)] = token.content;
    special[static_cast<std::size_t>(token.id)] = token.special;
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto found = ids.find(detail::alphabet_character(static_cast<unsigned char>(byte)));
    byte_ids[byte] = found == ids.end() ? kNoToken : found->second;
    // Also where an added token is written like it: any bytes must decode to themselves.
    if (found != ids.end()) {
      bytes[static_cast<std::size_t>(found->second)].assign(1, static_cast<char>(byte));
    }
  }
}

std::size_t Tokenizer::Tables::checked(TokenId id, std::string_view who) const {
  if (id < 0 || static_cast<std::size_t>(id) >= spec.pieces.size()) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("{}: token {}, expected 0 to {}", who, id,
                                    static_cast<std::int64_t>(spec.pieces.size()) - 1));
  }
  return static_cast<std::size_t>(id);
}

void Tokenizer::Tables::encode_well_formed(std::string_view text, std::size_t offset,
                                           Encoding& out) const {
  encode_parts(added, text, offset, &Tables::encode_between_added, out);
}

void Tokenizer::Tables::encode_between_added(std::string_view text, std::size_t offset,
                                             Encoding& out) const {
  const std::optional<detail::ComposedText> composed =
      spec.compose ? detail::compose(text) : std::nullopt;
  if (!composed) {
    encode_parts(added_normalized, text, offset, &Tables::encode_plain, out);
    return;
  }
  const std::size_t n_before = out.ids.size();
  encode_parts(added_normalized, composed->text, 0, &Tables::encode_plain, out);
  for (std::size_t i = n_before; i < out.ids.size(); ++i) {
    TextSpan& span = out.spans[i];
    span = {offset + composed->original_of(span.first), offset + composed->original_of(span.last)};
  }
}

void Tokenizer::Tables::encode_parts(const detail::AddedTokens& tokens, std::string_view text,
                                     std::size_t offset, EncodeText encode_text,
                                     Encoding& out) const {
  std::vector<detail::TextPart> parts;
  tokens.split(text, 0, parts);
  for (const detail::TextPart& part : parts) {
    if (part.token == nullptr) {
      (this->*encode_text)(text.substr(part.first, part.last - part.first), offset + part.first,
                           out);
    } else {
      out.ids.push_back(part.token->id);
      out.spans.push_back({offset + part.first, offset + part.last});
    }
  }
}

void Tokenizer::Tables::encode_plain(std::string_view text, std::size_t offset,
                                     Encoding& out) const {
  std::size_t first = 0;
  for (const std::size_t last : pretokenizer.ends(text)) {
    encode_pretoken(text.substr(first, last - first), offset + first, out);
    first = last;
  }
}

void Tokenizer::Tables::encode_pretoken(std::string_view pretoken, std::size_t offset,
                                        Encoding& out) const {
  const std::size_t n_before = out.ids.size();
  const bool may_cache = pretoken.size() <= detail::PretokenCache::kLongestPretoken;
  if (may_cache && cache.find(pretoken, out.ids)) {
    // Only pretokens whose every byte is in a token are stored, so lengths add up.
    for (std::size_t i = n_before; i < out.ids.size(); ++i) {
      const std::size_t length = n_merged[static_cast<std::size_t>(out.ids[i])];
      out.spans.push_back({offset, offset + length});
      offset += length;
    }
    return;
  }
  bool all_have_pieces = true;
  std::vector<detail::Symbol> symbols;
  if (const std::optional<TokenId> whole = whole_piece(pretoken)) {
    symbols = {{*whole, 0, pretoken.size()}};
  } else {
    symbols = symbols_of(pretoken, all_have_pieces);
    if (!all_have_pieces && !spec.unknown) out.n_dropped_bytes += pretoken.size() - symbols.size();
    merges.apply(symbols);
  }
  for (const detail::Symbol& symbol : symbols) {
    out.ids.push_back(symbol.id);
    out.spans.push_back({offset + symbol.first, offset + symbol.last});
  }
  if (may_cache && all_have_pieces) {
    cache.insert(pretoken,
                 {out.ids.begin() + static_cast<std::ptrdiff_t>(n_before), out.ids.end()});
  }
}

void Tokenizer::Tables::encode_byte(unsigned char byte, std::size_t offset, Encoding& out) const {
  const TokenId id = byte_ids[byte] != kNoToken ? byte_ids[byte] : spec.unknown.value_or(kNoToken);
  if (id == kNoToken) {
    ++out.n_dropped_bytes;
    return;
  }
  out.ids.push_back(id);
  out.spans.push_back({offset, offset + 1});
}

std::vector<detail::Symbol> Tokenizer::Tables::symbols_of(std::string_view pretoken,
                                                          bool& all_have_pieces) const {
  std::vector<detail::Symbol> symbols;
  symbols.reserve(pretoken.size());
  bool after_unknown = false;
  for (std::size_t i = 0; i < pretoken.size(); ++i) {
    const TokenId id = byte_ids[static_cast<unsigned char>(pretoken[i])];
    if (id != kNoToken) {
      symbols.push_back({id, i, i + 1});
      after_unknown = false;
      continue;
    }
    all_have_pieces = false;
    if (!spec.unknown) continue;
    if (after_unknown && spec.fuse_unknown) {
      symbols.back().last = i + 1;
    } else {
      symbols.push_back({*spec.unknown, i, i + 1});
    }
    after_unknown = true;
  }
  return symbols;
}

std::optional<TokenId> Tokenizer::Tables::whole_piece(std::string_view pretoken) const {
  if (!spec.ignore_merges) return std::nullopt;
  std::string piece;
  for (const char c : pretoken) piece += detail::alphabet_character(static_cast<unsigned char>(c));
  const auto found = ids.find(piece);
  return found == ids.end() ? std::nullopt : std::optional(found->second);
}

Tokenizer::Tokenizer(TokenizerSpec spec)
    : tables_(std::make_shared<const Tables>(std::move(spec))) {}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  return encode_with_offsets(text).ids;
}

Encoding Tokenizer::encode_with_offsets(std::string_view text) const {
  if (text.size() > kLongestText) {
    throw ArgumentError(
        fmt::format("encode: {} bytes of text, expected fewer than 2^31", text.size()),
        "split the text");
  }
  Encoding out;
  std::size_t first = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character c = utf8_character_at(text, at);
    if (c.valid) {
      at += c.n_bytes;
      continue;
    }
    tables_->encode_well_formed(text.substr(first, at - first), first, out);
    tables_->encode_byte(static_cast<unsigned char>(text[at]), at, out);
    first = ++at;
  }
  tables_->encode_well_formed(text.substr(first), first, out);
  return out;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  std::string text;
  for (const TokenId id : ids) text += tables_->bytes[tables_->checked(id, "decode")];
  return text;
}

std::string_view Tokenizer::piece(TokenId id) const {
  return tables_->spec.pieces[tables_->checked(id, "piece")];
}

std::optional<TokenId> Tokenizer::find(std::string_view piece) const {
  const auto found = tables_->ids.find(piece);
  return found == tables_->ids.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t Tokenizer::d_vocab() const {
  return static_cast<std::int64_t>(tables_->spec.pieces.size());
}

bool Tokenizer::is_special(TokenId id) const {
  return tables_->special[tables_->checked(id, "is_special")];
}

std::optional<TokenId> Tokenizer::bos() const { return tables_->spec.bos; }
std::optional<TokenId> Tokenizer::eos() const { return tables_->spec.eos; }

}  // namespace gnomon
