// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/quote.h"
#include "gnomon/text/csv.h"
#include "gnomon/text/detail/corpus_builder.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

using detail::CorpusBuilder;
using detail::for_each_line;
using detail::is_blank;
using detail::Line;
using detail::place;

// The string under `key`, or nothing where the key is absent.
std::string optional_string(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (!found->is_string()) {
    throw FileError(
        fmt::format("{}: found {} for \"{}\", expected a string", where, found->type_name(), key));
  }
  return found->get<std::string>();
}

// A label of texts; integers name groups as well as strings do, as in a run's data/prompts.jsonl.
std::string optional_label(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_number_integer()) return found->dump();
  return optional_string(object, key, where);
}

struct CsvColumns {
  std::size_t n_columns = 0;
  std::size_t text = 0;
  std::size_t template_id = 0;  // n_columns where absent, as is group
  std::size_t group = 0;
};

CsvColumns find_columns(const std::vector<std::string>& header, const std::string& where) {
  const auto find_one = [&](std::string_view name) {
    const auto first = std::find(header.begin(), header.end(), name);
    if (first != header.end() && std::find(first + 1, header.end(), name) != header.end()) {
      throw FileError(fmt::format("{}: found two columns \"{}\", expected one", where, name));
    }
    return static_cast<std::size_t>(first - header.begin());
  };
  const CsvColumns columns{header.size(), find_one("text"), find_one("template"),
                           find_one("group")};
  if (columns.text < header.size()) return columns;

  constexpr std::size_t kMostNamesShown = 8;
  constexpr std::size_t kLongestNameShown = 40;
  std::string names;
  for (std::size_t i = 0; i < std::min(header.size(), kMostNamesShown); ++i) {
    names += (i == 0 ? "" : ", ") + quote(header[i], kLongestNameShown);
  }
  if (header.size() > kMostNamesShown) names += ", ...";
  const bool other_delimiter =
      header.size() == 1 && header[0].find_first_of(";\t") != std::string::npos;
  throw FileError(
      fmt::format("{}: found the columns {}, expected one named \"text\"", where, names),
      other_delimiter ? "the delimiter is a comma; semicolons and tabs are not recognised"
                      : "the first line names the columns");
}

std::string lower_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

}  // namespace

Corpus read_text_lines(const fs::path& path) {
  CorpusBuilder builder(path);
  for_each_line(builder.body(), [&](const Line& line) {
    if (is_blank(line.content)) {
      builder.count_blank();
    } else {
      builder.add(std::string(line.content), line.number, {}, {});
    }
  });
  return std::move(builder).finish();
}

Corpus read_csv_texts(const fs::path& path) {
  CorpusBuilder builder(path);
  CsvReader reader(builder.body(), path.string(), kLargestText);
  CsvRow row;
  CsvColumns columns;
  while (reader.next(row)) {
    if (row.blank_line) {
      builder.count_blank();
      continue;
    }
    if (columns.n_columns == 0) {
      columns = find_columns(row.fields, place(path, row.line));
      continue;
    }
    if (row.fields.size() != columns.n_columns) {
      throw FileError(
          fmt::format("{}: found {} fields, expected {} as in the header", place(path, row.line),
                      row.fields.size(), columns.n_columns),
          "a value that contains a comma, a quote or a line end stands in double quotes");
    }
    const auto value = [&](std::size_t column) {
      return column < columns.n_columns ? row.fields[column] : std::string();
    };
    builder.add(value(columns.text), row.line, value(columns.template_id), value(columns.group));
  }
  return std::move(builder).finish();
}

Corpus read_jsonl_texts(const fs::path& path) {
  CorpusBuilder builder(path);
  for_each_line(builder.body(), [&](const Line& line) {
    if (is_blank(line.content)) return builder.count_blank();
    const std::string where = place(path, line.number);
    if (line.content.size() > kLargestJsonLine) {
      throw FileError(fmt::format("{}: found a line of {} bytes, expected at most {}", where,
                                  line.content.size(), kLargestJsonLine));
    }
    const Json object =
        parse_json(line.content, fmt::format("{} line {}", path.string(), line.number));
    if (!object.is_object()) {
      throw FileError(fmt::format("{}: found {}, expected an object with a string \"text\"", where,
                                  object.type_name()));
    }
    if (!object.contains("text")) {
      throw FileError(
          fmt::format("{}: found no \"text\", expected an object with a string \"text\"", where));
    }
    builder.add(optional_string(object, "text", where), line.number,
                optional_label(object, "template", where), optional_label(object, "group", where));
  });
  return std::move(builder).finish();
}

CorpusFormat corpus_format(const fs::path& path) {
  const std::string extension = lower_extension(path);
  if (extension == ".csv") return CorpusFormat::csv;
  if (extension == ".jsonl" || extension == ".ndjson") return CorpusFormat::jsonl;
  // As lines, these would give texts that nobody meant.
  for (const std::string_view other :
       {".json", ".tsv", ".parquet", ".arrow", ".feather", ".gz", ".zst", ".zip", ".xz", ".bz2",
        ".xlsx", ".xls", ".ods", ".docx", ".pdf"}) {
    if (extension == other) {
      throw UnsupportedError(
          fmt::format("\"{}\" is a {} file, expected plain text lines, .csv or .jsonl",
                      path.string(), other),
          "convert it to JSON Lines with one {\"text\": ...} per line");
    }
  }
  return CorpusFormat::lines;
}

Corpus read_corpus(const fs::path& path) {
  switch (corpus_format(path)) {
    case CorpusFormat::csv:
      return read_csv_texts(path);
    case CorpusFormat::jsonl:
      return read_jsonl_texts(path);
    case CorpusFormat::lines:
      return read_text_lines(path);
  }
  throw InternalError("read_corpus: a format without a reader");
}

}  // namespace gnomon
