// SPDX-License-Identifier: Apache-2.0
// What a sweep of patches found.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gnomon/report/detail/report_sections.h"
#include "gnomon/report/detail/sweep_measure.h"
#include "gnomon/report/text_table.h"

namespace gnomon::detail {
namespace {

constexpr std::size_t kShown = 10;

double magnitude(const Json& cell, const char* key) {
  return std::abs(number_at(child_at(cell, key), "value").value_or(0));
}

}  // namespace

Html sweep_results(const Json& sweep, double level) {
  const char* key = sweep_measure(sweep);
  std::vector<const Json*> cells;
  for (const Json& cell : child_at(sweep, "cells"))
    if (number_at(child_at(cell, key), "value")) cells.push_back(&cell);
  const auto n_shown = static_cast<std::ptrdiff_t>(std::min(kShown, cells.size()));
  std::partial_sort(
      cells.begin(), cells.begin() + n_shown, cells.end(),
      [&](const Json* a, const Json* b) { return magnitude(*a, key) > magnitude(*b, key); });
  const std::string interval = format_percent(level) + " interval";
  HtmlTable table(fmt::format("The {} largest of {} patched cells", n_shown, cells.size()),
                  {{"cell"},
                   {"share restored", true},
                   {interval, true},
                   {"effect", true},
                   {interval, true},
                   {"p in the family", true}});
  for (std::ptrdiff_t i = 0; i < n_shown; ++i) {
    const Json& cell = *cells[static_cast<std::size_t>(i)];
    const Json& share = child_at(cell, "normalised");
    const Json& effect = child_at(cell, "effect");
    table.add_row(
        {element("code", text_at(cell, "cell")), r_cell(number_at(share, "value")),
         interval_cell(child_at(share, "interval")), value_cell(number_at(effect, "value")),
         interval_cell(child_at(effect, "interval")), value_cell(number_at(cell, "p_family"))});
  }
  if (table.is_empty()) return {};
  return table.render() +
         element("p class=\"note\"",
                 "Share restored: of the difference between the two runs of a pair, the part that "
                 "the patch makes. Effect: the mean change, in the metric's units; where pairs "
                 "differ in both directions it can be near 0 although every pair is restored. p in "
                 "the family: how often the largest of all cells is as large when the signs of "
                 "pairs are turned by chance.");
}

}  // namespace gnomon::detail
