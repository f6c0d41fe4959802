// SPDX-License-Identifier: Apache-2.0
// in: an imported original run   out: text for a terminal
#pragma once

#include <string>

#include "gnomon/report/import_files.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// What the run is, its figures as stored and recomputed, what remains of its conclusions, and the
// findings by severity with their evidence; at most 80 columns.
std::string import_text(const ImportedRun& imported, const TextStyle& style);

}  // namespace gnomon
