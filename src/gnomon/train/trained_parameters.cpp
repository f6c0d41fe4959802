// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/trained_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/train/option_names.h"

namespace gnomon {
namespace {

// Greedy matching with one point to go back to: linear in practice, without recursion.
bool matches_whole(std::string_view name, std::string_view pattern) {
  std::size_t n = 0, p = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

void require_patterns_match(const std::vector<std::string>& patterns,
                            const std::vector<ParameterRow>& rows) {
  for (const std::string& pattern : patterns) {
    const bool found = std::any_of(rows.begin(), rows.end(), [&](const ParameterRow& row) {
      return matches_pattern(row.name, pattern);
    });
    if (found) continue;
    std::vector<std::string> names;
    for (const ParameterRow& row : rows) names.push_back(row.name);
    const std::optional<std::string> nearest = nearest_name(pattern, names);
    throw ArgumentError(
        fmt::format("the pattern \"{}\" matches no parameter of the model", pattern),
        nearest ? fmt::format("the nearest name is \"{}\"", *nearest)
                : fmt::format("names look like \"{}\"", rows[rows.size() / 2].name));
  }
}

std::vector<ParameterRow> selected(const TrainedParameters& trained,
                                   const std::vector<ParameterRow>& rows) {
  require_patterns_match(trained.name_patterns, rows);
  std::vector<ParameterRow> result;
  for (const ParameterRow& row : rows) {
    const bool by_component =
        std::any_of(trained.components.begin(), trained.components.end(),
                    [&](Component component) { return component_of(row.key.kind) == component; });
    const bool by_name =
        std::any_of(trained.name_patterns.begin(), trained.name_patterns.end(),
                    [&](const std::string& pattern) { return matches_pattern(row.name, pattern); });
    if (by_component || by_name) result.push_back(row);
  }
  return result;
}

std::vector<ParameterRow> from_block(const std::vector<ParameterRow>& rows, Index first) {
  std::vector<ParameterRow> result;
  for (const ParameterRow& row : rows) {
    if (row.per_block && row.key.layer >= first) result.push_back(row);
  }
  return result;
}

std::vector<ParameterRow> lora_matrices(const TrainedParameters& trained,
                                        const std::vector<ParameterRow>& rows) {
  if (trained.lora_rank < 1)
    throw ArgumentError(fmt::format("lora_rank is {}, expected at least 1", trained.lora_rank));
  std::vector<ParameterRow> result;
  for (const ParameterRow& row : selected(trained, rows)) {
    if (row.key.is_bias) continue;
    const Component component = component_of(row.key.kind);
    if (component != Component::attention && component != Component::mlp) {
      throw ArgumentError(
          fmt::format("lora: \"{}\" is not a projection of attention or MLP", row.name),
          "low-rank changes are of projections; \"h.*.attn.c_attn\" names one of every block");
    }
    result.push_back(row);
  }
  return result;
}

}  // namespace

Component component_of(WeightKind kind) {
  switch (kind) {
    case WeightKind::qkv_proj:
    case WeightKind::q_proj:
    case WeightKind::k_proj:
    case WeightKind::v_proj:
    case WeightKind::o_proj:
      return Component::attention;
    case WeightKind::up_proj:
    case WeightKind::gate_proj:
    case WeightKind::down_proj:
      return Component::mlp;
    case WeightKind::wte:
    case WeightKind::wpe:
    case WeightKind::lm_head:
      return Component::embeddings;
    case WeightKind::ln_1:
    case WeightKind::ln_2:
    case WeightKind::ln_f:
      return Component::norms;
  }
  throw InternalError("component_of: unknown kind");
}

bool matches_pattern(std::string_view name, std::string_view pattern) {
  return matches_whole(name, fmt::format("*{}*", pattern));
}

std::vector<ParameterRow> trained_parameters(const TrainedParameters& trained,
                                             const ModelConfig& config, Index target_layer) {
  const std::vector<ParameterRow> rows = model_parameters(config);
  switch (trained.part) {
    case TrainedPart::none:
      return {};
    case TrainedPart::all:
      return rows;
    case TrainedPart::after_target: {
      if (target_layer + 1 >= config.n_layers) {
        throw ArgumentError(fmt::format("no block lies after the target's: it is in block {} of {}",
                                        target_layer, config.n_layers),
                            "choose a target in an earlier block, or another part to train");
      }
      return from_block(rows, target_layer + 1);
    }
    case TrainedPart::from_layer:
      if (trained.from_layer < 0 || trained.from_layer >= config.n_layers) {
        throw ArgumentError(ErrorCode::out_of_range,
                            fmt::format("from_layer is {}, expected 0 to {}", trained.from_layer,
                                        config.n_layers - 1));
      }
      return from_block(rows, trained.from_layer);
    case TrainedPart::selected:
    case TrainedPart::lora: {
      if (trained.components.empty() && trained.name_patterns.empty()) {
        throw ArgumentError(fmt::format("\"{}\" names nothing to train", option_name(trained.part)),
                            "give components (attention, mlp, embeddings, norms) or name patterns");
      }
      return trained.part == TrainedPart::lora ? lora_matrices(trained, rows)
                                               : selected(trained, rows);
    }
  }
  throw InternalError("trained_parameters: unknown part");
}

Index first_changed_block(const std::vector<ParameterRow>& rows, const ModelConfig& config) {
  Index first = config.n_layers;
  for (const ParameterRow& row : rows) {
    if (row.per_block) {
      first = std::min(first, row.key.layer);
    } else if (row.key.kind == WeightKind::wte || row.key.kind == WeightKind::wpe) {
      return -1;
    }
  }
  return first;
}

}  // namespace gnomon
