// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <variant>

#include "gnomon/report/detail/report_sections.h"
#include "gnomon/report/figures.h"
#include "gnomon/report/text_table.h"

namespace gnomon::detail {
namespace {

// A longer table would stand in the page a second time: its rows are those of the table of texts.
constexpr std::size_t kMostTwinRows = 80;

Html cell_html(const FigureCell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return html(*text);
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return html(std::to_string(*count));
  if (const auto* value = std::get_if<double>(&cell)) return value_cell(*value);
  return html("–");
}

bool is_numeric(const FigureTable& table, std::size_t column) {
  return std::ranges::none_of(table.rows, [&](const std::vector<FigureCell>& row) {
    return std::holds_alternative<std::string>(row[column]);
  });
}

Html twin(const Figure& figure) {
  const FigureTable& table = figure.table;
  if (table.rows.empty() || table.rows.size() > kMostTwinRows) return {};
  std::vector<HtmlColumn> columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    columns.push_back({table.columns[i], is_numeric(table, i)});
  HtmlTable twin("The numbers of: " + figure.title, columns);
  for (const std::vector<FigureCell>& row : table.rows) {
    std::vector<Html> cells;
    std::ranges::transform(row, std::back_inserter(cells), cell_html);
    twin.add_row(cells);
  }
  return disclosure("Numbers", twin.render());
}

constexpr std::int64_t kMostShownMarks = 9000;

// Thousands of marks are most of a page. Attribute values of theirs that have no space need no
// quotes in HTML.
std::string compact_marks(const std::string& svg) {
  constexpr std::string_view kStart = "<circle data-row=\"";
  std::string text;
  text.reserve(svg.size());
  std::size_t done = 0;
  for (std::size_t at = svg.find(kStart); at != std::string::npos; at = svg.find(kStart, done)) {
    text.append(svg, done, at - done);
    const std::size_t end = svg.find('>', at);
    std::string mark = svg.substr(at, end - at);
    const std::size_t row = mark.find('"') + 1;
    const bool is_one_row =
        mark.substr(row, mark.find('"', row) - row).find(' ') == std::string::npos;
    if (is_one_row && mark.ends_with("/")) {
      mark.back() = ' ';  // else a slash would be part of the last value
      std::erase(mark, '"');
      mark += '/';
    }
    text += mark + '>';
    done = end + 1;
    if (done < svg.size() && svg[done] == '\n') ++done;
  }
  return text.append(svg, done, std::string::npos);
}

void append(std::vector<Figure>& figures, const RunResults& results) {
  if (!results.holds()) return;
  const bool ladders = std::ranges::all_of(
      results.checks, [](const CheckResult& check) { return check.status != CheckStatus::fail; });
  for (Figure& figure : figures_of(results.run)) {
    if (!ladders && figure.id.starts_with("ladder")) continue;
    figures.push_back(std::move(figure));
  }
}

}  // namespace

ReportFigures::ReportFigures(const ReportData& data) {
  append(figures_, data.main);
  for (const RunResults& run : data.derived) append(figures_, run);
  // A training's predictions are as large as two panels, and the head's panel shows the same
  // reports: those of the first training are shown where the page stays under 1 MB with them.
  const auto is_prediction = [](const Figure& figure) {
    return figure.id.starts_with("predictions-");
  };
  const auto n_panel = static_cast<std::int64_t>(data.rows.projections.size());
  auto extra = std::ranges::find_if(figures_, is_prediction);
  if (extra != figures_.end() && data.rows.n_row * (n_panel + 2) <= kMostShownMarks) ++extra;
  figures_.erase(std::remove_if(extra, figures_.end(), is_prediction), figures_.end());
  const auto whole = std::ranges::find(figures_, "projections", &Figure::id);
  if (whole == figures_.end()) return;
  // One by one, so that they stand side by side where there is room.
  std::vector<Figure> panels = projection_panels_of(data.main.run);
  // The branches of a gated neuron have their row in the table and files of their own.
  if (data.rows.n_row * n_panel > kMostShownMarks)
    std::erase_if(panels, [](const Figure& panel) {
      return panel.id.ends_with("-input-gate") || panel.id.ends_with("-input-up");
    });
  const auto place = figures_.erase(whole);
  figures_.insert(place, std::make_move_iterator(panels.begin()),
                  std::make_move_iterator(panels.end()));
}

Html ReportFigures::take(std::string_view beginning) {
  const std::string longer = std::string(beginning) + "-";
  std::vector<Figure> rest;
  Html taken;
  for (Figure& figure : figures_) {
    if (figure.id == beginning || figure.id.starts_with(longer)) {
      taken += figure_html(figure);
    } else {
      rest.push_back(std::move(figure));
    }
  }
  figures_ = std::move(rest);
  return taken;
}

Html ReportFigures::take_rest() {
  Html taken;
  for (const Figure& figure : figures_) taken += figure_html(figure);
  figures_.clear();
  return taken;
}

Html figure_html(const Figure& figure) {
  return {fmt::format(
      "<figure id=\"figure-{0}\" data-name=\"{0}\">\n<div class=\"chart\" role=\"region\" "
      "tabindex=\"0\" aria-label=\"{1}, chart\">{2}</div>\n"
      "<figcaption>{3}</figcaption>\n{4}</figure>\n",
      figure.id, html(figure.title).markup, compact_marks(embedded_svg(figure)),
      html(figure.description).markup, twin(figure).markup)};
}

}  // namespace gnomon::detail
