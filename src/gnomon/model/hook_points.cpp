// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hook_points.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/model/hook_aliases.h"

namespace gnomon {
namespace {

constexpr std::array kHookPoints = {
    HookPoint{HookKind::embed, "hook_embed", false, SiteAxes::d_model, SiteCondition::always},
    HookPoint{HookKind::pos_embed, "hook_pos_embed", false, SiteAxes::d_model,
              SiteCondition::learned_positions},
    HookPoint{HookKind::resid_pre, "hook_resid_pre", true, SiteAxes::d_model,
              SiteCondition::always},
    HookPoint{HookKind::attn_in, "hook_attn_in", true, SiteAxes::head_streams,
              SiteCondition::own_keys},
    HookPoint{HookKind::q_input, "hook_q_input", true, SiteAxes::head_streams,
              SiteCondition::always},
    HookPoint{HookKind::k_input, "hook_k_input", true, SiteAxes::kv_head_streams,
              SiteCondition::always},
    HookPoint{HookKind::v_input, "hook_v_input", true, SiteAxes::kv_head_streams,
              SiteCondition::always},
    HookPoint{HookKind::ln1_scale, "ln1.hook_scale", true, SiteAxes::scalar, SiteCondition::always},
    HookPoint{HookKind::ln1_normalized, "ln1.hook_normalized", true, SiteAxes::d_model,
              SiteCondition::always},
    HookPoint{HookKind::ln1_out, "ln1.hook_out", true, SiteAxes::d_model, SiteCondition::always},
    HookPoint{HookKind::q, "attn.hook_q", true, SiteAxes::heads, SiteCondition::always},
    HookPoint{HookKind::k, "attn.hook_k", true, SiteAxes::kv_heads, SiteCondition::always},
    HookPoint{HookKind::v, "attn.hook_v", true, SiteAxes::kv_heads, SiteCondition::always},
    HookPoint{HookKind::rot_q, "attn.hook_rot_q", true, SiteAxes::heads, SiteCondition::rotary},
    HookPoint{HookKind::rot_k, "attn.hook_rot_k", true, SiteAxes::kv_heads, SiteCondition::rotary},
    HookPoint{HookKind::attn_scores, "attn.hook_attn_scores", true, SiteAxes::pairs,
              SiteCondition::always},
    HookPoint{HookKind::pattern, "attn.hook_pattern", true, SiteAxes::pairs, SiteCondition::always},
    HookPoint{HookKind::z, "attn.hook_z", true, SiteAxes::heads, SiteCondition::always},
    HookPoint{HookKind::result, "attn.hook_result", true, SiteAxes::head_streams,
              SiteCondition::always},
    HookPoint{HookKind::attn_out, "hook_attn_out", true, SiteAxes::d_model, SiteCondition::always},
    HookPoint{HookKind::resid_mid, "hook_resid_mid", true, SiteAxes::d_model,
              SiteCondition::sequential_block},
    HookPoint{HookKind::mlp_in, "hook_mlp_in", true, SiteAxes::d_model, SiteCondition::always},
    HookPoint{HookKind::ln2_scale, "ln2.hook_scale", true, SiteAxes::scalar, SiteCondition::always},
    HookPoint{HookKind::ln2_normalized, "ln2.hook_normalized", true, SiteAxes::d_model,
              SiteCondition::always},
    HookPoint{HookKind::ln2_out, "ln2.hook_out", true, SiteAxes::d_model, SiteCondition::always},
    HookPoint{HookKind::mlp_pre, "mlp.hook_pre", true, SiteAxes::d_mlp, SiteCondition::always},
    HookPoint{HookKind::mlp_pre_linear, "mlp.hook_pre_linear", true, SiteAxes::d_mlp,
              SiteCondition::gated},
    HookPoint{HookKind::mlp_post, "mlp.hook_post", true, SiteAxes::d_mlp, SiteCondition::always},
    HookPoint{HookKind::mlp_out, "hook_mlp_out", true, SiteAxes::d_model, SiteCondition::always},
    HookPoint{HookKind::resid_post, "hook_resid_post", true, SiteAxes::d_model,
              SiteCondition::always},
    HookPoint{HookKind::ln_final_scale, "ln_final.hook_scale", false, SiteAxes::scalar,
              SiteCondition::always},
    HookPoint{HookKind::ln_final_normalized, "ln_final.hook_normalized", false, SiteAxes::d_model,
              SiteCondition::always},
    HookPoint{HookKind::ln_final_out, "ln_final.hook_out", false, SiteAxes::d_model,
              SiteCondition::always},
    HookPoint{HookKind::unembed_in, "unembed.hook_in", false, SiteAxes::d_model,
              SiteCondition::always},
    HookPoint{HookKind::logits, "unembed.hook_out", false, SiteAxes::d_vocab,
              SiteCondition::always},
};

// The row of a kind is found by its number.
constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < kHookPoints.size(); ++i) {
    if (static_cast<std::size_t>(kHookPoints[i].kind) != i) return false;
  }
  return true;
}
static_assert(rows_in_order());

