// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/original_definitions_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "gnomon/report/wrapped_text.h"

namespace gnomon {
namespace {

constexpr const char* kConstant = "the projection does not vary";

// What the steps put right, each once, in the order in which it first appears.
std::vector<std::pair<std::string, std::string>> reasons_of(
    std::span<const OriginalDirection> directions) {
  std::vector<std::pair<std::string, std::string>> reasons;
  for (const OriginalDirection& direction : directions) {
    for (const OriginalStep& step : direction.steps) {
      std::pair<std::string, std::string> reason(step.name, step.why);
      if (!step.why.empty() && std::ranges::find(reasons, reason) == reasons.end())
        reasons.push_back(std::move(reason));
    }
  }
  return reasons;
}

}  // namespace

Json original_definitions_json(std::span<const OriginalDirection> directions) {
  Json rows = Json::array();
  for (const OriginalDirection& direction : directions) {
    Json steps = Json::array();
    for (const OriginalStep& step : direction.steps) {
      Json row = {{"step", step.name},
                  {"quantity", step.quantity},
                  {"r", number_or_null(step.r)},
                  {"n_row", step.n_row}};
      if (!step.r) row["why"] = kConstant;
      if (!step.why.empty()) row["puts_right"] = step.why;
      steps.push_back(std::move(row));
    }
    Json row = {{"name", direction.name}, {"here", direction.here}, {"steps", std::move(steps)}};
    if (!direction.why.empty()) row["why_no_direction"] = direction.why;
    rows.push_back(std::move(row));
  }
  return {{"$schema", "urn:gnomon:schema:as_original:1"}, {"directions", std::move(rows)}};
}

std::string original_definitions_text(std::span<const OriginalDirection> directions,
                                      const TextStyle& style) {
  TextTable table({{"as the study"},
                   {"step"},
                   {"rows", Align::right},
                   {"r", Align::right},
                   {"change", Align::right}});
  for (const OriginalDirection& direction : directions) {
    std::optional<double> before;
    for (const OriginalStep& step : direction.steps) {
      const bool first = &step == &direction.steps.front();
      table.add_row({first ? direction.name : "", first ? step.quantity : step.name,
                     fmt::format("{}", step.n_row),
                     step.r ? TableCell(format_r(*step.r)) : TableCell::missing(kConstant),
                     first || !before || !step.r ? "" : format_r(*step.r - *before)});
      before = step.r;
    }
    if (!direction.why.empty())
      table.add_row({"", "no such direction", "", TableCell::missing(direction.why), ""});
  }
  std::string text =
      "As the original study computed them: weights as TransformerLens processes them,\n"
      "no norm and no bias, all rows. Each step puts one thing right; the last r of a\n"
      "direction is that of the first table.\n\n" +
      table.render(style) + "\n";
  constexpr int kIndent = 22;
  for (const auto& [name, why] : reasons_of(directions))
    text += labelled_text("  " + name, why, kIndent);
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
