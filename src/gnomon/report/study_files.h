// SPDX-License-Identifier: Apache-2.0
// in: the results of a study   out: the files of a run directory, docs/formats/run_directory.md
#pragma once

#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "gnomon/analyses/audit_ladder.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/projections.h"
#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"

namespace gnomon {

Json projections_json(const StudyData& data, const ProjectionAnalysis& analysis);
// One row for each row of the study: its text, position, part, activation and projections, raw and
// along unit vectors.
CsvTable projections_csv(const StudyData& data, const StudyTexts& texts,
                         const ProjectionAnalysis& analysis);

Json correlation_json(const ProjectionAnalysis& analysis);
CsvTable correlation_csv(const ProjectionAnalysis& analysis);

// What tables show of a stored analysis: targets, counts, directions, cosines and baselines.
// Weights and the projections of rows stay empty. Throws FileError where `json` is nothing of the
// kind.
ProjectionAnalysis projections_from_json(const Json& json, std::string_view origin);

Json audit_json(std::span<const Ladder> ladders);
std::vector<Ladder> ladders_from_json(const Json& json, std::string_view origin);
CsvTable audit_csv(std::span<const Ladder> ladders);

Json checks_json(std::span<const CheckResult> checks);
std::vector<CheckResult> checks_from_json(const Json& json, std::string_view origin);

// One JSON object a line: id, text, token_ids, group, split, source; template, declared_group and
// n_copies where there are any.
std::string prompts_jsonl(const StudyTexts& texts);
// Counts, the distribution of the activation, groups, parts and excluded texts, in Markdown.
std::string data_card(const StudyData& data, const StudyTexts& texts, const std::string& source);

// The tensors that projections and ladders are computed from, and back: `gnomon audit RUN` needs no
// model.
void write_study(const std::filesystem::path& path, const StudyData& data,
                 const ProjectionAnalysis& analysis);
struct StoredStudy {
  StudyData data;
  LinearHead head;
  GatedInput mean_gradient;
};
StoredStudy read_study(const std::filesystem::path& path);

}  // namespace gnomon
