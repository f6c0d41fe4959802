// SPDX-License-Identifier: Apache-2.0
// in: an original run, its audit and findings    out: docs/formats/import.md
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/analyses/original_audit.h"
#include "gnomon/analyses/original_findings.h"
#include "gnomon/analyses/original_remeasure.h"
#include "gnomon/report/csv.h"
#include "gnomon/report/run_summary.h"

namespace gnomon {

// An original run with everything that was found out about it.
struct ImportedRun {
  OriginalRun run;
  OriginalAudit audit;
  std::vector<OriginalFinding> findings;
  std::optional<OriginalRemeasurement> remeasured = {};  // where a model was given
};

// import.json, and what `gnomon import --json` prints.
Json import_json(const ImportedRun& imported);

// analysis/findings.csv: id, severity, title, evidence, rule.
CsvTable findings_csv(const ImportedRun& imported);

// data/rows.csv: row, part (empty where unknown), activation, text.
CsvTable import_rows_csv(const ImportedRun& imported);

// data/prompts.jsonl: one distinct text a line, in order of first appearance, with id, text,
// activation and n_copies; `template` where the run's generator was reproduced. Commands that take
// --texts read it.
std::string import_prompts_jsonl(const ImportedRun& imported);

RunSummary import_summary(const ImportedRun& imported);

// "blocks.8.hook_mlp_out[481]@last"; empty where the run does not say all of it.
std::string import_target_name(const OriginalRun& run);

}  // namespace gnomon
