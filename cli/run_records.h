// SPDX-License-Identifier: Apache-2.0
// in: what a command works with   out: how a run directory names it
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/context.h"
#include "gnomon/analyses/audit_ladder.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/study.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/run_manifest.h"

namespace gnomon::cli {

ToolRecord tool_record();
// What every command records of itself: start, home, arguments, tool, machine, precision, backend
// and seed. Words of the id and configuration are the command's own.
RunSettings command_settings(const Context& context, Precision precision);
ModelRecord model_record(const Model& model);

// "L8N481", or "L8.hook_mlp_out.481" for a coordinate.
std::string unit_word(const Target& target);

// The identities on the first texts of the corpus that fit, so that they are the same texts for
// every neuron of a model, and the study's own checks.
std::vector<CheckResult> identity_checks(const Model& model, const StudyTexts& texts,
                                         const StudyData& data, const std::vector<Ladder>& ladders);

bool all_passed(const std::vector<CheckResult>& checks);
// Throws CheckError for the first check that failed; `run` holds checks.json.
void require_passed(const std::vector<CheckResult>& checks, const std::filesystem::path& run);

}  // namespace gnomon::cli
