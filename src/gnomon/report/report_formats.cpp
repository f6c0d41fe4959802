// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/report_formats.h"

#include <array>

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

constexpr std::array kFormats = {
    ReportFormat{"html", "report.html", "one page that needs no network", html_files},
    ReportFormat{"ipynb", "", "notebooks that recompute the numbers, executed where Python can",
                 notebook_files},
    ReportFormat{"md", "writeup.", "500 words for someone new to the subject", writeup_files},
};

}  // namespace

std::span<const ReportFormat> report_formats() { return kFormats; }

}  // namespace gnomon
