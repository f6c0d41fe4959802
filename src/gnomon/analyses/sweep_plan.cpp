// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/sweep_plan.h"

#include <fmt/format.h>

#include <charconv>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

constexpr std::string_view kHeadEnd = ", :]";

}  // namespace

std::string sweep_cell_name(const SweepCell& cell, const ModelConfig& config) {
  if (!cell.head) return site_at_name(cell.at, config);
  return fmt::format("{}[{}{}{}", site_name(cell.at.site, config), *cell.head, kHeadEnd,
                     position_name(cell.at.position));
}

SweepCell parse_sweep_cell(std::string_view text, const ModelConfig& config) {
  const std::size_t end = text.find(kHeadEnd);
  const std::size_t open = text.find('[');
  if (end == std::string_view::npos || open == std::string_view::npos || open > end)
    return {parse_site(text, config), std::nullopt};
  const std::string without_head =
      std::string(text.substr(0, open)) + std::string(text.substr(end + kHeadEnd.size()));
  SweepCell cell{parse_site(without_head, config), Index{0}};
  const std::string_view number = text.substr(open + 1, end - open - 1);
  const auto [stop, error] =
      std::from_chars(number.data(), number.data() + number.size(), *cell.head);
  if (error != std::errc() || stop != number.data() + number.size())
    throw ArgumentError(
        fmt::format("{} has the head {}, expected a number", quote(text), quote(number)));
  if (cell.at.site.kind != HookKind::z)
    throw ArgumentError(ErrorCode::wrong_site,
                        fmt::format("{} is no site of heads, expected hook_z", quote(text)));
  if (*cell.head < 0 || *cell.head >= config.n_heads)
    throw ArgumentError(ErrorCode::out_of_range,
                        fmt::format("{} has the head {}, the model's are 0 to {}", quote(text),
                                    *cell.head, config.n_heads - 1));
  return cell;
}

CellColumns cell_columns(const SweepCell& cell, const ModelConfig& config) {
  if (cell.at.site.coordinate) return {*cell.at.site.coordinate, 1};
  if (cell.head) return {*cell.head * config.d_head, config.d_head};
  return {0, site_width(cell.at.site.kind, config)};
}

std::vector<SweepCell> sweep_cells(std::span<const HookKind> kinds, std::span<const Index> layers,
                                   std::span<const Position> positions, const ModelConfig& config) {
  std::vector<SweepCell> cells;
  for (const HookKind kind : kinds) {
    const HookPoint& point = hook_point(kind);
    if (!point.per_block || point.axes == SiteAxes::pairs)
      throw ArgumentError(
          ErrorCode::wrong_site,
          fmt::format("a sweep cannot go over \"{}\": it has no row of its own in every block",
                      point.name));
    for (const Index layer : layers) {
      const Site site{kind, layer, std::nullopt};
      check_site(site, config);
      const Index n_part = kind == HookKind::z          ? config.n_heads
                           : kind == HookKind::mlp_post ? config.d_mlp
                                                        : 1;
      for (Index part = 0; part < n_part; ++part) {
        for (const Position& position : positions) {
          SweepCell cell{{site, position}, std::nullopt};
          if (kind == HookKind::z) cell.head = part;
          if (kind == HookKind::mlp_post) cell.at.site.coordinate = part;
          cells.push_back(cell);
        }
      }
    }
  }
  return cells;
}

std::vector<Position> each_position(Index n_token, bool from_end) {
  std::vector<Position> positions;
  for (Index p = 0; p < n_token; ++p)
    positions.push_back({Position::Kind::index, from_end ? p - n_token : p});
  return positions;
}

}  // namespace gnomon
