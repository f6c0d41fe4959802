// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/study_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/report/wrapped_text.h"

namespace gnomon {
namespace {

std::string in_style(const std::string& text, const TextStyle& style) {
  return style.unicode ? text : ascii_text(text);
}

TableCell percentile_cell(const std::optional<NullRank>& rank, const std::string& why) {
  if (!rank) return TableCell::missing(why);
  return format_percentile(rank->percentile, static_cast<std::size_t>(rank->n));
}

// R²(identity) of a projection in other units than the activation is some large negative number;
// its size says nothing.
std::string identity_text(double r2) { return r2 < -9.99 ? "< -10" : fmt::format("{:+.3f}", r2); }

std::vector<TableCell> direction_row(const DirectionResult& direction) {
  const std::string why = direction.defined() ? "the projection does not vary" : direction.why;
  if (!direction.r) {
    std::vector<TableCell> row = {direction.name};
    while (row.size() < 8) row.push_back(TableCell::missing(why));
    return row;
  }
  return {direction.name,
          format_r(*direction.r),
          direction.interval
              ? TableCell(format_interval(direction.interval->ci_low, direction.interval->ci_high))
              : TableCell::missing("too few text groups vary"),
          fmt::format("{:.3f}", direction.r2_fit.value_or(0)),
          identity_text(direction.r2_identity.value_or(0)),
          format_p(*direction.log10_p_holm),
          percentile_cell(direction.random_directions, "no random directions"),
          percentile_cell(direction.other_neurons, "no counterpart among the layer's neurons")};
}

}  // namespace

std::string directions_text(const ProjectionAnalysis& analysis, std::string_view title,
                            const TextStyle& style) {
  TextTable table({{"direction"},
                   {"r", Align::right},
                   {"95 % interval"},
                   {"R²fit", Align::right},
                   {"R²ident", Align::right},
                   {"p (Holm)", Align::right},
                   {"random", Align::right},
                   {"neurons", Align::right}});
  for (const DirectionResult& direction : analysis.directions)
    table.add_row(direction_row(direction));
  std::string text = fmt::format("{}\nheld-out texts: {} rows, {} distinct\n\n", title,
                                 analysis.n_row, analysis.n_distinct);
  text += table.render(style);
  text += "\n";
  const auto define = [&](const std::string& word, const std::string& definition) {
    constexpr int kDefinitionColumn = 13;
    text += labelled_text("  " + word, definition, kDefinitionColumn);
  };
  define("random", "share of random directions with that site's covariance whose |r| is smaller");
  define("neurons", "the same for the layer's other neurons, read or written likewise");
  for (const DirectionResult& direction : analysis.directions) {
    if (direction.defined()) define(direction.name, direction.definition);
  }
  return in_style(text, style);
}

std::string baselines_text(const ProjectionAnalysis& analysis, const TextStyle& style) {
  TextTable table({{"baseline"},
                   {"r", Align::right},
                   {"R²ident", Align::right},
                   {"what it knows", Align::left, true}});
  for (const BaselineResult& baseline : analysis.baselines) {
    table.add_row({baseline.name,
                   baseline.r ? TableCell(format_r(*baseline.r)) : TableCell::missing(baseline.why),
                   baseline.r2_identity ? TableCell(identity_text(*baseline.r2_identity))
                                        : TableCell::missing("the activation does not vary"),
                   baseline.definition});
  }
  return in_style(table.render(style), style);
}

std::string cosines_text(const ProjectionAnalysis& analysis, const TextStyle& style) {
  TextTable table({{"cosine"},
                   {"value", Align::right},
                   {"null sd", Align::right},
                   {"neurons", Align::right},
                   {"space"}});
  for (const CosineResult& cosine : analysis.cosines) {
    const std::string why = "a residual coordinate has no neurons beside it";
    table.add_row({cosine.name, format_r(cosine.value),
                   cosine.null_sd ? TableCell(fmt::format("{:.3f}", *cosine.null_sd))
                                  : TableCell::missing(why),
                   cosine.percentile
                       ? TableCell(format_percentile(*cosine.percentile,
                                                     static_cast<std::size_t>(cosine.n_null)))
                       : TableCell::missing(why),
                   cosine.space});
  }
  return in_style(table.render(style), style);
}

std::string ladder_text(const Ladder& ladder, const TextStyle& style) {
  std::vector<LadderRow> rows;
  for (const Rung& rung : ladder.rungs) {
    LadderRow& row = rows.emplace_back();
    row.name = rung.name == "start" ? rung.quantity : rung.name;
    row.r = rung.r;
    if (rung.interval) {
      row.ci_low = rung.interval->ci_low;
      row.ci_high = rung.interval->ci_high;
    }
    if (&rung != &ladder.rungs.front() && rung.r) row.delta = rung.delta;
    row.exact_zero = rung.exact_zero;
  }
  std::string text =
      fmt::format("{}: from {} to the activation\n", ladder.direction, ladder.starts_at);
  text += render_ladder(rows, style);
  if (!ladder.one_minus_r) {
    text += "  The ladder does not close: the activation does not vary.\n";
  } else if (ladder.closes) {
    text += fmt::format("  closes: 1 - r = {}\n", format_value(*ladder.one_minus_r));
  } else {
    text += fmt::format("  DOES NOT CLOSE: 1 - r = {}, expected below {}\n",
                        format_value(*ladder.one_minus_r), format_value(ladder.tolerance));
  }
  return in_style(text, style);
}

std::string checks_text(std::span<const CheckResult> checks, const TextStyle& style) {
  const auto count = [&](CheckStatus status) {
    return std::count_if(checks.begin(), checks.end(),
                         [&](const CheckResult& check) { return check.status == status; });
  };
  std::string text = fmt::format("Checks: {} passed, {} failed", count(CheckStatus::pass),
                                 count(CheckStatus::fail));
  if (const auto skipped = count(CheckStatus::skip); skipped > 0)
    text += fmt::format(", {} skipped", skipped);
  text += "\n";
  for (const CheckResult& check : checks) {
    if (check.status == CheckStatus::pass) continue;
    text += fmt::format("  {} {}: {}\n", check_status_name(check.status), check.id, check.title);
    if (check.value) {
      text += fmt::format("    found {}, expected at most {} ({})\n", format_value(*check.value),
                          format_value(check.tolerance.value_or(0)), check.why);
    } else {
      text += fmt::format("    {}\n", check.why);
    }
  }
  return in_style(text, style);
}

}  // namespace gnomon
