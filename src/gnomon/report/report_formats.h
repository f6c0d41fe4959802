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

// What making a report may use of the machine.
struct ReportTools {
  std::string python = "python3";  // runs notebooks; found through the search path
};

// One of the forms in which a run is shown.
struct ReportFormat {
  std::string_view name;  // "html", as `gnomon report --format` takes it
  // Of its files' names below report/, and of no other's: "figures/". Empty: its files have no
  // common prefix, and each stands for itself.
  std::string_view prefix;
  std::string_view meaning;  // for --help
  // Reads the run and writes nothing. Throws FileError where a file of the run is missing or was
  // changed, CheckError where its numbers do not agree with each other.
  ReportFiles (*make)(const StoredRun& run, const ReportTools& tools);
};

std::span<const ReportFormat> report_formats();

}  // namespace gnomon
