// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/detail/original_text_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"
#include "gnomon/text/corpus.h"
#include "gnomon/text/csv.h"

namespace gnomon::detail {
namespace {

constexpr std::size_t kLargestFile = std::size_t{256} << 20;

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

// A CSV file with a header, of which named columns are wanted.
class Table {
 public:
  Table(const std::filesystem::path& path, std::initializer_list<const char*> wanted)
      : path_(path.string()),
        content_(read_text_file(path, kLargestFile)),
        reader_(content_, path_, kLargestText) {
    CsvRow header;
    if (!reader_.next(header)) fail(1, "no header");
    n_column_ = header.fields.size();
    header_ = std::move(header.fields);
    for (const char* name : wanted) {
      if (!column_of(name)) fail(1, fmt::format("no column \"{}\"", name));
    }
  }

  // The column of that name; nothing where there is none.
  std::optional<std::size_t> column_of(std::string_view name) const {
    const auto found = std::ranges::find(header_, name);
    if (found == header_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - header_.begin());
  }

  bool next() {
    do {
      if (!reader_.next(row_)) return false;
    } while (row_.blank_line);
    if (row_.fields.size() != n_column_) {
      fail(row_.line, fmt::format("{} fields, expected {}", row_.fields.size(), n_column_));
    }
    return true;
  }
  std::string& field(std::size_t column) { return row_.fields[column]; }
  double number(std::size_t column) const {
    const auto value = parse_number(row_.fields[column]);
    if (!value) {
      fail(row_.line, fmt::format("{} in column \"{}\", expected a finite number",
                                  quote(row_.fields[column]), header_[column]));
    }
    return *value;
  }
  [[noreturn]] void fail(std::int64_t line, const std::string& what) const {
    throw FileError(fmt::format("\"{}\", line {}: {}", path_, line, what));
  }

 private:
  std::string path_;
  std::string content_;
  CsvReader reader_;
  std::vector<std::string> header_;
  std::size_t n_column_ = 0;
  CsvRow row_;
};

// What follows `label` in `line` up to `end`; empty where the label is not there.
std::string_view after(std::string_view line, std::string_view label, std::string_view end = "\n") {
  const std::size_t at = line.find(label);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + label.size());
  return line.substr(0, line.find(end));
}

template <class Use>
void for_each_line(std::string_view content, Use use) {
  while (!content.empty()) {
    const std::size_t end = std::min(content.find('\n'), content.size());
    use(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
  }
}

}  // namespace

std::vector<OriginalRow> read_original_rows(const std::filesystem::path& path) {
  Table table(path, {"text", "activation"});
  const std::size_t text = *table.column_of("text");
  const std::size_t activation = *table.column_of("activation");
  const auto bin = table.column_of("bin");
  std::vector<OriginalRow> rows;
  while (table.next()) {
    OriginalRow row;
    row.activation = table.number(activation);
    row.text = std::move(table.field(text));
    if (bin) row.bin = static_cast<Index>(std::clamp(table.number(*bin), -1e9, 1e9));
    rows.push_back(std::move(row));
  }
  if (rows.empty()) table.fail(2, "no rows");
  return rows;
}

std::vector<OriginalPrediction> read_original_predictions(const std::filesystem::path& path) {
  Table table(path, {"text", "actual", "predicted"});
  const std::size_t text = *table.column_of("text");
  const std::size_t actual = *table.column_of("actual");
  const std::size_t predicted = *table.column_of("predicted");
  std::vector<OriginalPrediction> rows;
  while (table.next()) {
    const double actual_value = table.number(actual);
    const double predicted_value = table.number(predicted);
    rows.push_back({std::move(table.field(text)), actual_value, predicted_value});
  }
  return rows;
}

OriginalLog read_original_log(const std::filesystem::path& path) {
  const std::string content = read_text_file(path, kLargestFile);
  OriginalLog log;
  bool in_examples = false;
  for_each_line(content, [&](std::string_view line) {
    if (const auto n = parse_number(after(line, "INFO - Loaded ", " ")); n && *n >= 0 && *n < 1e9)
      log.n_text = static_cast<Index>(*n);
    if (const auto device = after(line, "Using device: "); !device.empty())
      log.device = std::string(device);
    if (const auto score = parse_number(after(line, "Score: ", ","))) {
      log.scan_score = score;
      log.scan_variance = parse_number(after(line, "Variance: ", ","));
      log.scan_range = parse_number(after(line, "Range: ", ","));
    }
    if (line.find("Testing on new examples") != std::string_view::npos) in_examples = true;
    if (line.find("Raw model output: ") != std::string_view::npos) log.raw_output_lines = true;
    if (!in_examples) return;
    if (const auto text = after(line, "INFO -   Text: "); !text.empty())
      log.examples.push_back({std::string(text), {}, {}});
    if (log.examples.empty()) return;
    for (const char* label : {"Predicted: ", "Denormalized: "}) {
      if (const auto value = parse_number(after(line, label)))
        log.examples.back().predicted = value;
    }
    if (const auto value = parse_number(after(line, "Actual: ")))
      log.examples.back().actual = value;
  });
  return log;
}

OriginalReport read_original_report(const std::filesystem::path& path) {
  const std::string content = read_text_file(path, kLargestFile);
  OriginalReport report;
  report.mean_error = parse_number(after(content, "\nMean Error: "));
  report.error_sd = parse_number(after(content, "\nError Std: "));
  return report;
}

}  // namespace gnomon::detail
