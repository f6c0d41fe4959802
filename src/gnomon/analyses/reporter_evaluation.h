// SPDX-License-Identifier: Apache-2.0
// in: reports, the truth and what they are compared with   out: what the reports are worth
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/analyses/evaluation_references.h"
#include "gnomon/stats/report_score.h"
#include "gnomon/targets/bin_code.h"

namespace gnomon {

// See docs/methods/evaluation.md.

// What a reporter says, in activation units whatever its kind: a digit or a bin is decoded first.
struct EvaluatedReports {
  std::string name;             // "regression head"
  std::string definition;       // how the report is computed
  std::string truth;            // "snapshot" or "live": what the study's activation is
  std::vector<double> report;   // of every row of the study
  std::optional<BinCode> code;  // of a reporter that says one of K labels
};

// One line of the table: something that reports, scored on the held-out rows.
struct EvaluationRow {
  std::string name;
  EvaluationKind kind = EvaluationKind::reporter;
  std::string definition;
  std::optional<ReportScore> score;
  // R²(identity) of the reporter minus that of this row, where both report the activation.
  std::optional<BootstrapInterval> reporter_minus;
  // R²(identity) of the reporter as a fraction of this row's. Ceilings only.
  std::optional<BootstrapInterval> reporter_fraction;
  std::string why;  // why there is no score, or part of it is absent; empty where nothing is
};

struct ReporterEvaluation {
  std::string target;        // "blocks.8.mlp.hook_post[481]@last"
  std::string truth;         // "snapshot" or "live"
  std::string feature_site;  // of the reporter
  Part scored = Part::test;
  Index n_row = 0;    // scored rows
  Index n_group = 0;  // distinct text groups among them
  Index n_training_row = 0;
  std::optional<double> r2_training;  // R²(identity) of the reports on the training rows

  std::vector<EvaluationRow> rows;  // the reporter first

  // The floor with the largest R²(identity) on the scored rows. That it was chosen on them favours
  // the floor.
  std::string best_floor;
  std::optional<BootstrapInterval> gain;  // over the best floor
  bool beats_floors = false;              // the interval of the gain lies above 0

  // Of R²(identity) of the ridge head at the reporter's site.
  std::optional<BootstrapInterval> fraction_of_ceiling;

  Selectivity selectivity;  // of the ridge head at the reporter's site
  std::vector<double> permuted_r2;
  BootstrapOptions bootstrap;

  const EvaluationRow& reporter() const { return rows.front(); }
};

// Adds to the references, for a reporter with a code, the ceiling `bins`: the activation encoded
// and decoded, which no report by labels can beat on average (its error is the quantisation floor);
// and for every other target the control `match NAME`: the reports scored against that target's
// activation, where only r says something.
//
// `more` are further references of the caller: random_model_control. Throws ShapeError where there
// is not one report for each row of the study, NumericError for a report that is not finite.
ReporterEvaluation evaluate_reporter(const StudyData& data, const EvaluatedReports& reports,
                                     const EvaluationReferences& references,
                                     std::vector<ReferenceReport> more = {});

}  // namespace gnomon
