// SPDX-License-Identifier: Apache-2.0
// in: a hook name   out: which tensor of the forward pass it is, and what it means
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/config.h"

namespace gnomon {

// Hook points in the order in which the forward pass reaches them.
enum class HookKind {
  embed,
  pos_embed,
  resid_pre,
  attn_in,
  q_input,
  k_input,
  v_input,
  ln1_scale,
  ln1_normalized,
  ln1_out,
  q,
  k,
  v,
  rot_q,
  rot_k,
  attn_scores,
  pattern,
  z,
  result,
  attn_out,
  resid_mid,
  mlp_in,
  ln2_scale,
  ln2_normalized,
  ln2_out,
  mlp_pre,
  mlp_pre_linear,
  mlp_post,
  mlp_out,
  resid_post,
  ln_final_scale,
  ln_final_normalized,
  ln_final_out,
  unembed_in,
  logits,
};

// What one row of a site's matrix holds. The forward pass stores a site as a matrix with one row
// for each token, except attention scores and patterns, which have one row for each head and query.
enum class SiteAxes {
  scalar,           // [pos]
  d_model,          // [pos, d_model]
  heads,            // [pos, head, d_head]
  kv_heads,         // [pos, kv_head, d_head]
  head_streams,     // [pos, head, d_model]
  kv_head_streams,  // [pos, kv_head, d_model]
  pairs,            // [head, q_pos, k_pos]
  d_mlp,            // [pos, d_mlp]
  d_vocab,          // [pos, d_vocab]
};

enum class SiteCondition {
  always,
  learned_positions,
  rotary,
  gated,
  sequential_block,
  own_keys,  // every query head has keys of its own
};

// These names appear in users' notebooks and stored files: never rename a row, add an alias
// instead.
struct HookPoint {
  HookKind kind;
  std::string_view name;  // without "blocks.{l}." where per_block
  bool per_block;
  SiteAxes axes;
  SiteCondition condition;
};

std::span<const HookPoint> hook_points();
const HookPoint& hook_point(HookKind kind);
bool exists_in(const HookPoint& point, const ModelConfig& config);

// The stream that a block's MLP reads, before its norm: resid_mid, and resid_pre where attention
// and MLP stand side by side.
HookKind mlp_stream(const ModelConfig& config);

// The stream of a block in which what is computed at `kind` has just been added: resid_pre of
// itself, resid_mid of attn_out and itself, resid_post of everything later, and of attn_out where
// attention and MLP stand side by side.
HookKind written_stream(HookKind kind, const ModelConfig& config);

// Numbers in one row of the site for one token: d_model, n_heads d_head, ...; throws ArgumentError
// (wrong_site) for attention scores and patterns, whose width is the length of the text.
Index site_width(HookKind kind, const ModelConfig& config);
// "[pos, d_model] = [pos, 768]"
std::string axes_text(HookKind kind, const ModelConfig& config);

// A hook point of one layer, and possibly one coordinate of it.
struct Site {
  HookKind kind = HookKind::resid_post;
  Index layer = -1;                 // -1 where the hook point belongs to no block
  std::optional<Index> coordinate;  // index into the row; for head axes head * d_head + channel

  friend bool operator==(const Site&, const Site&) = default;
};

// Whether the site has a number for each pair of tokens: scores and patterns.
inline bool is_pairs(const Site& site) { return hook_point(site.kind).axes == SiteAxes::pairs; }

// Where the forward pass reaches a site: its block; -1 before the blocks, n_layers after them.
// Within one, hook points fire in the order of HookKind.
Index block_of(const Site& site, const ModelConfig& config);

// Which token of a text: @last, @5, @-2 (counted from the end), @all. A position that a text does
// not have is an error, never a neighbour.
struct Position {
  enum class Kind { last, index, all };
  Kind kind = Kind::last;
  Index index = -1;  // of Kind::index; negative counts from the end

  friend bool operator==(const Position&, const Position&) = default;
};

// A site at a position: "blocks.8.mlp.hook_post[481]@last".
struct SiteAt {
  Site site;
  Position position;

  friend bool operator==(const SiteAt&, const SiteAt&) = default;
};

// "blocks.8.mlp.hook_post[481]"; head axes as "[head, channel]".
std::string site_name(const Site& site, const ModelConfig& config);
std::string position_name(const Position& position);  // "@last"
std::string site_at_name(const SiteAt& at, const ModelConfig& config);

// Throws ArgumentError where the model has no such site: unknown_site for a hook point of other
// families, out_of_range for a layer or coordinate, wrong_site for a coordinate where there are
// none.
void check_site(const Site& site, const ModelConfig& config);

// Reads a site as a user writes it; aliases of other libraries are understood (hook_aliases.h). A
// missing position is @last. Throws ArgumentError: unknown_site with the nearest name, out_of_range
// for a layer or coordinate that the model does not have, usage for a malformed text.
SiteAt parse_site(std::string_view text, const ModelConfig& config);

// Token indices of one text of n_pos tokens that a position names, ascending. Throws ArgumentError
// (out_of_range) where the text is too short.
std::vector<Index> resolve_position(const Position& position, Index n_pos);

// Every hook name the model has, in firing order.
std::vector<std::string> hook_names(const ModelConfig& config);

}  // namespace gnomon
