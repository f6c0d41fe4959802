// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/html_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gnomon/report/detail/html_page.h"
#include "gnomon/report/detail/report_data.h"
#include "gnomon/report/detail/report_findings.h"
#include "gnomon/report/detail/report_sections.h"
#include "gnomon/report/run_list.h"
#include "gnomon/report/text_table.h"

namespace gnomon {
namespace {

using detail::element;
using detail::Html;
using detail::html;
using detail::ReportData;
using detail::RunResults;

Html alerts(const ReportData& data) {
  Html alerts;
  const std::string_view state = run_state(data.main.run);
  if (const auto& error = data.main.run.manifest.error)
    alerts += element("p class=\"alert\"", fmt::format("This run ended before its end: {} {}",
                                                       error->code, error->message));
  if (state == "stale" || state == "running")
    alerts += element("p class=\"alert\"",
                      "This run is not finished; what is shown is what was there when the page was "
                      "made.");
  const auto failures = [&](const RunResults& results) {
    const auto failed = results.failed_checks();
    if (failed.empty()) return;
    std::string text = fmt::format("{} of {} checks of {} failed: ", failed.size(),
                                   results.checks.size(), results.run.manifest.id);
    for (std::size_t i = 0; i < failed.size(); ++i)
      text += (i == 0 ? "" : "; ") + failed[i]->id + ", " + failed[i]->title;
    alerts += element("p class=\"alert\"",
                      text + ". Numbers that rest on them are not shown as results.");
  };
  failures(data.main);
  for (const RunResults& run : data.derived) failures(run);
  return alerts;
}

Html answer(const ReportData& data) {
  Html sentences;
  for (const std::string& sentence : detail::findings(data)) sentences += element("li", sentence);
  if (sentences.markup.empty())
    sentences = element("li", "This run holds no analysis that answers a question.");
  return element(
      "section id=\"answer\" aria-labelledby=\"answer-title\"",
      element("h2 id=\"answer-title\"", "Question and answer") +
          element("p class=\"question\"", detail::question(data)) +
          element("ol class=\"answer\"", sentences) +
          element("p class=\"note\"", "Sentences are chosen by the run's checks and intervals."));
}

// A page of 2,000 texts is not larger than a megabyte, of which their section's frame is a little.
constexpr std::size_t kPageBytes = 1000000 - 2000;

// A double that reads back as the same five digits.
Json rounded(const std::optional<double>& value) {
  if (!value) return nullptr;
  return std::stod(fmt::format("{:.5g}", *value));
}

// More would take the page of a gated model over 1 MB; analysis/projections.csv has them.
constexpr std::size_t kMostNumbers = 10000;

// The numbers behind the panels, by row; the texts stand in their table and nowhere else.
Json page_data(const ReportData& data) {
  Json json;
  json["run"] = data.main.run.manifest.id;
  json["columns"] = Json::object();
  const std::size_t n_number = data.rows.rows.size() * data.rows.projections.size();
  if (!data.main.holds() || n_number > kMostNumbers) return json;
  for (std::size_t column = 0; column < data.rows.projections.size(); ++column) {
    Json values = Json::array();
    for (const detail::ReportRow& row : data.rows.rows)
      values.push_back(rounded(row.projections[column]));
    json["columns"][data.rows.projections[column]] = std::move(values);
  }
  return json;
}

}  // namespace

std::string html_report(const StoredRun& run) {
  const ReportData data = detail::report_data(run);
  detail::ReportFigures figures(data);
  detail::HtmlPage page;
  const RunManifest& manifest = run.manifest;
  page.title = data.target.empty() ? manifest.id : data.target;
  page.subtitle = fmt::format("gnomon {} · {}{}", data.main.command, manifest.id,
                              manifest.name.empty() ? "" : " · " + manifest.name);
  page.lead = alerts(data) + answer(data);
  page.sections.push_back(measured_section(data, figures));
  page.sections.push_back(results_section(data, figures));
  page.sections.push_back(ladder_section(data, figures));
  page.sections.push_back(cause_section(data, figures));
  page.sections.push_back(controls_section(data, figures));
  page.sections.push_back(training_section(data, figures));
  if (const Html rest = figures.take_rest(); !rest.markup.empty())
    page.sections.push_back({"more", "More figures", rest});
  const std::size_t texts_place = page.sections.size();
  page.sections.push_back(data_section(data));
  page.sections.push_back(checks_section(data));
  page.sections.push_back(limits_section(data));
  page.sections.push_back(provenance_section(data));
  page.sections.push_back(citation_section(data));
  page.data = page_data(data);
  const std::size_t without_texts = render_page(page).size();
  page.sections.insert(page.sections.begin() + static_cast<std::ptrdiff_t>(texts_place),
                       texts_section(data, kPageBytes - std::min(kPageBytes, without_texts)));
  return render_page(page);
}

}  // namespace gnomon
