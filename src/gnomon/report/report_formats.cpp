// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/report_formats.h"

#include <array>

#include "gnomon/report/html_report.h"

namespace gnomon {
namespace {

ReportFiles html_files(const StoredRun& run) { return {{{"report.html", html_report(run)}}, {}}; }

constexpr std::array kFormats = {
    ReportFormat{"html", "report.html", "one page that needs no network", html_files},
};

}  // namespace

std::span<const ReportFormat> report_formats() { return kFormats; }

}  // namespace gnomon
