// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/html_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/report/detail/report_data.h"
#include "gnomon/report/html_text.h"
#include "gnomon/report/text_table.h"

namespace gnomon::detail {
namespace {

const Html kNone{"–"};

std::string with_thousands(std::string digits) {
  const std::size_t first = digits.starts_with("-") ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

}  // namespace

Html html(std::string_view text) { return {html_text(text)}; }

Html element(std::string_view tag, const Html& content) {
  const std::string_view name = tag.substr(0, tag.find(' '));
  // Inside a line, a line break would be a space.
  const bool is_inline = name == "code" || name == "strong";
  return {fmt::format("<{}>{}</{}>{}", tag, content.markup, name, is_inline ? "" : "\n")};
}

Html element(std::string_view tag, std::string_view text) { return element(tag, html(text)); }

Html disclosure(std::string_view summary, const Html& content) {
  return element("details", element("summary", summary) + content);
}

Html r_cell(const std::optional<double>& value) {
  if (!value) return kNone;
  if (*value < -10) return html("< −10");  // an R² this low says "useless" and no more
  return html(format_r(*value));
}

Html value_cell(const std::optional<double>& value) {
  return value ? html(format_value(*value)) : kNone;
}

Html count_cell(const std::optional<double>& value) {
  return value ? html(with_thousands(fmt::format("{:.0f}", *value))) : kNone;
}

Html percentile_cell(const Json& null) {
  const auto percentile = number_at(null, "percentile");
  const auto n = number_at(null, "n");
  if (!percentile || !n) return kNone;
  return html(format_percentile(*percentile, static_cast<std::size_t>(*n)));
}

Html p_cell(const std::optional<double>& log10_p) {
  return log10_p ? html(format_p(*log10_p)) : kNone;
}

Html interval_cell(const std::optional<double>& low, const std::optional<double>& high) {
  if (!low || !high) return kNone;
  // Two decimals would leave nothing of an interval this near to 0.
  const bool is_small = std::max(std::abs(*low), std::abs(*high)) < 0.1;
  const auto end = [&](double value) {
    if (value < -10) return std::string("< −10");
    return is_small ? (value > 0 ? "+" : "") + format_value(value) : format_r(value, 2);
  };
  return html(fmt::format("[{}, {}]", end(*low), end(*high)));
}

Html interval_cell(const Json& interval) {
  if (!interval.is_array() || interval.size() != 2 || !interval[0].is_number() ||
      !interval[1].is_number())
    return kNone;
  return interval_cell(interval[0].get<double>(), interval[1].get<double>());
}

HtmlTable::HtmlTable(std::string caption, std::vector<HtmlColumn> columns)
    : caption_(std::move(caption)), columns_(std::move(columns)) {}

void HtmlTable::add_row(const std::vector<Html>& cells) {
  if (cells.size() != columns_.size())
    throw InternalError(
        fmt::format("HtmlTable: {} cells for {} columns", cells.size(), columns_.size()));
  rows_ += "<tr>";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string_view kind = columns_[i].is_number ? " class=\"n\"" : "";
    rows_ += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", kind, cells[i].markup)
                    : fmt::format("<td{}>{}</td>", kind, cells[i].markup);
  }
  rows_ += "</tr>\n";
  ++n_row_;
}

Html HtmlTable::render() const {
  std::string head;
  for (const HtmlColumn& column : columns_)
    head += fmt::format("<th scope=\"col\"{}>{}</th>", column.is_number ? " class=\"n\"" : "",
                        html_text(column.title));
  return {fmt::format(
      "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"{0}\"><table>\n"
      "<caption><span>{0}</span></caption>\n<thead><tr>{1}</tr></thead>\n<tbody>\n{2}</tbody></table></div>\n",
      html_text(caption_), head, rows_)};
}

void HtmlDefinitions::add(std::string_view term, const Html& meaning) {
  items_ += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", html_text(term), meaning.markup);
}

void HtmlDefinitions::add(std::string_view term, std::string_view meaning) {
  if (!meaning.empty()) add(term, html(meaning));
}

Html HtmlDefinitions::render() const { return {"<dl>\n" + items_ + "</dl>\n"}; }

}  // namespace gnomon::detail