std::optional<Index> read_index(std::string_view text) {
  Index value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

Position parse_position(std::string_view text, std::string_view whole) {
  if (text == "last") return {Position::Kind::last, -1};
  if (text == "all") return {Position::Kind::all, 0};
  if (const std::optional<Index> index = read_index(text)) return {Position::Kind::index, *index};
  throw ArgumentError(
      fmt::format("parse_site: \"{}\" has position \"@{}\", expected @last, @all, a token "
                  "index such as @5, or one counted from the end such as @-2",
                  whole, text));
}

// Numbers of one head at a site of heads; 0 where a site has none.
Index head_width(SiteAxes axes, const ModelConfig& config) {
  switch (axes) {
    case SiteAxes::heads:
    case SiteAxes::kv_heads:
      return config.d_head;
    case SiteAxes::head_streams:
    case SiteAxes::kv_head_streams:
      return config.d_model;
    default:
      return 0;
  }
}

// Of hook_attn_in in a model whose heads share keys; `block` is "blocks.3.".
ArgumentError no_common_copies(std::string_view block, const ModelConfig& config) {
  return {
      ErrorCode::unknown_site,
      fmt::format("no hook point \"{}hook_attn_in\" in this model: its {} query heads share the "
                  "keys and values of {}, so that no copy of the stream is one head's",
                  block, config.n_heads, config.n_kv_heads),
      fmt::format("{0}hook_q_input, {0}hook_k_input and {0}hook_v_input are the copies that "
                  "each projection reads",
                  block)};
}

// Of hook_resid_mid in a model without one; `block` is "blocks.3.".
ArgumentError no_stream_between(std::string_view block) {
  return {ErrorCode::unknown_site,
          fmt::format("no hook point \"{0}hook_resid_mid\" in this model: its blocks run attention "
                      "and MLP side by side, both on {0}hook_resid_pre, so there is no stream "
                      "between them",
                      block),
          fmt::format("what the MLP reads is {0}hook_resid_pre; what the block leaves is "
                      "{0}hook_resid_post",
                      block)};
}

ArgumentError unknown_hook(std::string_view name, const ModelConfig& config) {
  constexpr std::string_view kMid = "hook_resid_mid";
  if (config.parallel_block && name.ends_with(kMid))
    return no_stream_between(name.substr(0, name.size() - kMid.size()));
  constexpr std::string_view kAttentionIn = "hook_attn_in";
  if (config.n_kv_heads != config.n_heads && name.ends_with(kAttentionIn))
    return no_common_copies(name.substr(0, name.size() - kAttentionIn.size()), config);
  const std::vector<std::string> names = hook_names(config);
  const std::optional<std::string> nearest = nearest_name(name, names);
  std::string message = fmt::format("no hook point \"{}\" in this model", name);
  if (nearest) message += fmt::format("; did you mean \"{}\"?", *nearest);
  return {ErrorCode::unknown_site, message, "gnomon explain sites   lists every hook point"};
}

// The hook point of a name without coordinate and position.
Site parse_hook_name(std::string_view name, const ModelConfig& config) {
  constexpr std::string_view kPrefix = "blocks.";
  std::string_view local = name;
  Site site;
  if (name.starts_with(kPrefix)) {
    const std::size_t dot = name.find('.', kPrefix.size());
    if (dot == std::string_view::npos) throw unknown_hook(name, config);
    const std::optional<Index> layer =
        read_index(name.substr(kPrefix.size(), dot - kPrefix.size()));
    if (!layer) throw unknown_hook(name, config);
    local = name.substr(dot + 1);
    site.layer = *layer;
  }
  for (const HookPoint& point : kHookPoints) {
    if (point.name != local || point.per_block != name.starts_with(kPrefix)) continue;
    if (!exists_in(point, config)) break;
    if (point.per_block && (site.layer < 0 || site.layer >= config.n_layers)) {
      throw ArgumentError(ErrorCode::out_of_range,
                          fmt::format("no hook point \"{}\"; the model has {} blocks, 0 to {}",
                                      name, config.n_layers, config.n_layers - 1));
    }
    site.kind = point.kind;
    return site;
  }
  throw unknown_hook(name, config);
}

Index parse_coordinate(std::string_view text, HookKind kind, std::string_view whole,
                       const ModelConfig& config) {
  const SiteAxes axes = hook_point(kind).axes;
  if (axes == SiteAxes::pairs || axes == SiteAxes::scalar) {
    throw ArgumentError(ErrorCode::wrong_site,
                        fmt::format("\"{}\": the site is {} and has no coordinates", whole,
                                    axes_text(kind, config)));
  }
  const Index width = site_width(kind, config);
  const std::size_t comma = text.find(',');
  std::optional<Index> coordinate;
  const Index inner = head_width(axes, config);
  const bool by_head = inner > 0;
  if (comma == std::string_view::npos) {
    coordinate = read_index(trimmed(text));
  } else if (by_head) {
    const std::optional<Index> head = read_index(trimmed(text.substr(0, comma)));
    const std::optional<Index> channel = read_index(trimmed(text.substr(comma + 1)));
    if (head && channel) {
      if (*head < 0 || *head >= width / inner || *channel < 0 || *channel >= inner) {
        throw ArgumentError(
            ErrorCode::out_of_range,
            fmt::format("\"{}\" is out of range: the site is {}", whole, axes_text(kind, config)));
      }
      coordinate = *head * inner + *channel;
    }
  }
  if (!coordinate) {
    throw ArgumentError(
        fmt::format("parse_site: \"{}\" has coordinate \"[{}]\", expected a number{}", whole, text,
                    by_head ? " or \"head, channel\"" : ""));
  }
  if (*coordinate < 0 || *coordinate >= width) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("\"{}\" is out of range: the site has {} coordinates, 0 to {}",
                                    whole, width, width - 1));
  }
  return *coordinate;
}

}  // namespace

