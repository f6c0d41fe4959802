// SPDX-License-Identifier: Apache-2.0
// in: which sites, layers and positions   out: the cells of a sweep
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/hook_points.h"

namespace gnomon {

// One thing that is patched: the row of a site, one number of it, or the channels of one head, at
// one token or at all of them together.
struct SweepCell {
  SiteAt at;
  std::optional<Index> head = {};  // of z

  friend bool operator==(const SweepCell&, const SweepCell&) = default;
};

// "blocks.1.mlp.hook_post[193]@last"; a head as "blocks.1.attn.hook_z[3, :]@all".
std::string sweep_cell_name(const SweepCell& cell, const ModelConfig& config);
// Reads such a name. Throws as parse_site does.
SweepCell parse_sweep_cell(std::string_view text, const ModelConfig& config);

// Which columns of a site's row a cell is: first and number.
struct CellColumns {
  Index first = 0;
  Index n = 0;
};
CellColumns cell_columns(const SweepCell& cell, const ModelConfig& config);

// Every (kind, layer, position), by kind, then layer, then position; of z every head, of mlp_post
// every neuron. Throws ArgumentError: out_of_range for a layer, wrong_site for a kind that has no
// rows or lies outside the blocks.
std::vector<SweepCell> sweep_cells(std::span<const HookKind> kinds, std::span<const Index> layers,
                                   std::span<const Position> positions, const ModelConfig& config);

// @0 to @n-1 of texts aligned at their beginning, @-n to @-1 of texts aligned at their end.
std::vector<Position> each_position(Index n_token, bool from_end);

}  // namespace gnomon
