// SPDX-License-Identifier: Apache-2.0
// The terminal's view of what a report reads; the files are weights_files.cpp's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "gnomon/report/weights_files.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon {
namespace {

constexpr int kIndent = 15;
constexpr double kShownRate = 0.05;  // of false discoveries, in the line below a table

std::string line(const std::string& label, const std::string& content) {
  return labelled_text("  " + label, content, kIndent);
}

TableCell null_cell(const std::optional<NullComparison>& null, const std::string& why) {
  if (!null) return TableCell::missing(why);
  return format_percentile(null->percentile, static_cast<std::size_t>(null->n));
}

std::string interval_text(const BootstrapInterval& bootstrap) {
  if (!bootstrap.estimate) return "not defined: " + bootstrap.why_undefined;
  const std::string value = fmt::format("{:+.2f}", *bootstrap.estimate);
  if (!bootstrap.interval) return value;
  return value + " " + format_interval(bootstrap.interval->ci_low, bootstrap.interval->ci_high);
}

std::string cosines_table(const WeightsAnalysis& analysis, const std::string& place,
                          const TextStyle& style) {
  TextTable table({{"direction"},
                   {"statistic"},
                   {"value", Align::right},
                   {"start", Align::right},
                   {"95 % interval"},
                   {"neurons", Align::right},
                   {"random", Align::right}});
  std::string last;
  for (const ReadOutCosine& row : analysis.cosines) {
    if (row.place != place) continue;
    const std::string why = row.value ? row.interval_over : row.why;
    table.add_row(
        {row.direction == last ? "" : row.direction, read_out_statistic_name(row.statistic),
         row.value ? TableCell(format_r(*row.value)) : TableCell::missing(row.why),
         row.start ? TableCell(format_r(*row.start))
                   : TableCell::missing("it was 0 before training"),
         row.interval ? TableCell(format_interval(row.interval->ci_low, row.interval->ci_high))
                      : TableCell::missing(why),
         null_cell(row.others, row.why_no_others), null_cell(row.random, "no random directions")});
    last = row.direction;
  }
  return table.render(style);
}

// "output pattern, output whitened" whose q is below kShownRate against both nulls, or against the
// only one there is.
std::string found_text(const WeightsAnalysis& analysis, const std::string& place) {
  std::vector<std::string> found;
  for (const ReadOutCosine& row : analysis.cosines) {
    const auto above = [](const std::optional<NullComparison>& null) {
      return !null || null->q.value_or(1) < kShownRate;
    };
    if (row.place != place || !row.value || (!row.others && !row.random)) continue;
    if (above(row.others) && above(row.random))
      found.push_back(fmt::format("{} {}", row.direction, read_out_statistic_name(row.statistic)));
  }
  return found.empty() ? "none" : fmt::format("{}", fmt::join(found, ", "));
}

std::string place_text(const WeightsAnalysis& analysis, const ReadOutPlace& place,
                       const ModelConfig& config, const TextStyle& style) {
  std::string text;
  if (!place.read_out) return line(place.name, "not compared: " + place.why) + "\n";
  const ReadOut& read_out = *place.read_out;
  text += labelled_text(
      place.name,
      fmt::format("{}, at the {}'s token: {}", site_name(read_out.site, config),
                  read_out.token == ReadOutToken::feature ? "head" : "target", read_out.origin),
      kIndent);
  text += "\n" + cosines_table(analysis, place.name, style) + "\n";
  text += line("q < 0.05", found_text(analysis, place.name));
  std::string of = fmt::format("length {} per unit of the stream", format_value(read_out.length()));
  if (!read_out.constant && read_out.resultant) {
    of += fmt::format("; over {} rows resultant {:.3f}, mean cosine {:.3f}, spread {:.2f}",
                      read_out.rows.size(), *read_out.resultant, read_out.mean_cosine.value_or(0),
                      read_out.spread.value_or(0));
  }
  if (read_out.n_zero > 0) of += fmt::format("; 0 at {} rows", read_out.n_zero);
  text += line("read-out", of);
  if (place.start_cosine) {
    text += line("start", fmt::format("cosine {} with the read-out before training, whose length "
                                      "was {}",
                                      format_r(*place.start_cosine),
                                      format_value(place.start_length.value_or(0))));
  }
  if (place.share) {
    text += line("own write",
                 fmt::format("gain {}; share of the report's variance {}; the rest {}",
                             format_value(place.share->gain), interval_text(place.share->share),
                             interval_text(place.share->rest)));
    if (!read_out.constant)
      text += line("", "share with each row's own read-out " + interval_text(place.share->by_row));
  } else {
    text += line("own write", "no share: " + place.why_no_share);
  }
  text += line("whitening", fmt::format("Σ drawn to its diagonal by {:.3g}", place.intensity));
  for (const ComparedDirection& component : place.components)
    text += line(component.name, component.definition);
  return text + "\n";
}

std::string changes_text(const WeightsAnalysis& analysis, const TextStyle& style) {
  TextTable table({{"weight"},
                   {"cosine", Align::right},
                   {"change", Align::right},
                   {"norm before", Align::right},
                   {"after", Align::right}});
  for (const WeightChange& change : analysis.changes) {
    table.add_row({change.name,
                   change.cosine ? TableCell(fmt::format("{:+.4f}", *change.cosine))
                                 : TableCell::missing("the weights are 0"),
                   change.relative_change ? TableCell(format_percent(*change.relative_change, 1))
                                          : TableCell::missing("the weights are 0"),
                   format_value(change.norm_before), format_value(change.norm_after)});
  }
  return "The neuron's own weights, before and after training\n\n" + table.render(style) + "\n";
}

}  // namespace

std::string weights_text(const WeightsSubject& subject, const WeightsAnalysis& analysis,
                         const ModelConfig& config, const TextStyle& style) {
  std::string text = labelled_text("report of", subject.target, 11);
  text += labelled_text("reporter", subject.reporter, 11);
  text += fmt::format("held-out texts: {} rows, {} distinct; training rows: {}\n\n",
                      analysis.rows.size(), analysis.n_distinct, analysis.training_rows.size());
  for (const ReadOutPlace& place : analysis.places)
    text += place_text(analysis, place, config, style);
  const bool moved = std::ranges::any_of(analysis.changes, [](const WeightChange& change) {
    return change.relative_change.value_or(0) > 0;
  });
  if (moved) text += changes_text(analysis, style);
  if (!moved && !analysis.changes.empty())
    text += line("weights", "the neuron's own are those of the base model");
  std::set<ReadOutStatistic> statistics;
  for (const ReadOutCosine& row : analysis.cosines) statistics.insert(row.statistic);
  for (const ReadOutStatistic statistic : statistics) {
    text += line(std::string(read_out_statistic_name(statistic)),
                 std::string(read_out_statistic_definition(statistic)));
  }
  text += line("neurons", "share of the layer's other neurons whose |value| is smaller");
  text += line("random", "the same of random directions with the stream's covariance");
  for (const ComparedDirection& direction : analysis.directions)
    text += line(direction.name, direction.definition);
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