std::span<const HookPoint> hook_points() { return kHookPoints; }

const HookPoint& hook_point(HookKind kind) {
  return kHookPoints.at(static_cast<std::size_t>(kind));
}

Index block_of(const Site& site, const ModelConfig& config) {
  if (hook_point(site.kind).per_block) return site.layer;
  return site.kind < HookKind::resid_pre ? -1 : config.n_layers;
}

bool exists_in(const HookPoint& point, const ModelConfig& config) {
  switch (point.condition) {
    case SiteCondition::always:
      return true;
    case SiteCondition::learned_positions:
      return config.position == PositionKind::learned;
    case SiteCondition::rotary:
      return config.position == PositionKind::rotary;
    case SiteCondition::gated:
      return config.gated_mlp;
    case SiteCondition::sequential_block:
      return !config.parallel_block;
    case SiteCondition::own_keys:
      return config.n_kv_heads == config.n_heads;
  }
  return false;
}

HookKind mlp_stream(const ModelConfig& config) {
  return config.parallel_block ? HookKind::resid_pre : HookKind::resid_mid;
}

HookKind written_stream(HookKind kind, const ModelConfig& config) {
  if (kind == HookKind::resid_pre) return kind;
  const bool in_attention = kind == HookKind::attn_out || kind == HookKind::resid_mid;
  return in_attention && !config.parallel_block ? HookKind::resid_mid : HookKind::resid_post;
}

