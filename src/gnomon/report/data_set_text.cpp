// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/data_set_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "gnomon/report/detail/activation_summary.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

using detail::ActivationSummary;

// Texts left out that a card names; dataset.json names all.
constexpr std::size_t kMostNamed = 100;
constexpr int kLongestBar = 40;

struct PartCounts {
  Index n_rows = 0;
  Index n_texts = 0;
  Index n_groups = 0;
};

PartCounts count_part(const DataSet& data, Part part) {
  PartCounts counts;
  counts.n_rows = std::ssize(data.rows_of(part));
  std::map<Index, bool> groups;
  for (std::size_t t = 0; t < data.texts.part.size(); ++t) {
    if (data.texts.part[t] != part) continue;
    ++counts.n_texts;
    groups[data.texts.groups.group_of_row[t]] = true;
  }
  counts.n_groups = std::ssize(groups);
  return counts;
}

std::string rule_text(GroupRule rule, const DataSet& data) {
  switch (rule) {
    case GroupRule::exact_text:
      return "the same text";
    case GroupRule::normalised_text:
      return "the same text after normalisation";
    case GroupRule::template_id:
      return "the same template";
    case GroupRule::declared_group:
      return "the same declared group";
    case GroupRule::near_duplicate:
      return fmt::format("near-duplicates: Jaccard at least {} of {}-{} shingles",
                         data.near ? data.near->threshold : 0,
                         data.near ? data.near->shingle_length : 0,
                         data.near && data.near->unit == ShingleUnit::words ? "word" : "character");
  }
  return {};
}

std::string r_text(const BaselineResult& result) { return result.r ? format_r(*result.r) : "–"; }

std::string r2_text(const BaselineResult& result) {
  if (!result.r2_identity) return "–";
  // No minus sign before what rounds to 0.
  if (std::abs(*result.r2_identity) < 0.0005) return "+0.000";
  return *result.r2_identity < -9.99 ? "< -10" : fmt::format("{:+.3f}", *result.r2_identity);
}

std::string histogram_text(const ActivationSummary& summary) {
  const Index fullest = *std::ranges::max_element(summary.counts);
  std::string text;
  for (Index cell = 0; cell < ActivationSummary::kCells; ++cell) {
    const Index n = summary.counts[static_cast<std::size_t>(cell)];
    // Rounded up: a cell with a single value shows.
    const auto bar = static_cast<std::size_t>((n * kLongestBar + fullest - 1) / fullest);
    text += fmt::format("{:>11.4g}  {:<{}} {}\n", summary.cell_low(cell), std::string(bar, '#'),
                        kLongestBar, n);
  }
  return text;
}

std::string row_split_text(const RowSplitLeakage& split) {
  std::string text = fmt::format(
      "Had the same rows, with the copies that were dropped, been split one by one, the text of {} "
      "of {} test rows would stand in train",
      split.n_in_train, split.n_test);
  if (split.lookup_r2)
    text += fmt::format(", and looking it up would score R² = {:.3f}", *split.lookup_r2);
  return text + ".";
}

std::string table_row(std::string_view name, const std::string& value) {
  return fmt::format("| {} | {} |\n", name, value);
}

