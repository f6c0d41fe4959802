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
#include "gnomon/tokens/detail/space_marks.h"
#include "gnomon/tokens/tokenizer_spec.h"

namespace gnomon {
namespace {

constexpr TokenId kNoToken = -1;
// A space may be put before the text, and symbols are counted in 32 bits.
constexpr std::size_t kLongestText = std::numeric_limits<std::int32_t>::max() - 1;

[[noreturn]] void refuse(const TokenizerSpec& spec, const std::string& found) {
  throw FileError(fmt::format("\"{}\": {}", spec.origin, found),
                  "the file is damaged or was not written for this model; fetch it again");
}

// Ids by pieces; keeps views into the pieces.
class PieceIndex {
 public:
  explicit PieceIndex(const TokenizerSpec& spec) : only_added_(spec.pieces.size()) {
    if (spec.pieces.size() > kLongestText) refuse(spec, "more than 2^31 - 2 tokens");
    ids_.reserve(spec.pieces.size());
    for (std::size_t i = 0; i < spec.pieces.size(); ++i) {
      const auto [at, is_new] = ids_.emplace(spec.pieces[i], static_cast<TokenId>(i));
      if (!is_new) {
        refuse(spec, fmt::format("token {} is {} as is token {}, expected each piece once", i,
                                 quote(spec.pieces[i]), at->second));
      }
    }
    for (const AddedToken& token : spec.added)
      only_added_[static_cast<std::size_t>(token.id)] = token.only_added;
  }

  // kNoToken where there is none.
  TokenId find(std::string_view piece) const {
    const auto found = ids_.find(piece);
    return found == ids_.end() ? kNoToken : found->second;
  }
  // Among the pieces of the model itself, which text is made of.
  TokenId find_in_model(std::string_view piece) const {
    const TokenId id = find(piece);
    return id == kNoToken || only_added_[static_cast<std::size_t>(id)] ? kNoToken : id;
  }

