// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/scan_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "gnomon/report/scan_files.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

// Bytes of a text that are shown before a token; what follows it is cut by the table.
constexpr std::size_t kBytesBefore = 12;

TableCell value_cell(const std::optional<double>& value, const std::string& why) {
  return value ? TableCell(format_value(*value)) : TableCell::missing(why);
}

TableCell explained_cell(const std::optional<VarianceExplained>& explained) {
  if (!explained) return TableCell::missing("the neuron is constant, or nothing comes twice");
  return format_percent(explained->adjusted);
}

// "…he sun[dial] casts a shadow"
std::string excerpt(const std::string& text, const Tokenizer& tokenizer, Index position) {
  const TextSpan span =
      tokenizer.encode_with_offsets(text).spans[static_cast<std::size_t>(position)];
  std::size_t first = span.first > kBytesBefore ? span.first - kBytesBefore : 0;
  // Not inside a character.
  while (first > 0 && (static_cast<unsigned char>(text[first]) & 0xC0U) == 0x80U) ++first;
  first = std::min(first, span.first);
  return (first > 0 ? "…" : "") + visible_text(text.substr(first, span.first - first)) + "[" +
         visible_text(text.substr(span.first, span.last - span.first)) + "]" +
         visible_text(text.substr(span.last));
}

std::string ranking_text(const NeuronRanking& ranking) {
  switch (ranking.kind) {
    case NeuronRanking::Kind::original:
      return "score, the largest first";
    case NeuronRanking::Kind::standardised:
      return "score standardised within the layer, the largest first";
    case NeuronRanking::Kind::quantile:
      break;
  }
  return fmt::format("nearness to the {} quantile of the score within the layer", ranking.quantile);
}

}  // namespace

std::string scan_text(const NeuronScan& scan, const NeuronRanking& ranking,
                      std::span<const Index> shown, const EncodedTexts& texts,
                      const Tokenizer& tokenizer, const TextStyle& style) {
  const bool standardised = ranking.kind == NeuronRanking::Kind::standardised;
  TextTable table({{"neuron"},
                   {standardised ? "z" : "score", Align::right},
                   {"mean", Align::right},
                   {"sd", Align::right},
                   {"> 0", Align::right},
                   {"token", Align::right},
                   {"pos.", Align::right}});
  // Lines of the file, or the numbers of texts that come from no file.
  const bool have_lines =
      std::ranges::all_of(texts.records, [](const TextRecord& record) { return record.line > 0; });
  TextTable tops({{"neuron"},
                  {"largest", Align::right},
                  {have_lines ? "line" : "text", Align::right},
                  {"at", Align::right},
                  {"[token] in its text", Align::left, true}});
  for (const Index index : shown) {
    const NeuronStatistics& neuron = scan.neurons[static_cast<std::size_t>(index)];
    const std::string name = neuron_name(neuron);
    table.add_row({name,
                   standardised ? value_cell(neuron.standardised, "no score that can be compared")
                                : value_cell(neuron.score, "there is one row"),
                   format_value(neuron.mean), value_cell(neuron.sd, "there is one row"),
                   format_percent(neuron.share_positive), explained_cell(neuron.by_token),
                   explained_cell(neuron.by_position)});
    const ColumnTop& top = neuron.top.front();
    const TextRecord& record = texts.records[static_cast<std::size_t>(top.item)];
    tops.add_row({name, format_value(top.value),
                  fmt::format("{}", have_lines ? record.line : top.item),
                  fmt::format("@{}", top.place), excerpt(record.text, tokenizer, top.place)});
  }
  std::string text = fmt::format(
      "mlp.hook_post{} of layers {} to {}: {} neurons, {} rows of {} texts\n"
      "{} of them by {}\n\n",
      position_name(scan.position), scan.first_layer, scan.last_layer, scan.neurons.size(),
      scan.n_row, scan.n_text, shown.size(), ranking_text(ranking));
  text += table.render(style) + "\n";
  const auto define = [&](const std::string& word, const std::string& definition) {
    constexpr int kDefinitionColumn = 10;
    text += labelled_text("  " + word, definition, kDefinitionColumn);
  };
  define("score", "variance ln(1 + range)");
  if (standardised) define("z", "(ln score - mean) / sd over the layer's neurons");
  define("token", fmt::format("share of variance that token identity explains, at least: {} groups "
                              "of tokens, adjusted for their number; below 0 it explains nothing",
                              scan.token.n_group));
  define("pos.", "the same of the position in the text");
  text += "\n" + tops.render(style);
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
