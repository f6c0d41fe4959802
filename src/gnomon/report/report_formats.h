// SPDX-License-Identifier: Apache-2.0
// in: a run   out: the files of its report, by format
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/report/report_folder.h"

namespace gnomon {

struct ReportFiles {
  std::vector<ReportFile> files;
  std::vector<std::string> notes;  // for the user: what is missing and why
};

// One of the forms in which a run is shown.
struct ReportFormat {
  std::string_view name;     // "html", as `gnomon report --format` takes it
  std::string_view prefix;   // of its files' names below report/, and of no other's: "figures/"
  std::string_view meaning;  // for --help
  // Reads the run and writes nothing. Throws FileError where a file of the run is missing or was
  // changed.
  ReportFiles (*make)(const StoredRun& run);
};

std::span<const ReportFormat> report_formats();

}  // namespace gnomon