Index site_width(HookKind kind, const ModelConfig& config) {
  switch (hook_point(kind).axes) {
    case SiteAxes::scalar:
      return 1;
    case SiteAxes::d_model:
      return config.d_model;
    case SiteAxes::heads:
      return config.n_heads * config.d_head;
    case SiteAxes::kv_heads:
      return config.n_kv_heads * config.d_head;
    case SiteAxes::head_streams:
      return config.n_heads * config.d_model;
    case SiteAxes::kv_head_streams:
      return config.n_kv_heads * config.d_model;
    case SiteAxes::d_mlp:
      return config.d_mlp;
    case SiteAxes::d_vocab:
      return config.d_vocab;
    case SiteAxes::pairs:
      break;
  }
  throw ArgumentError(
      ErrorCode::wrong_site,
      fmt::format("site_width: \"{}\" is as wide as the text is long", hook_point(kind).name));
}

std::string axes_text(HookKind kind, const ModelConfig& config) {
  switch (hook_point(kind).axes) {
    case SiteAxes::scalar:
      return "[pos]";
    case SiteAxes::d_model:
      return fmt::format("[pos, d_model] = [pos, {}]", config.d_model);
    case SiteAxes::heads:
      return fmt::format("[pos, head, d_head] = [pos, {}, {}]", config.n_heads, config.d_head);
    case SiteAxes::kv_heads:
      return fmt::format("[pos, kv_head, d_head] = [pos, {}, {}]", config.n_kv_heads,
                         config.d_head);
    case SiteAxes::head_streams:
      return fmt::format("[pos, head, d_model] = [pos, {}, {}]", config.n_heads, config.d_model);
    case SiteAxes::kv_head_streams:
      return fmt::format("[pos, kv_head, d_model] = [pos, {}, {}]", config.n_kv_heads,
                         config.d_model);
    case SiteAxes::pairs:
      return fmt::format("[head, q_pos, k_pos] = [{}, q_pos, k_pos]", config.n_heads);
    case SiteAxes::d_mlp:
      return fmt::format("[pos, d_mlp] = [pos, {}]", config.d_mlp);
    case SiteAxes::d_vocab:
      return fmt::format("[pos, d_vocab] = [pos, {}]", config.d_vocab);
  }
  throw InternalError("axes_text: unknown axes");
}

std::string site_name(const Site& site, const ModelConfig& config) {
  const HookPoint& point = hook_point(site.kind);
  std::string name = point.per_block ? fmt::format("blocks.{}.{}", site.layer, point.name)
                                     : std::string(point.name);
  if (!site.coordinate) return name;
  if (const Index inner = head_width(point.axes, config); inner > 0)
    return fmt::format("{}[{},{}]", name, *site.coordinate / inner, *site.coordinate % inner);
  return fmt::format("{}[{}]", name, *site.coordinate);
}

std::string position_name(const Position& position) {
  switch (position.kind) {
    case Position::Kind::last:
      return "@last";
    case Position::Kind::all:
      return "@all";
    case Position::Kind::index:
      return fmt::format("@{}", position.index);
  }
  throw InternalError("position_name: unknown kind");
}

