// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/report_formats.h"

#include <array>

#include "gnomon/report/detail/report_data.h"
#include "gnomon/report/figures.h"
#include "gnomon/report/html_report.h"
#include "gnomon/report/notebook.h"
#include "gnomon/report/writeup.h"

namespace gnomon {
namespace {

ReportFiles html_files(const StoredRun& run, const ReportTools& /*tools*/) {
  return {{{"report.html", html_report(run)}}, {}};
}

ReportFiles notebook_files(const StoredRun& run, const ReportTools& tools) {
  return notebook_report(run, tools.python);
}

ReportFiles writeup_files(const StoredRun& run, const ReportTools& /*tools*/) {
  return writeup_report(run);
}

ReportFiles svg_files(const StoredRun& run, const ReportTools& /*tools*/) {
  ReportFiles made;
  if (!detail::results_of(run).failed_checks().empty()) {
    made.notes.emplace_back("no figures are written: checks of this run failed");
    return made;
  }
  constexpr std::array kThemes = {Theme::light, Theme::dark};
  for (FigureFile& file : figure_files(figures_of(run), kThemes))
    made.files.push_back({"figures/" + file.name, std::move(file.content), false});
  if (made.files.empty()) made.notes.emplace_back("the run has no results that have a figure");
  return made;
}

constexpr std::array kFormats = {
    ReportFormat{"html", "report.html", "one page that needs no network", html_files},
    ReportFormat{"ipynb", "", "notebooks that recompute the numbers, executed where Python can",
                 notebook_files},
    ReportFormat{"md", "writeup.", "500 words for someone new to the subject", writeup_files},
    ReportFormat{"svg", "figures/", "every figure, light and dark, with its numbers", svg_files},
};

}  // namespace

std::span<const ReportFormat> report_formats() { return kFormats; }

}  // namespace gnomon
