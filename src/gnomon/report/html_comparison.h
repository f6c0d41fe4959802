// SPDX-License-Identifier: Apache-2.0
// in: several runs   out: one page that shows them side by side, docs/formats/report.md
#pragma once

#include <span>
#include <string>

#include "gnomon/report/run_directory.h"
#include "gnomon/report/run_summary.h"

namespace gnomon {

// The name of a run among those compared: A, B, ..., Z, AA, AB, ...
std::string run_letter(std::size_t index);

// The whole page, UTF-8, as html_report. `comparison` is of `runs`. Numbers of a run with failed
// checks and its figures are not shown. Figures are those of the first kMostPicturedRuns runs.
// Throws FileError where a file that a run lists is missing or was changed.
inline constexpr std::size_t kMostPicturedRuns = 6;
std::string html_comparison(const RunComparison& comparison, std::span<const StoredRun> runs);

}  // namespace gnomon
