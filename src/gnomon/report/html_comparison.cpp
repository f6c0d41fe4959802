// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/html_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "gnomon/report/detail/html_page.h"
#include "gnomon/report/detail/report_data.h"
#include "gnomon/report/detail/report_sections.h"
#include "gnomon/report/figures.h"
#include "gnomon/report/run_list.h"

namespace gnomon {
namespace {

using detail::element;
using detail::Html;
using detail::html;
using detail::HtmlTable;
using detail::RunResults;

Html runs_table(const RunComparison& comparison, const std::vector<RunResults>& runs) {
  HtmlTable table("The runs",
                  {{""}, {"run"}, {"target"}, {"model"}, {"state"}, {"checks failed", true}});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunManifest& manifest = runs[i].run.manifest;
    std::string target = detail::setting_text(runs[i], "target.units");
    if (target.empty()) target = detail::setting_text(runs[i], "target.unit");
    table.add_row({html(run_letter(i) + (i == comparison.baseline ? ", the baseline" : "")),
                   element("code", manifest.id), element("code", target),
                   html(manifest.model ? manifest.model->name : "–"), html(run_state(runs[i].run)),
                   detail::count_cell(static_cast<double>(runs[i].failed_checks().size()))});
  }
  return table.render();
}

Html numbers_table(const RunComparison& comparison, const std::vector<RunResults>& runs) {
  std::vector<detail::HtmlColumn> columns = {{"number"}};
  for (std::size_t i = 0; i < runs.size(); ++i) columns.push_back({run_letter(i), true});
  HtmlTable table("Final numbers, with their intervals and the difference to the baseline",
                  columns);
  for (const ComparedMetric& metric : comparison.metrics) {
    std::vector<Html> cells = {element("code", metric.name)};
    for (std::size_t i = 0; i < metric.values.size(); ++i) {
      const ComparedValue& value = metric.values[i];
      if (!runs[i].holds()) {
        cells.push_back(html("not shown"));
        continue;
      }
      Html cell = detail::value_cell(value.value);
      if (value.ci_low && value.ci_high)
        cell += html(" ") + detail::interval_cell(value.ci_low, value.ci_high);
      const bool is_against_a_result = runs[comparison.baseline].holds();
      if (value.difference && is_against_a_result)
        cell += Html{"<br><small>"} + html(*value.difference > 0 ? "+" : "") +
                detail::value_cell(value.difference) + html(value.apart ? " *" : "") +
                Html{"</small>"};
      cells.push_back(cell);
    }
    table.add_row(cells);
  }
  return table.render() +
         element(
             "p class=\"note\"",
             "* Its interval and the baseline's do not overlap. The other way round says little: "
             "runs of the same texts may differ reliably although their intervals overlap.");
}

Html settings_table(const RunComparison& comparison, std::size_t n_run) {
  if (comparison.settings.empty()) return element("p", "The settings are the same.");
  std::vector<detail::HtmlColumn> columns = {{"setting"}};
  for (std::size_t i = 0; i < n_run; ++i) columns.push_back({run_letter(i)});
  HtmlTable table("Settings that differ", columns);
  for (const ComparedSetting& setting : comparison.settings) {
    std::vector<Html> cells = {element("code", setting.key)};
    for (const auto& value : setting.values) cells.push_back(html(value.value_or("–")));
    table.add_row(cells);
  }
  return table.render();
}

// The same figure of each run in a row.
Html figures_html(const std::vector<RunResults>& runs) {
  std::vector<std::vector<Figure>> figures;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < std::min(runs.size(), kMostPicturedRuns); ++i) {
    figures.emplace_back();
    if (!runs[i].holds() || !runs[i].failed_checks().empty()) continue;
    std::vector<Figure> all = projection_panels_of(runs[i].run);
    for (Figure& figure : figures_of(runs[i].run)) {
      if (figure.id != "projections") all.push_back(std::move(figure));
    }
    for (Figure& figure : all) {
      if (std::ranges::find(ids, figure.id) == ids.end()) ids.push_back(figure.id);
      figures.back().push_back(std::move(figure));
    }
  }
  Html rows;
  for (const std::string& id : ids) {
    Html row;
    for (std::size_t i = 0; i < figures.size(); ++i) {
      for (Figure& figure : figures[i]) {
        if (figure.id != id) continue;
        // Ids are of one page, on which every run has a figure of this name.
        std::string letter = run_letter(i);
        std::ranges::transform(letter, letter.begin(),
                               [](char c) { return static_cast<char>(c - 'A' + 'a'); });
        figure.id = letter + "-" + id;
        figure.title = run_letter(i) + ": " + figure.title;
        figure.description = figure.title + ". " + figure.description;
        row += detail::figure_html(figure);
      }
    }
    rows += element("div class=\"panels\"", row);
  }
  return rows;
}

Html warnings(const RunComparison& comparison, const std::vector<RunResults>& runs) {
  Html all;
  if (!comparison.same_model)
    all += element("p class=\"alert\"", "The runs are of different models.");
  if (!comparison.same_target)
    all += element("p class=\"alert\"", "The runs report different targets.");
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto failed = runs[i].failed_checks();
    if (failed.empty()) continue;
    all += element(
        "p class=\"alert\"",
        fmt::format("{} of {} checks of {} failed. Numbers that rest on them are not shown.",
                    failed.size(), runs[i].checks.size(), run_letter(i)));
  }
  return all;
}

bool same_data(const std::vector<RunResults>& runs) {
  const auto& first = runs.front().run.manifest.data;
  return std::ranges::all_of(runs, [&](const RunResults& run) {
    return first && run.run.manifest.data && run.run.manifest.data->sha256 == first->sha256;
  });
}

}  // namespace

std::string run_letter(std::size_t index) {
  std::string name(1, static_cast<char>('A' + index % 26));
  return index < 26 ? name : run_letter(index / 26 - 1) + name;
}

std::string html_comparison(const RunComparison& comparison, std::span<const StoredRun> runs) {
  std::vector<RunResults> results;
  for (const StoredRun& run : runs) results.push_back(detail::results_of(run));
  detail::HtmlPage page;
  page.title = fmt::format("{} runs side by side", runs.size());
  page.subtitle = "gnomon compare";
  page.lead = warnings(comparison, results);
  page.sections.push_back({"runs", "Runs", runs_table(comparison, results)});
  page.sections.push_back({"numbers", "Numbers", numbers_table(comparison, results)});
  page.sections.push_back({"settings", "Settings", settings_table(comparison, runs.size())});
  page.sections.push_back({"figures", "Figures", figures_html(results)});
  // Marks of the same row are the same text only where the texts are the same.
  page.data = {{"linked", same_data(results)}};
  return render_page(page);
}

}  // namespace gnomon