 private:
  std::unordered_map<std::string_view, TokenId> ids_;
  std::vector<bool> only_added_;
};

void check_manner(const TokenizerSpec& spec) {
  const bool marks = spec.normalizer == TextNormalizer::space_marks;
  if (marks && (!spec.space_marks || (spec.space_marks->prefix != SpacePrefix::none &&
                                      spec.space_marks->prefix != SpacePrefix::always)))
    refuse(spec, "the normalizer marks spaces, and does not say how or looks at the text for it");
  if (!spec.space_marks ||
      (spec.steps.empty() && (marks || spec.normalizer == TextNormalizer::none)))
    return;
  throw UnsupportedError(
      fmt::format("\"{}\": spaces written as marks beside {}, expected nothing else", spec.origin,
                  spec.steps.empty() ? "a normalizer" : "pre-tokenizers"));
}

TokenizerSpec checked_spec(TokenizerSpec spec) {
  check_manner(spec);
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
  if (!spec.merge_ranks.empty() && spec.merge_ranks.size() != spec.merges.size()) {
    refuse(spec, fmt::format("{} ranks of {} merges", spec.merge_ranks.size(), spec.merges.size()));
  }
  detail::MergeTable table;
  table.reserve(spec.merges.size());
  for (std::size_t i = 0; i < spec.merges.size(); ++i) {
    const std::string& left = spec.merges[i].first;
    const std::string& right = spec.merges[i].second;
    const auto find = [&](const std::string& piece) {
      const TokenId id = ids.find_in_model(piece);
      if (id == kNoToken) {
        refuse(spec, fmt::format("merge {} is {} {}, but {} is not in the vocabulary", i,
                                 quote(left), quote(right), quote(piece)));
      }
      return id;
    };
    const TokenId left_id = find(left);
    const TokenId right_id = find(right);
    const std::uint32_t rank =
        spec.merge_ranks.empty() ? static_cast<std::uint32_t>(i) : spec.merge_ranks[i];
    table.add(left_id, right_id, rank, find(left + right));
  }
  return table;
}

// Nothing where the text stays as it is.
std::optional<detail::RewrittenText> normalized(const TokenizerSpec& spec, std::string_view text) {
  switch (spec.normalizer) {
    case TextNormalizer::none:
      return std::nullopt;
    case TextNormalizer::form_c:
      return detail::compose(text);
    case TextNormalizer::space_marks:
      return detail::mark_spaces(text, spec.space_marks->prefix, false);
  }
  return std::nullopt;
}

// The added tokens as they are searched for.
std::vector<AddedToken> searched_tokens(const TokenizerSpec& spec) {
  std::vector<AddedToken> tokens = spec.added;
  for (AddedToken& token : tokens) {
    if (!token.normalized) continue;
    if (auto rewritten = normalized(spec, token.content))
      token.content = std::move(rewritten->text);
  }
  return tokens;
}

// Spans from `first` on, which are of the rewritten text, become those of the original, which
// starts at `offset` of the whole.
void move_spans(const detail::RewrittenText& rewritten, std::size_t offset, std::size_t first,
                Encoding& out) {
  for (std::size_t i = first; i < out.spans.size(); ++i) {
    TextSpan& span = out.spans[i];
    span = {offset + rewritten.original_of(span.first), offset + rewritten.original_of(span.last)};
  }
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

  // Text that is written as its pieces are, cut into pretokens.
  void encode_cut(std::string_view text, std::size_t offset, Encoding& out) const;

  // One symbol for each byte that has a piece or is unknown.
  std::vector<detail::Symbol> symbols_of(std::string_view pretoken, bool& all_have_pieces) const;
  // One symbol for each character that has a piece, or for each of its bytes.
  std::vector<detail::Symbol> symbols_of_marked(std::string_view pretoken) const;
  std::vector<std::size_t> ends_of_pretokens(std::string_view text) const;
  std::optional<TokenId> whole_piece(std::string_view pretoken) const;
  std::string bytes_of(const std::string& piece) const;
  // Whether the tokens of a pretoken tell where each of them stands in it.
  bool lengths_add_up(std::span<const TokenId> made, std::size_t n_bytes) const;
  std::size_t checked(TokenId id, std::string_view who) const;

  TokenizerSpec spec;
  PieceIndex ids;
  detail::MergeTable merges;
  detail::Pretokenizer pretokenizer;
  std::vector<AddedToken> searched;
  detail::AddedTokens added;
  detail::AddedTokens added_normalized;
  std::vector<std::string> bytes;  // id -> what it decodes to
  // id -> how many bytes of its pretoken were merged into it, if any were
  std::vector<std::size_t> n_merged;
  std::array<TokenId, 256> byte_ids{};
  std::vector<bool> special;
  mutable detail::PretokenCache cache;
};

Tokenizer::Tables::Tables(TokenizerSpec given)
    : spec(checked_spec(std::move(given))),
      ids(spec),
      merges(index_merges(spec, ids)),
      pretokenizer(spec.steps),
      searched(searched_tokens(spec)),
      added(added_where(searched, false)),
      added_normalized(added_where(searched, true)),
      special(spec.pieces.size()) {
  bytes.reserve(spec.pieces.size());
  n_merged.reserve(spec.pieces.size());
  for (const std::string& piece : spec.pieces) {
    bytes.push_back(bytes_of(piece));
    const bool as_written = spec.space_marks && !detail::is_byte_piece(piece);
    n_merged.push_back(as_written ? piece.size() : bytes.back().size());
  }
  for (std::size_t i = 0; i < spec.added.size(); ++i) {
    const AddedToken& token = spec.added[i];
    const auto id = static_cast<std::size_t>(token.id);
    // With the space that a normalizer put before it, as in Hugging Face.
    bytes[id] = spec.space_marks ? bytes_of(searched[i].content) : token.content;
    special[id] = token.special;
  }
  for (unsigned value = 0; value < 256; ++value) {
    const auto byte = static_cast<unsigned char>(value);
    const std::string piece =
        spec.space_marks ? detail::byte_piece(byte) : detail::alphabet_character(byte);
    const TokenId id = ids.find_in_model(piece);
    if (spec.space_marks && id == kNoToken)
      refuse(spec, fmt::format("no token {}, expected one for each byte", quote(piece)));
    byte_ids[byte] = id;
    // Also where an added token is written like it: any bytes must decode to themselves.
    if (id != kNoToken) bytes[static_cast<std::size_t>(id)].assign(1, static_cast<char>(byte));
  }
}

std::string Tokenizer::Tables::bytes_of(const std::string& piece) const {
  if (spec.space_marks) return detail::bytes_of_marked_piece(piece);
  return detail::bytes_of_piece(piece).value_or(piece);
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
  const std::optional<detail::RewrittenText> rewritten = normalized(spec, text);
  if (!rewritten) {
    encode_parts(added_normalized, text, offset, &Tables::encode_plain, out);
    return;
  }
  const std::size_t n_before = out.ids.size();
  encode_parts(added_normalized, rewritten->text, 0, &Tables::encode_plain, out);
  move_spans(*rewritten, offset, n_before, out);
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
  if (!spec.space_marks || spec.normalizer == TextNormalizer::space_marks) {
    encode_cut(text, offset, out);
    return;
  }
  const std::size_t n_before = out.ids.size();
  const detail::RewrittenText marked =
      detail::mark_spaces(text, spec.space_marks->prefix, offset == 0);
  encode_cut(marked.text, 0, out);
  move_spans(marked, offset, n_before, out);
}

std::vector<std::size_t> Tokenizer::Tables::ends_of_pretokens(std::string_view text) const {
  if (!spec.space_marks) return pretokenizer.ends(text);
  std::vector<std::size_t> ends;
  if (spec.space_marks->split) {
    const std::string_view mark = detail::kSpaceMark;
    for (std::size_t at = text.find(mark, 1); at != text.npos; at = text.find(mark, at + 1))
      ends.push_back(at);
  }
  ends.push_back(text.size());
  return ends;
}

void Tokenizer::Tables::encode_cut(std::string_view text, std::size_t offset, Encoding& out) const {
  std::size_t first = 0;
  for (const std::size_t last : ends_of_pretokens(text)) {
    encode_pretoken(text.substr(first, last - first), offset + first, out);
    first = last;
  }
}

void Tokenizer::Tables::encode_pretoken(std::string_view pretoken, std::size_t offset,
                                        Encoding& out) const {
  const std::size_t n_before = out.ids.size();
  const bool may_cache = pretoken.size() <= detail::PretokenCache::kLongestPretoken;
  if (may_cache && cache.find(pretoken, out.ids)) {
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
    symbols =
        spec.space_marks ? symbols_of_marked(pretoken) : symbols_of(pretoken, all_have_pieces);
    if (!all_have_pieces && !spec.unknown) out.n_dropped_bytes += pretoken.size() - symbols.size();
    merges.apply(symbols);
  }
  for (const detail::Symbol& symbol : symbols) {
    out.ids.push_back(symbol.id);
    out.spans.push_back({offset + symbol.first, offset + symbol.last});
  }
  const std::span<const TokenId> made = std::span(out.ids).subspan(n_before);
  if (may_cache && all_have_pieces && lengths_add_up(made, pretoken.size()))
    cache.insert(pretoken, {made.begin(), made.end()});
}

bool Tokenizer::Tables::lengths_add_up(std::span<const TokenId> made, std::size_t n_bytes) const {
  std::size_t sum = 0;
  for (const TokenId id : made) sum += n_merged[static_cast<std::size_t>(id)];
  return sum == n_bytes;
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

std::vector<detail::Symbol> Tokenizer::Tables::symbols_of_marked(std::string_view pretoken) const {
  std::vector<detail::Symbol> symbols;
  symbols.reserve(pretoken.size());
  for (std::size_t at = 0; at < pretoken.size();) {
    const std::size_t last = at + utf8_character_at(pretoken, at).n_bytes;
    if (const TokenId id = ids.find_in_model(pretoken.substr(at, last - at)); id != kNoToken) {
      symbols.push_back({id, at, last});
      at = last;
      continue;
    }
    for (; at < last; ++at)
      symbols.push_back({byte_ids[static_cast<unsigned char>(pretoken[at])], at, at + 1});
  }
  return symbols;
}

std::optional<TokenId> Tokenizer::Tables::whole_piece(std::string_view pretoken) const {
  if (!spec.ignore_merges) return std::nullopt;
  std::string piece;
  if (spec.space_marks) {
    piece = pretoken;
  } else {
    for (const char c : pretoken)
      piece += detail::alphabet_character(static_cast<unsigned char>(c));
  }
  const TokenId id = ids.find_in_model(piece);
  return id == kNoToken ? std::nullopt : std::optional(id);
}

Tokenizer::Tokenizer(TokenizerSpec spec)
    : tables_(std::make_shared<const Tables>(std::move(spec))) {}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  return encode_with_offsets(text).ids;
}

Encoding Tokenizer::encode_with_offsets(std::string_view text) const {
  if (text.size() > kLongestText) {
    throw ArgumentError(
        fmt::format("encode: {} bytes of text, expected fewer than 2^31 - 1", text.size()),
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
  const std::optional<SpaceMarks>& marks = tables_->spec.space_marks;
  if (marks && marks->strip && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

std::string_view Tokenizer::piece(TokenId id) const {
  return tables_->spec.pieces[tables_->checked(id, "piece")];
}

std::optional<TokenId> Tokenizer::find(std::string_view piece) const {
  const TokenId id = tables_->ids.find(piece);
  return id == kNoToken ? std::nullopt : std::optional(id);
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
