// SPDX-License-Identifier: Apache-2.0
// in: a verdict   out: verdict.json, verdict.csv (docs/formats/verdict.md) and the terminal's table
#pragma once

#include <string>

#include "gnomon/analyses/verdict.h"
#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// assets/schema/verdict.schema.json without its "$schema", which RunDirectory adds.
Json verdict_json(const Verdict& verdict, const std::optional<DirectionPatch>& direction);
// A line for each piece of evidence.
CsvTable verdict_csv(const Verdict& verdict);
std::string verdict_text(const Verdict& verdict, const TextStyle& style);

}  // namespace gnomon
