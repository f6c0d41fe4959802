// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/report/detail/display_width.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

constexpr int kMargin = 2;           // columns before the first and between two columns
constexpr int kNarrowestColumn = 8;  // of one that may be shortened
constexpr std::string_view kDash = "–";

struct AsciiSpelling {
  char32_t code_point;
  std::string_view ascii;
};

constexpr std::array kAsciiSpellings = {
    AsciiSpelling{U'–', "-"},     AsciiSpelling{U'—', "-"},     AsciiSpelling{U'−', "-"},
    AsciiSpelling{U'…', "..."},   AsciiSpelling{U'²', "2"},     AsciiSpelling{U'≥', ">="},
    AsciiSpelling{U'≤', "<="},    AsciiSpelling{U'≠', "!="},    AsciiSpelling{U'·', "."},
    AsciiSpelling{U'×', "x"},     AsciiSpelling{U'±', "+-"},    AsciiSpelling{U'→', "->"},
    AsciiSpelling{U'←', "<-"},    AsciiSpelling{U'Δ', "delta"}, AsciiSpelling{U'Σ', "Sigma"},
    AsciiSpelling{U'α', "alpha"}, AsciiSpelling{U'β', "beta"},  AsciiSpelling{U'γ', "gamma"},
    AsciiSpelling{U'ε', "eps"},   AsciiSpelling{U'μ', "mu"},    AsciiSpelling{U'ρ', "rho"},
    AsciiSpelling{U'σ', "sigma"}, AsciiSpelling{U'ᵀ', "T"},     AsciiSpelling{U'√', "sqrt"},
    AsciiSpelling{U'“', "\""},    AsciiSpelling{U'”', "\""},    AsciiSpelling{U'’', "'"},
    AsciiSpelling{U'␣', "_"},     AsciiSpelling{U'⏎', "\\n"},   AsciiSpelling{U'⇥', "\\t"},
};

std::string trimmed_right(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

// Titles and cells as they are printed, row by row; missing values are numbered by their reasons.
struct Layout {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> reasons;
};

std::string missing_mark(const std::string& why, std::vector<std::string>& reasons) {
  auto found = std::find(reasons.begin(), reasons.end(), why);
  if (found == reasons.end()) found = reasons.insert(reasons.end(), why);
  return fmt::format("{}[{}]", kDash, found - reasons.begin() + 1);
}

void shorten_to_fit(const std::vector<TableColumn>& columns, std::vector<int>& widths,
                    int available) {
  int total =
      std::accumulate(widths.begin(), widths.end(), kMargin * static_cast<int>(widths.size()));
  for (std::size_t i = 0; i < columns.size() && total > available; ++i) {
    if (!columns[i].may_shorten) continue;
    const int shorter =
        std::max(std::min(widths[i], kNarrowestColumn), widths[i] - (total - available));
    total -= widths[i] - shorter;
    widths[i] = shorter;
  }
}

// Words of `text` in lines of at most `width` columns, the lines after the first indented.
std::string wrapped(std::string_view text, int width, int indent) {
  std::string out;
  int used = 0;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, space);
    const int word_width = display_width(word);
    if (used > 0 && used + 1 + word_width > width) {
      out += "\n" + std::string(static_cast<std::size_t>(indent), ' ');
      used = indent;
    } else if (used > 0) {
      out += ' ';
      used += 1;
    }
    out += word;
    used += word_width;
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return out + "\n";
}

std::string rounded(double value, int decimals) {
  std::string text = fmt::format("{:+.{}f}", value, decimals);
  if (text.find_first_of("123456789") == std::string::npos) text.erase(0, 1);
  return text;
}

constexpr int kStripWidth = 25;  // odd, so that zero has a column of its own

std::size_t strip_column(double value, double low) {
  const double share = (std::clamp(value, low, 1.0) - low) / (1.0 - low);
  return static_cast<std::size_t>(std::lround(share * (kStripWidth - 1)));
}

std::string strip(const LadderRow& row, double low) {
  std::string text(kStripWidth, ' ');
  text[strip_column(0, low)] = '.';
  if (row.ci_low && row.ci_high && std::isfinite(*row.ci_low) && std::isfinite(*row.ci_high)) {
    const std::size_t first = strip_column(*row.ci_low, low);
    const std::size_t last = std::max(first, strip_column(*row.ci_high, low));
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(first),
              text.begin() + static_cast<std::ptrdiff_t>(last + 1), '-');
  }
  if (row.r && std::isfinite(*row.r)) text[strip_column(*row.r, low)] = 'o';
  return "|" + text + "|";
}

std::string strip_scale(double low) {
  std::string text(kStripWidth, ' ');
  const std::string left = low < 0 ? "-1" : "0";
  text.replace(0, left.size(), left);
  text.replace(kStripWidth - 1, 1, "1");
  if (low < 0) text[strip_column(0, low)] = '0';
  return " " + text + " ";
}

std::string ladder_delta(const LadderRow& row) {
  if (row.exact_zero) return "0 exactly";
  return row.delta ? format_r(*row.delta) : "";
}

bool is_negative(const std::optional<double>& value) { return value && *value < 0; }

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Utf8Character c = utf8_character_at(text, 0);
    width += c.valid ? detail::display_width(c.code_point) : 1;
    text.remove_prefix(c.n_bytes);
  }
  return width;
}

