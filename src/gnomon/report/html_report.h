// SPDX-License-Identifier: Apache-2.0
// in: a run   out: one page that shows it, docs/formats/report.md
#pragma once

#include <string>

#include "gnomon/report/run_directory.h"

namespace gnomon {

// The whole page, UTF-8. It refers to nothing outside itself. Throws FileError where a file that
// the run lists is missing or was changed.
std::string html_report(const StoredRun& run);

}  // namespace gnomon
