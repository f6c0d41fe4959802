// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/corpus.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/json.h"
#include "gnomon/base/quote.h"
#include "gnomon/text/detail/csv.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\n\v\f\r") == std::string_view::npos;
}

std::string place(const fs::path& path, std::int64_t line) {
  return fmt::format("\"{}\" line {}", path.string(), line);
}

// UTF-32 little-endian begins like UTF-16 little-endian, so one test serves both.
void refuse_wide_encodings(const fs::path& path, std::string_view content) {
  if (content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF") ||
      content.starts_with(std::string_view("\0\0\xFE\xFF", 4))) {
    throw FileError(
        fmt::format("{}: found a UTF-16 or UTF-32 byte order mark, expected UTF-8", place(path, 1)),
        "convert the file, for example with iconv -f UTF-16 -t UTF-8");
  }
}

class CorpusBuilder {
 public:
  explicit CorpusBuilder(const fs::path& path)
      : path_(path), content_(read_text_file(path, kLargestTextFile)) {
    corpus_.report.path = path.string();
    corpus_.report.sha256 = sha256_hex(std::string_view(content_));
    refuse_wide_encodings(path, content_);
    const auto n_newlines = std::count(content_.begin(), content_.end(), '\n');
    const bool open_end = !body().empty() && body().back() != '\n';
    corpus_.report.n_lines = n_newlines + (open_end ? 1 : 0);
  }

  // Without the byte order mark.
  std::string_view body() const {
    std::string_view content = content_;
    if (content.starts_with(kUtf8Mark)) content.remove_prefix(kUtf8Mark.size());
    return content;
  }

  void count_blank() { ++corpus_.report.n_blank; }

  void add(std::string text, std::int64_t line, std::string template_id, std::string group) {
    if (text.size() > kLargestText) {
      throw FileError(fmt::format("{}: found a text of {} bytes, expected at most {}",
                                  place(path_, line), text.size(), kLargestText),
                      "a text is one input of the model; put one on each line");
    }
    CorpusReport& report = corpus_.report;
    if (is_blank(text)) ++report.n_empty;
    if (text.find('\0') != std::string::npos) ++report.n_nul;
    if (!is_valid_utf8(text)) ++report.n_invalid_utf8;
    corpus_.records.push_back({.text = std::move(text),
                               .source = fmt::format("{}:{}", path_.filename().string(), line),
                               .line = line,
                               .template_id = std::move(template_id),
                               .group = std::move(group)});
  }

  Corpus finish() && {
    CorpusReport& report = corpus_.report;
    std::unordered_set<std::string_view> distinct;
    for (const TextRecord& record : corpus_.records) distinct.insert(record.text);
    report.n_distinct = std::ssize(distinct);
    report.n_texts = std::ssize(corpus_.records);
    if (report.n_texts == 0) {
      throw FileError(ErrorCode::bad_data,
                      fmt::format("\"{}\": found no text in {} lines, expected at least one",
                                  path_.string(), report.n_lines));
    }
    return std::move(corpus_);
  }

 private:
  fs::path path_;
  std::string content_;
  Corpus corpus_;
};

struct Line {
  std::string_view content;  // without its line end
  std::int64_t number;       // 1-based
};

template <class Visit>
void for_each_line(std::string_view body, Visit visit) {
  std::int64_t number = 0;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    std::string_view content = body.substr(0, end);
    if (content.ends_with('\r')) content.remove_suffix(1);
    ++number;
    if (number % 4096 == 0) check_interrupted();
    visit(Line{content, number});
    body.remove_prefix(std::min(end + 1, body.size()));
  }
}

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
  detail::CsvReader reader(builder.body(), path.string(), kLargestText);
  detail::CsvRow row;
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
                optional_string(object, "template", where),
                optional_string(object, "group", where));
  });
  return std::move(builder).finish();
}

Corpus read_corpus(const fs::path& path) {
  const std::string extension = lower_extension(path);
  if (extension == ".csv") return read_csv_texts(path);
  if (extension == ".jsonl" || extension == ".ndjson") return read_jsonl_texts(path);
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
  return read_text_lines(path);
}

}  // namespace gnomon