std::string padded(std::string_view text, int width, Align align) {
  const std::string space(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return align == Align::left ? std::string(text) + space : space + std::string(text);
}

std::string shortened(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  std::string out;
  int used = 1;  // the ellipsis
  while (!text.empty()) {
    const Utf8Character c = utf8_character_at(text, 0);
    used += c.valid ? detail::display_width(c.code_point) : 1;
    if (used > width) break;
    out += text.substr(0, c.n_bytes);
    text.remove_prefix(c.n_bytes);
  }
  return out + "…";
}

std::string ascii_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Character c = utf8_character_at(text, 0);
    if (c.valid && c.code_point < 0x80) {
      out += static_cast<char>(c.code_point);
    } else {
      const auto* spelling =
          std::find_if(kAsciiSpellings.begin(), kAsciiSpellings.end(),
                       [&](const AsciiSpelling& s) { return s.code_point == c.code_point; });
      out += spelling != kAsciiSpellings.end() ? spelling->ascii : "?";
    }
    text.remove_prefix(c.n_bytes);
  }
  return out;
}

TableCell TableCell::missing(std::string why) {
  TableCell cell("");
  cell.why_missing = std::move(why);
  return cell;
}

TextTable::TextTable(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}

void TextTable::add_row(std::vector<TableCell> row) {
  if (row.size() != columns_.size()) {
    throw InternalError(
        fmt::format("TextTable: a row of {} cells, expected {}", row.size(), columns_.size()));
  }
  rows_.push_back(std::move(row));
}

std::string TextTable::render(const TextStyle& style) const {
  const auto printed = [&](std::string text) { return style.unicode ? text : ascii_text(text); };
  Layout layout;
  layout.rows.emplace_back();
  for (const TableColumn& column : columns_) layout.rows[0].push_back(printed(column.title));
  for (const std::vector<TableCell>& row : rows_) {
    std::vector<std::string>& line = layout.rows.emplace_back();
    for (const TableCell& cell : row) {
      const bool missing = !cell.why_missing.empty();
      line.push_back(printed(missing ? missing_mark(cell.why_missing, layout.reasons) : cell.text));
    }
  }
  std::vector<int> widths(columns_.size(), 0);
  for (const auto& line : layout.rows) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], display_width(line[i]));
  }
  shorten_to_fit(columns_, widths, style.width);

  std::string out;
  for (const auto& line : layout.rows) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::string cell = shortened(line[i], widths[i]);
      // ASCII's ellipsis is three columns wide.
      if (!style.unicode && cell != line[i]) {
        cell = line[i].substr(0, static_cast<std::size_t>(widths[i] - 3)) + "...";
      }
      text += std::string(kMargin, ' ') + padded(cell, widths[i], columns_[i].align);
    }
    out += trimmed_right(std::move(text)) + "\n";
  }
  for (std::size_t i = 0; i < layout.reasons.size(); ++i) {
    const std::string note = fmt::format("{}[{}] ", kDash, i + 1);
    const int indent = kMargin + display_width(printed(note));
    out += std::string(kMargin, ' ') +
           wrapped(printed(note + layout.reasons[i]), style.width - kMargin, indent);
  }
  return out;
}

std::string format_r(double r, int decimals) {
  return std::isfinite(r) ? rounded(r, decimals) : std::string(kDash);
}

std::string format_interval(double low, double high, int decimals) {
  if (!std::isfinite(low) || !std::isfinite(high)) return std::string(kDash);
  return fmt::format("[{}, {}]", rounded(low, decimals), rounded(high, decimals));
}

std::string format_p(double log10_p) {
  constexpr double kFloor = -16;
  if (std::isnan(log10_p)) return std::string(kDash);
  if (log10_p < kFloor) return "< 1e-16";
  return fmt::format("{:.2g}", std::pow(10.0, std::min(log10_p, 0.0)));
}

std::string format_percent(double fraction, int decimals) {
  return std::isfinite(fraction) ? fmt::format("{:.{}f} %", 100 * fraction, decimals)
                                 : std::string(kDash);
}

std::string format_percentile(double percentile, std::size_t n_null) {
  if (!std::isfinite(percentile) || n_null == 0) return std::string(kDash);
  const double step = 100.0 / static_cast<double>(n_null);  // what one null value is worth
  const double unit = step < 1 ? 0.1 : 1.0;
  const int decimals = step < 1 ? 1 : 0;
  // Rounded towards the middle, so that no more is claimed than the nulls show; the small number
  // keeps 99.9 from becoming 99.8 by the rounding of its binary form.
  constexpr double kRounding = 1e-9;
  const auto down = [&](double value) { return std::floor(value / unit + kRounding) * unit; };
  const auto up = [&](double value) { return std::ceil(value / unit - kRounding) * unit; };
  if (percentile >= 100) return fmt::format(">{:.{}f} %", down(100 - step), decimals);
  if (percentile <= 0) return fmt::format("< {:.{}f} %", up(step), decimals);
  if (percentile > 99) return fmt::format("{:.{}f} %", down(percentile), decimals);
  if (percentile < 1) return fmt::format("{:.{}f} %", up(percentile), decimals);
  return fmt::format("{:.0f} %", percentile);
}

std::string format_value(double value) {
  return std::isfinite(value) ? fmt::format("{:.3g}", value) : std::string(kDash);
}

std::string render_ladder(const std::vector<LadderRow>& rows, const TextStyle& style) {
  const bool negative = std::any_of(rows.begin(), rows.end(), [](const LadderRow& row) {
    return is_negative(row.r) || is_negative(row.ci_low);
  });
  const double low = negative ? -1 : 0;
  TextTable table({{"step", Align::left, true},
                   {"r", Align::right},
                   {"change", Align::right},
                   {strip_scale(low), Align::left}});
  for (const LadderRow& row : rows) {
    table.add_row({row.name, row.r ? format_r(*row.r) : std::string(kDash), ladder_delta(row),
                   strip(row, low)});
  }
  return table.render(style);
}

}  // namespace gnomon