std::string card_counts(const DataSet& data) {
  std::string text = "## Texts\n\n| | |\n|---|---|\n";
  for (const TextSourceRecord& source : data.sources) {
    text += table_row(fmt::format("source `{}`", visible_text(source.name)),
                      fmt::format("{} records, SHA-256 {}", source.n_records, source.sha256));
  }
  text += table_row("records read", fmt::format("{}", data.counts.n_read));
  text += table_row("duplicates dropped", fmt::format("{}", data.counts.n_duplicates));
  text += table_row("left out", fmt::format("{}{}", data.counts.n_excluded,
                                            data.counts.n_excluded > 0 ? ", named below" : ""));
  text += table_row("rows measured (text and position)", fmt::format("{}", data.counts.n_measured));
  if (data.balance) {
    text += table_row("rows dropped for balance",
                      fmt::format("{}, and with them {} texts",
                                  data.counts.n_measured - data.n_row(), data.counts.n_unused));
  }
  text += table_row("**texts**, all distinct", fmt::format("**{}**", data.texts.n_text()));
  text += table_row("**rows**", fmt::format("**{}**", data.n_row()));

  text += fmt::format(
      "\n## Groups\n\n{} groups, the largest of {} texts. A group is never split.\n\n"
      "| texts belong together by | texts | joins |\n|---|---|---|\n",
      data.texts.groups.n_groups, data.texts.groups.largest_group);
  for (const GroupRuleCount& rule : data.texts.groups.rules) {
    text +=
        fmt::format("| {} | {} | {} |\n", rule_text(rule.rule, data), rule.n_rows, rule.n_joins);
  }
  text += fmt::format(
      "\n## Parts\n\nSeed {}, asked for {:g}, {:g}, {:g}.\n\n"
      "| part | rows | texts | groups |\n|---|---|---|---|\n",
      data.seed, data.fractions.train, data.fractions.val, data.fractions.test);
  for (const Part part : kAllParts) {
    const PartCounts counts = count_part(data, part);
    text += fmt::format("| {} | {} | {} | {} |\n", part_name(part), counts.n_rows, counts.n_texts,
                        counts.n_groups);
  }
  return text;
}

std::string card_balance(const DataSet& data) {
  if (!data.balance) return {};
  std::string text = fmt::format(
      "\n## Balance\n\nOver the range of `{}`: a bin keeps at most {} rows, drawn by the seed. The "
      "distribution below is that of the rows kept; scores on it do not hold for texts as they "
      "come.\n\n| from | to | rows before | rows kept |\n|---|---|---|---|\n",
      data.target_name(0), data.balance->cap);
  for (const BalanceBin& bin : data.balance->bins) {
    text += fmt::format("| {:.5g} | {:.5g} | {} | {} |\n", bin.low, bin.high, bin.n_before,
                        bin.n_after);
  }
  return text;
}

std::string card_target(const DataSet& data, Index target, const LeakageTable& table) {
  const ActivationSummary summary = detail::summarise_activation(data.activation_of(target));
  std::string text = fmt::format("\n## `{}`\n\n| | |\n|---|---|\n", table.target);
  text += table_row("mean", fmt::format("{:.6g}", summary.mean));
  text += table_row("standard deviation", fmt::format("{:.6g}", summary.sd));
  text += table_row("skewness",
                    summary.skewness ? fmt::format("{:.4g}", *summary.skewness) : std::string("–"));
  text += table_row("above 0", format_percent(summary.positive));
  for (std::size_t i = 0; i < summary.quantiles.size(); ++i) {
    text += table_row(fmt::format("{:g} % quantile", 100 * ActivationSummary::kProbabilities[i]),
                      fmt::format("{:.6g}", summary.quantiles[i]));
  }
  text += "\nRows by activation; the number in front is a cell's lower end.\n\n```\n" +
          histogram_text(summary) + "```\n";
  text +=
      "\nHow well it is predicted without the model, from the training rows:\n\n"
      "| baseline | r, val | R²(identity), val | r, test | R²(identity), test | prediction |\n"
      "|---|---|---|---|---|---|\n";
  for (const LeakageRow& row : table.rows) {
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", row.name, r_text(row.val),
                        r2_text(row.val), r_text(row.test), r2_text(row.test), row.definition);
  }
  return text;
}

std::string card_excluded(const DataSet& data) {
  const std::vector<ExcludedText>& excluded = data.texts.excluded;
  if (excluded.empty()) return {};
  std::string text = "\n## Texts left out\n\n";
  for (std::size_t i = 0; i < std::min(excluded.size(), kMostNamed); ++i)
    text += fmt::format("- {}: {}\n", visible_text(excluded[i].source), excluded[i].why);
  if (excluded.size() > kMostNamed)
    text += fmt::format("- and {} more, in dataset.json\n", excluded.size() - kMostNamed);
  return text;
}

std::string distribution_line(const ActivationSummary& summary) {
  return fmt::format("mean {}, sd {}, 5 % {}, median {}, 95 % {}, {} above 0",
                     format_value(summary.mean), format_value(summary.sd),
                     format_value(summary.quantiles[2]), format_value(summary.quantiles[4]),
                     format_value(summary.quantiles[6]), format_percent(summary.positive));
}

