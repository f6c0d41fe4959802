// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/sweep_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "gnomon/report/wrapped_text.h"

namespace gnomon {
namespace {

constexpr int kLabelWidth = 6;
constexpr int kNumberWidth = 5;

struct Grid {
  std::set<Index> layers;
  std::set<Index> columns;                          // positions or heads
  std::map<std::pair<Index, Index>, double> value;  // share
};

double scale_of(const PatchSweep& sweep) {
  if (sweep.why_not_normalised.empty()) return 1;
  double largest = 0;
  for (const CellEffect& cell : sweep.cells)
    largest = std::max(largest, std::abs(cell.mean.estimate.value_or(0)));
  return largest > 0 ? largest : 1;
}

std::optional<double> share(const PatchSweep& sweep, const CellEffect& cell, double scale) {
  const std::optional<double>& of =
      sweep.why_not_normalised.empty() ? cell.normalised.estimate : cell.mean.estimate;
  if (!of) return std::nullopt;
  return *of / scale;
}

// "-12", "100"; ">999" where it does not fit.
std::string percent(double value) {
  if (std::abs(value) >= 9.995) return value > 0 ? ">999" : "<-999";
  const std::string text = fmt::format("{:.0f}", 100 * value);
  return text == "-0" ? "0" : text;
}

// Digits are tenths of the total effect, "." below half a tenth, "#" a whole one or more; letters a
// to i and "=" the same with the other sign.
char mark(double value) {
  const int tenths = static_cast<int>(std::min(10.0, std::round(10 * std::abs(value))));
  if (tenths == 0) return '.';
  if (value > 0) return tenths == 10 ? '#' : static_cast<char>('0' + tenths);
  return tenths == 10 ? '=' : static_cast<char>('a' + tenths - 1);
}

std::string numbers(const Grid& grid) {
  std::string text = std::string(kLabelWidth, ' ');
  for (const Index column : grid.columns) text += fmt::format("{:>{}}", column, kNumberWidth);
  text += "\n";
  for (auto layer = grid.layers.rbegin(); layer != grid.layers.rend(); ++layer) {
    text += fmt::format("{:<{}}", fmt::format("  L{}", *layer), kLabelWidth);
    for (const Index column : grid.columns) {
      const auto found = grid.value.find({*layer, column});
      text += fmt::format("{:>{}}", found == grid.value.end() ? "" : percent(found->second),
                          kNumberWidth);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

// One character for each column, or for several neighbours the one of largest magnitude.
std::string marks(const Grid& grid, int width) {
  const std::vector<Index> columns(grid.columns.begin(), grid.columns.end());
  const auto room = static_cast<std::size_t>(width - kLabelWidth);
  const std::size_t per_mark = (columns.size() + room - 1) / room;
  std::string text =
      fmt::format("{}{} to {}{}\n", std::string(kLabelWidth, ' '), columns.front(), columns.back(),
                  per_mark > 1 ? fmt::format(", the largest of {} in each place", per_mark) : "");
  for (auto layer = grid.layers.rbegin(); layer != grid.layers.rend(); ++layer) {
    text += fmt::format("{:<{}}", fmt::format("  L{}", *layer), kLabelWidth);
    for (std::size_t first = 0; first < columns.size(); first += per_mark) {
      std::optional<double> largest;
      for (std::size_t c = first; c < std::min(first + per_mark, columns.size()); ++c) {
        const auto found = grid.value.find({*layer, columns[c]});
        if (found == grid.value.end()) continue;
        if (!largest || std::abs(found->second) > std::abs(*largest)) largest = found->second;
      }
      text += largest ? mark(*largest) : ' ';
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

std::string grids_text(const PatchSweep& sweep, int width) {
  const double scale = scale_of(sweep);
  // By title; @last counts as -1.
  std::map<std::pair<HookKind, std::string>, Grid> grids;
  for (const CellEffect& cell : sweep.cells) {
    const std::optional<double> value = share(sweep, cell, scale);
    const Position& at = cell.cell.at.position;
    const Site& site = cell.cell.at.site;
    if (!value || site.coordinate) continue;
    std::string title(hook_point(site.kind).name);
    Index column = 0;
    if (cell.cell.head) {
      title += fmt::format("{}, layer by head", position_name(at));
      column = *cell.cell.head;
    } else if (at.kind == Position::Kind::index) {
      title += ", layer by token";
      column = at.index;
    } else {
      title += position_name(at) + ", by layer";
    }
    Grid& grid = grids[{site.kind, title}];
    grid.layers.insert(site.layer);
    grid.columns.insert(column);
    grid.value[{site.layer, column}] = *value;
  }
  std::string text;
  bool has_marks = false;
  for (const auto& [key, grid] : grids) {
    const bool wide = static_cast<int>(grid.columns.size()) * kNumberWidth + kLabelWidth > width;
    has_marks = has_marks || wide;
    text += key.second + "\n" + (wide ? marks(grid, width) : numbers(grid));
  }
  if (text.empty()) return text;
  std::string legend = sweep.why_not_normalised.empty()
                           ? "Percent of the difference between the two runs"
                           : fmt::format("Percent of {:.3g}, the largest mean effect", scale);
  legend += has_marks ? "; in strips: 1 to 9 tenths of it, # all, a to i and = the same with the "
                        "other sign, . less than half a tenth."
                      : ".";
  for (const std::string& line : wrapped_lines(legend, width)) text += line + "\n";
  return text + "\n";
}

std::string estimate_text(const BootstrapInterval& of) {
  if (!of.estimate) return "–";
  if (!of.interval) return fmt::format("{:+.3g}", *of.estimate);
  return fmt::format("{:+.3g} [{:+.3g}, {:+.3g}]", *of.estimate, of.interval->ci_low,
                     of.interval->ci_high);
}

std::string top_text(const PatchSweep& sweep, Index n_top, const TextStyle& style) {
  const double scale = scale_of(sweep);
  std::vector<std::size_t> order;
  for (std::size_t c = 0; c < sweep.cells.size(); ++c) {
    if (sweep.cells[c].exact && sweep.cells[c].n_case > 0) order.push_back(c);
  }
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t c) {
    return std::abs(share(sweep, sweep.cells[c], scale).value_or(0));
  });
  const std::size_t n_exact = order.size();
  order.resize(std::min(order.size(), static_cast<std::size_t>(n_top)));
  TextTable table({{"cell", Align::left, true},
                   {"normalised", Align::left},
                   {"effect", Align::right},
                   {sweep.why_no_family.empty() ? "p family" : "p FDR", Align::right}});
  for (const std::size_t c : order) {
    const CellEffect& cell = sweep.cells[c];
    const std::optional<double>& p = sweep.why_no_family.empty() ? cell.p_family : cell.p_fdr;
    table.add_row(
        {cell.name,
         cell.normalised.estimate ? TableCell(estimate_text(cell.normalised))
                                  : TableCell::missing(cell.normalised.why_undefined),
         cell.mean.estimate ? fmt::format("{:+.3g}", *cell.mean.estimate) : "–",
         p ? TableCell(fmt::format("{:.2g}", *p)) : TableCell::missing(sweep.why_no_family)});
  }
  return fmt::format("The {} largest of {} patched cells\n", order.size(), n_exact) +
         table.render(style);
}

std::string attribution_text(const AttributionError& error, int width) {
  const auto number = [](const std::optional<double>& value) {
    return value ? fmt::format("{:+.2f}", *value) : std::string("–");
  };
  const std::string text = fmt::format(
      "Ranked by attribution patching over {} cells; the {} largest and {} others drawn at random "
      "were patched. Largest error {:.3g} beside a largest {} of {:.3g}; rank correlation {} of "
      "all "
      "patched, {} of the random ones. {} of these exceed the middle one of the {}: at most {} of "
      "the cells that were not patched do (95 %).",
      error.n_cell, error.options.n_top, error.options.n_sample, error.largest_error,
      error.normalised ? "normalised effect" : "mean effect", error.largest_effect,
      number(error.rank_correlation), number(error.sample_rank_correlation), error.n_missed,
      error.options.n_top, format_percent(error.missed_share_bound));
  std::string lines = "\n";
  for (const std::string& line : wrapped_lines(text, width)) lines += line + "\n";
  return lines;
}

}  // namespace

std::string sweep_text(const PatchSweep& sweep, const SweepPairs& pairs, Index n_top,
                       const TextStyle& style) {
  const auto mean = [&](const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  };
  std::string text = fmt::format("{}, read at {}\n", sweep.definition, sweep.read_out);
  const bool denoises = sweep.direction == SweepDirection::denoising;
  text += fmt::format("{}: the {} run with one cell of the {} run\n",
                      sweep_direction_name(sweep.direction), denoises ? "corrupted" : "clean",
                      denoises ? "clean" : "corrupted");
  text += fmt::format(
      "{} pairs in {} groups, {} left out; means {:.4g} and {:.4g}, rms difference {:.4g}\n",
      sweep.n_case, sweep.n_group, pairs.left_out.size(), mean(sweep.base), mean(sweep.other),
      sweep.total_rms);
  std::string wrapped;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    for (const std::string& line : wrapped_lines(text.substr(0, end), style.width))
      wrapped += line + "\n";
    text.erase(0, end + 1);
  }
  text = wrapped + "\n" + grids_text(sweep, style.width) + top_text(sweep, n_top, style);
  if (sweep.attribution) text += attribution_text(*sweep.attribution, style.width);
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