std::string site_at_name(const SiteAt& at, const ModelConfig& config) {
  return site_name(at.site, config) + position_name(at.position);
}

void check_site(const Site& site, const ModelConfig& config) {
  const HookPoint& point = hook_point(site.kind);
  const std::string name = site_name({site.kind, site.layer, std::nullopt}, config);
  if (!exists_in(point, config)) throw unknown_hook(name, config);
  if (point.per_block && (site.layer < 0 || site.layer >= config.n_layers)) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("no hook point \"{}\"; the model has {} blocks, 0 to {}", name,
                                    config.n_layers, config.n_layers - 1));
  }
  if (!point.per_block && site.layer != -1) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("\"{}\" is in no block, found layer {}", name, site.layer));
  }
  if (!site.coordinate) return;
  if (point.axes == SiteAxes::pairs || point.axes == SiteAxes::scalar) {
    throw ArgumentError(ErrorCode::wrong_site,
                        fmt::format("\"{}\": the site is {} and has no coordinates", name,
                                    axes_text(site.kind, config)));
  }
  const Index width = site_width(site.kind, config);
  if (*site.coordinate < 0 || *site.coordinate >= width) {
    throw ArgumentError(
        ErrorCode::out_of_range,
        fmt::format("\"{}[{}]\" is out of range: the site has {} coordinates, 0 to {}", name,
                    *site.coordinate, width, width - 1));
  }
}

SiteAt parse_site(std::string_view text, const ModelConfig& config) {
  const std::string_view whole = trimmed(text);
  std::string_view name = whole;
  SiteAt at;
  if (const std::size_t sign = name.rfind('@'); sign != std::string_view::npos) {
    at.position = parse_position(trimmed(name.substr(sign + 1)), whole);
    name = trimmed(name.substr(0, sign));
  }
  std::optional<std::string_view> coordinate;
  if (name.ends_with(']')) {
    const std::size_t bracket = name.rfind('[');
    if (bracket == std::string_view::npos) {
      throw ArgumentError(fmt::format("parse_site: \"{}\" has \"]\" without \"[\"", whole));
    }
    coordinate = name.substr(bracket + 1, name.size() - bracket - 2);
    name = trimmed(name.substr(0, bracket));
  }
  const std::optional<std::string> alias = resolve_hook_alias(name, config);
  at.site = parse_hook_name(alias ? std::string_view(*alias) : name, config);
  if (coordinate) at.site.coordinate = parse_coordinate(*coordinate, at.site.kind, whole, config);
  return at;
}

std::vector<Index> resolve_position(const Position& position, Index n_pos) {
  if (position.kind == Position::Kind::all) {
    std::vector<Index> all(static_cast<std::size_t>(n_pos));
    for (Index p = 0; p < n_pos; ++p) all[static_cast<std::size_t>(p)] = p;
    return all;
  }
  const Index wanted = position.kind == Position::Kind::last ? -1 : position.index;
  const Index index = wanted < 0 ? n_pos + wanted : wanted;
  if (index < 0 || index >= n_pos) {
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("position {} does not exist in a text of {} tokens",
                                    position_name(position), n_pos));
  }
  return {index};
}

std::vector<std::string> hook_names(const ModelConfig& config) {
  std::vector<std::string> names;
  const auto add = [&](bool per_block, bool before_blocks, Index layer) {
    for (const HookPoint& point : kHookPoints) {
      if (!exists_in(point, config) || point.per_block != per_block) continue;
      const bool is_before = point.kind < HookKind::resid_pre;
      if (!per_block && is_before != before_blocks) continue;
      names.push_back(site_name({point.kind, layer, std::nullopt}, config));
    }
  };
  add(false, true, -1);
  for (Index layer = 0; layer < config.n_layers; ++layer) add(true, false, layer);
  add(false, false, -1);
  return names;
}

}  // namespace gnomon