std::string leakage_table(const LeakageTable& table, const TextStyle& style) {
  TextTable shown({{"baseline"},
                   {"r val", Align::right},
                   {"R²ident", Align::right},
                   {"r test", Align::right},
                   {"R²ident", Align::right},
                   {"prediction", Align::left, true}});
  for (const LeakageRow& row : table.rows) {
    const auto r = [](const BaselineResult& result) {
      return result.r ? TableCell(format_r(*result.r))
                      : TableCell::missing("the prediction is the same for every row");
    };
    shown.add_row(
        {row.name, r(row.val), r2_text(row.val), r(row.test), r2_text(row.test), row.definition});
  }
  return shown.render(style);
}

}  // namespace

std::string data_set_card(const DataSet& data, const DataSetLeakage& leakage) {
  std::string text = fmt::format(
      "# Data card\n\nActivations of `{}` (SHA-256 {}), {}, as the model was loaded; raw weights, "
      "no "
      "token added to a text.\n\n",
      visible_text(data.model_name), data.model_sha256, precision_name(data.precision));
  text += card_counts(data) + card_balance(data);
  text += fmt::format(
      "\n## Leakage\n\nRows whose normalised text stands in train: {} of the validation rows, {} "
      "of "
      "the test rows. {}\n",
      leakage.n_val_in_train, leakage.n_test_in_train, row_split_text(leakage.row_split));
  for (Index k = 0; k < data.n_target(); ++k)
    text += card_target(data, k, leakage.targets[static_cast<std::size_t>(k)]);
  return text + card_excluded(data);
}

std::string data_set_text(const DataSet& data, const DataSetLeakage& leakage,
                          const TextStyle& style) {
  constexpr int kIndent = 11;
  const DataSetCounts& counts = data.counts;
  std::string text = labelled_text(
      "Texts",
      fmt::format("{} read, {} duplicates dropped, {} left out, {}{} kept", counts.n_read,
                  counts.n_duplicates, counts.n_excluded,
                  data.balance ? fmt::format("{} dropped for balance, ", counts.n_unused) : "",
                  data.texts.n_text()),
      kIndent);
  std::string groups = fmt::format("{}, the largest of {} texts", data.texts.groups.n_groups,
                                   data.texts.groups.largest_group);
  for (const GroupRuleCount& rule : data.texts.groups.rules) {
    if (rule.n_joins > 0)
      groups += fmt::format("; {} joins by {}", rule.n_joins, group_rule_name(rule.rule));
  }
  text += labelled_text("Groups", groups, kIndent);
  if (data.balance) {
    std::string bins;
    for (const BalanceBin& bin : data.balance->bins)
      bins += fmt::format("{}{}/{}", bins.empty() ? "" : " ", bin.n_after, bin.n_before);
    text += labelled_text("Balance",
                          fmt::format("{} of {} rows dropped; kept of each bin: {}",
                                      counts.n_measured - data.n_row(), counts.n_measured, bins),
                          kIndent);
  }
  std::string parts = fmt::format("{}", data.n_row());
  for (const Part part : kAllParts)
    parts += fmt::format("{} {} {}", part == Part::train ? ":" : ",", part_name(part),
                         data.rows_of(part).size());
  text += labelled_text("Rows", parts, kIndent);
  text += labelled_text(
      "Leakage",
      fmt::format("text in train too: {} validation rows, {} test rows. {}", leakage.n_val_in_train,
                  leakage.n_test_in_train, row_split_text(leakage.row_split)),
      kIndent);
  for (Index k = 0; k < data.n_target(); ++k) {
    const ActivationSummary summary = detail::summarise_activation(data.activation_of(k));
    text += fmt::format("\n{}\n", data.target_name(k));
    for (const std::string& line : wrapped_lines(distribution_line(summary), kTextWidth - 2))
      text += "  " + line + "\n";
    text += "\n" + leakage_table(leakage.targets[static_cast<std::size_t>(k)], style);
  }
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
