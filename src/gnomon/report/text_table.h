// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gnomon {

// How text for a terminal is laid out. Without `unicode` the text has only ASCII: see ascii_text.
struct TextStyle {
  bool unicode = true;
  int width = 80;  // columns
};

enum class Align { left, right };

// Columns that `text` (UTF-8) takes in a terminal; a byte that is not UTF-8 takes one. Control
// characters are the caller's to escape before.
int display_width(std::string_view text);

// `text` with spaces to `width` columns, on the side away from `align`; longer text is unchanged.
std::string padded(std::string_view text, int width, Align align);

// `text`, or its beginning and an ellipsis in `width` columns.
std::string shortened(std::string_view text, int width);

// The characters that Gnomon prints in their ASCII spelling: "-" for a dash or minus, "2" for a
// superscript two, "beta" for β, "->" for an arrow. Every other non-ASCII character becomes "?".
std::string ascii_text(std::string_view text);

struct TableColumn {
  std::string title;
  Align align = Align::left;
  bool may_shorten = false;  // where the table is too wide; without such a column it stays too wide
};

// A value, or the reason why there is none, printed as a dash with a note below the table.
struct TableCell {
  std::string text;
  std::string why_missing;

  TableCell(std::string value) : text(std::move(value)) {}  // NOLINT: a cell is its text
  TableCell(std::string_view value) : text(value) {}        // NOLINT
  TableCell(const char* value) : text(value) {}             // NOLINT
  static TableCell missing(std::string why);
};

// A table of fixed-width text: two spaces of margin and between columns, no rules.
class TextTable {
 public:
  explicit TextTable(std::vector<TableColumn> columns);
  // Throws InternalError where the row has not one cell per column.
  void add_row(std::vector<TableCell> row);
  // Lines ending in "\n"; no trailing spaces.
  std::string render(const TextStyle& style) const;

 private:
  std::vector<TableColumn> columns_;
  std::vector<std::vector<TableCell>> rows_;
};

// Numbers for people. A value that is not finite is "–"; use TableCell::missing where the reason is
// known.

// A correlation with its sign, "+0.888"; one that rounds to zero has no sign.
std::string format_r(double r, int decimals = 3);
// "[+0.86, +0.91]"
std::string format_interval(double low, double high, int decimals = 2);
// "0.19", "3e-05", and "< 1e-16" below that: a smaller p says nothing more to a reader. Takes log10
// p, which does not underflow.
std::string format_p(double log10_p);
// 0.974 is "97 %".
std::string format_percent(double fraction, int decimals = 0);
// The percentile (0 to 100) of a value among `n_null` null values, "97 %"; "> 99.9 %" where all of
// 1000 lie below, because no finite number of nulls shows 100.
std::string format_percentile(double percentile, std::size_t n_null);
// Three significant digits of a quantity without a fixed scale: "0.00123", "3.1e-13".
std::string format_value(double value);

// One step of the audit ladder.
struct LadderRow {
  std::string name;
  std::optional<double> r;
  std::optional<double> ci_low;
  std::optional<double> ci_high;
  std::optional<double> delta;  // against the row before
  bool exact_zero = false;      // delta is 0 by algebra, whatever the data
};

// A row per step: name, r, change, and a strip on which "o" is r and "---" its interval; the strip
// goes from -1 to 1, or from 0 where nothing is negative.
std::string render_ladder(const std::vector<LadderRow>& rows, const TextStyle& style);

}  // namespace gnomon
