// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/text_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/quote.h"
#include "gnomon/text/corpus.h"
#include "gnomon/text/csv.h"
#include "gnomon/text/detail/corpus_builder.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

using detail::CorpusBuilder;
using detail::place;

constexpr std::size_t kFields = 5;  // clean, corrupted, answer, other, group
using Names = std::array<std::string, kFields>;

TextPair make_pair(std::array<std::string, kFields> fields, const fs::path& path,
                   std::int64_t line) {
  return {std::move(fields[0]), std::move(fields[1]),
          std::move(fields[2]), std::move(fields[3]),
          std::move(fields[4]), fmt::format("{}:{}", path.filename().string(), line)};
}

// The column of each name; nothing where it is absent.
std::array<std::optional<std::size_t>, kFields> find_columns(const std::vector<std::string>& header,
                                                             const Names& names,
                                                             const std::string& where) {
  std::array<std::optional<std::size_t>, kFields> columns;
  for (std::size_t f = 0; f < kFields; ++f) {
    const auto n = std::ranges::count(header, names[f]);
    if (n > 1)
      throw FileError(
          fmt::format("{}: found {} columns {}, expected one", where, n, quote(names[f])));
    if (n == 1)
      columns[f] = static_cast<std::size_t>(std::ranges::find(header, names[f]) - header.begin());
    if (n == 0 && f < 2)
      throw FileError(fmt::format("{}: found no column {}", where, quote(names[f])),
                      "the first line names the columns: clean,corrupted");
  }
  return columns;
}

std::vector<TextPair> read_csv_pairs(const fs::path& path, const CorpusBuilder& content,
                                     const Names& names) {
  CsvReader reader(content.body(), path.string(), kLargestText);
  CsvRow row;
  std::optional<std::array<std::optional<std::size_t>, kFields>> columns;
  std::size_t n_columns = 0;
  std::vector<TextPair> pairs;
  while (reader.next(row)) {
    if (row.blank_line) continue;
    if (!columns) {
      columns = find_columns(row.fields, names, place(path, row.line));
      n_columns = row.fields.size();
      continue;
    }
    if (row.fields.size() != n_columns) {
      throw FileError(
          fmt::format("{}: found {} fields, expected {} as in the header", place(path, row.line),
                      row.fields.size(), n_columns),
          "a value that contains a comma, a quote or a line end stands in double quotes");
    }
    std::array<std::string, kFields> fields;
    for (std::size_t f = 0; f < kFields; ++f) {
      if ((*columns)[f]) fields[f] = row.fields[*(*columns)[f]];
    }
    pairs.push_back(make_pair(std::move(fields), path, row.line));
  }
  return pairs;
}

std::vector<TextPair> read_jsonl_pairs(const fs::path& path, const CorpusBuilder& content,
                                       const Names& names) {
  std::vector<TextPair> pairs;
  detail::for_each_line(content.body(), [&](const detail::Line& line) {
    if (detail::is_blank(line.content)) return;
    const std::string where = place(path, line.number);
    if (line.content.size() > kLargestJsonLine)
      throw FileError(fmt::format("{}: found a line of {} bytes, expected at most {}", where,
                                  line.content.size(), kLargestJsonLine));
    const Json object =
        parse_json(line.content, fmt::format("{} line {}", path.string(), line.number));
    if (!object.is_object())
      throw FileError(fmt::format("{}: found {}, expected an object", where, object.type_name()));
    std::array<std::string, kFields> fields;
    for (std::size_t f = 0; f < kFields; ++f) {
      const auto found = object.find(names[f]);
      if (found == object.end() && f >= 2) continue;
      if (found == object.end() || !found->is_string())
        throw FileError(fmt::format("{}: found {} for {}, expected a string", where,
                                    found == object.end() ? "nothing" : found->type_name(),
                                    quote(names[f])));
      fields[f] = found->get<std::string>();
    }
    pairs.push_back(make_pair(std::move(fields), path, line.number));
  });
  return pairs;
}

}  // namespace

std::vector<TextPair> read_text_pairs(const fs::path& path, const std::string& clean,
                                      const std::string& corrupted) {
  const CorpusFormat format = corpus_format(path);
  if (format == CorpusFormat::lines)
    throw UnsupportedError(
        fmt::format("\"{}\" holds one text a line, expected a .csv or .jsonl file of pairs",
                    path.string()),
        "a header line clean,corrupted and one pair on each line after it");
  const CorpusBuilder content(path);
  const Names names = {clean, corrupted, "answer", "other", "group"};
  std::vector<TextPair> pairs = format == CorpusFormat::csv
                                    ? read_csv_pairs(path, content, names)
                                    : read_jsonl_pairs(path, content, names);
  if (pairs.empty())
    throw FileError(ErrorCode::bad_data,
                    fmt::format("\"{}\" holds no pair of texts", path.string()));
  return pairs;
}

}  // namespace gnomon
