// SPDX-License-Identifier: Apache-2.0
// in: an original run and its audit    out: what is wrong with it, one by one
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/original_audit.h"
#include "gnomon/analyses/original_run.h"

namespace gnomon {

// Stored by these names. fatal: a conclusion of the run does not hold; wrong: a stored number is
// not what it is called; weak: the method cannot bear the conclusion; note: what a reader must
// know.
enum class FindingSeverity { fatal, wrong, weak, note };
std::string_view severity_name(FindingSeverity severity);

struct OriginalFinding {
  std::string id;  // "D2"; I1 to I6 are about the files themselves
  FindingSeverity severity = FindingSeverity::note;
  std::string title;
  std::string evidence;  // figures of this run
  std::string rule;      // what would have had to hold
};

// Only what the files of this run show, in the order of severity, then of ids. Ids and their
// meaning: docs/methods/original_audit.md.
std::vector<OriginalFinding> find_defects(const OriginalRun& run, const OriginalAudit& audit);

}  // namespace gnomon
