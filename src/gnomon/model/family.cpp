// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/family.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/model/families/families.h"

namespace gnomon {
namespace {

// Larger than any published size; keeps products of two sizes far from overflow.
constexpr Index kLargestSize = Index{1} << 31;

}  // namespace

Index axis_size(Axis axis, const ModelConfig& config) {
  switch (axis) {
    case Axis::none:
      return 0;
    case Axis::n_ctx:
      return config.n_ctx;
    case Axis::d_vocab:
      return config.d_vocab;
    case Axis::d_model:
      return config.d_model;
    case Axis::d_mlp:
      return config.d_mlp;
    case Axis::q_width:
      return config.n_heads * config.d_head;
    case Axis::kv_width:
      return config.n_kv_heads * config.d_head;
    case Axis::qkv_width:
      return (config.n_heads + 2 * config.n_kv_heads) * config.d_head;
  }
  throw InternalError("axis_size: unknown axis");
}

bool is_per_block(const WeightRow& row) { return row.hf_name.find("{}") != std::string_view::npos; }

std::vector<Index> stored_shape(const WeightRow& row, WeightLayout layout,
                                const ModelConfig& config) {
  const Index n_out = axis_size(row.n_out, config);
  if (row.n_in == Axis::none) return {n_out};
  const Index n_in = axis_size(row.n_in, config);
  const bool embedding = row.kind == WeightKind::wte || row.kind == WeightKind::wpe;
  if (embedding || layout == WeightLayout::in_out) return {n_in, n_out};
  return {n_out, n_in};
}

std::span<const Family* const> families() {
  static const std::array kFamilies = {&gpt2_family(), &llama_family(), &mistral_family(),
                                       &qwen2_family(), &gpt_neox_family()};
  return kFamilies;
}

const Family* find_family(std::string_view architecture) {
  for (const Family* family : families()) {
    if (family->architecture == architecture) return family;
  }
  return nullptr;
}

const Family* find_gguf_family(std::string_view architecture) {
  for (const Family* family : families()) {
    const std::string_view name =
        family->gguf_architecture.empty() ? family->architecture : family->gguf_architecture;
    if (name == architecture) return family;
  }
  return nullptr;
}

bool has_bias(std::string_view architecture, WeightKind kind) {
  const Family* family = find_family(architecture);
  return family != nullptr && std::ranges::any_of(family->rows, [&](const WeightRow& row) {
           return row.kind == kind && row.has_bias;
         });
}

std::optional<QkvPart> qkv_part(WeightKind kind, const ModelConfig& config) {
  const Family* family = find_family(config.architecture);
  if (family == nullptr || !std::ranges::any_of(family->rows, [](const WeightRow& row) {
        return row.kind == WeightKind::qkv_proj;
      }))
    return std::nullopt;
  const Index q_width = config.n_heads * config.d_head;
  const Index kv_width = config.n_kv_heads * config.d_head;
  const Index place = kind == WeightKind::q_proj ? 0 : kind == WeightKind::k_proj ? 1 : 2;
  QkvPart part;
  part.n_out = place == 0 ? q_width : kv_width;
  if (family->qkv_order == QkvOrder::head_by_head) {
    part.first = place * config.d_head;
    part.groups = {config.d_head, 3 * config.d_head};
  } else {
    part.first = place == 0 ? 0 : q_width + (place - 1) * kv_width;
  }
  return part;
}

std::string_view naming_of(std::string_view architecture) {
  const Family* family = find_family(architecture);
  return family == nullptr ? architecture : family->naming;
}

WeightLayout hf_layout(WeightKind kind, const ModelConfig& config) {
  const Family* family = find_family(config.architecture);
  if (family != nullptr) {
    for (const WeightRow& row : family->rows) {
      if (row.kind == kind) return row.hf_layout;
    }
  }
  throw InternalError("hf_layout: no such projection");
}

void check_config(const ModelConfig& config, std::string_view origin) {
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) throw FileError(fmt::format("\"{}\": {}", origin, what));
  };
  const std::array sizes = {
      std::pair{"n_layers", config.n_layers}, std::pair{"d_model", config.d_model},
      std::pair{"n_heads", config.n_heads},   std::pair{"n_kv_heads", config.n_kv_heads},
      std::pair{"d_head", config.d_head},     std::pair{"d_mlp", config.d_mlp},
      std::pair{"d_vocab", config.d_vocab},   std::pair{"n_ctx", config.n_ctx},
  };
  for (const auto& [name, size] : sizes) {
    require(
        size > 0 && size < kLargestSize,
        fmt::format("{} is {}, expected a number between 1 and {}", name, size, kLargestSize - 1));
  }
  require(config.n_heads % config.n_kv_heads == 0,
          fmt::format("n_heads is {} and n_kv_heads {}, expected a multiple", config.n_heads,
                      config.n_kv_heads));
  require(config.norm_eps > 0 && config.norm_eps < 1,
          fmt::format("the norm's epsilon is {}, expected between 0 and 1", config.norm_eps));
  require(2 * static_cast<Index>(config.rotary_frequency.size()) <= config.d_head,
          fmt::format("{} rotary channels, expected at most d_head = {}",
                      2 * config.rotary_frequency.size(), config.d_head));
  for (const double frequency : config.rotary_frequency) {
    require(frequency > 0 && std::isfinite(frequency),
            fmt::format("a rotary frequency is {}, expected a positive number", frequency));
  }
}

}  // namespace gnomon
