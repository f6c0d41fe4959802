// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/reporter_evaluation.h"

#include <fmt/format.h>

#include <cmath>
#include <string_view>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

void check_reports(const StudyData& data, const EvaluatedReports& reports) {
  if (reports.report.size() != data.activation.size()) {
    throw ShapeError(fmt::format("evaluate_reporter: {} reports for {} rows, expected as many",
                                 reports.report.size(), data.activation.size()));
  }
  for (std::size_t i = 0; i < reports.report.size(); ++i) {
    if (!std::isfinite(reports.report[i])) {
      throw NumericError(
          fmt::format("evaluate_reporter: the report of row {} is {}, expected a "
                      "finite number",
                      i, reports.report[i]));
    }
  }
}

ReferenceReport bins_ceiling(const BinCode& code, const Column& truth) {
  ReferenceReport report;
  report.name = "bins";
  report.kind = EvaluationKind::ceiling;
  report.definition =
      fmt::format("the activation as one of {} labels, decoded by bin means", code.n_bin());
  report.report = code.decode(code.encode(truth));
  return report;
}

ReferenceReport match_control(const OtherLabels& other, const Column& scored_reports,
                              std::span<const Index> scored_rows) {
  ReferenceReport report;
  report.name = "match " + other.name;
  report.kind = EvaluationKind::control;
  report.definition = fmt::format("these reports against {}", other.name);
  report.report = scored_reports;
  report.truth = take(other.activation, scored_rows);
  return report;
}

EvaluationRow score_row(const ReferenceReport& report, const Column& reporter,
                        const EvaluationReferences& references) {
  EvaluationRow row;
  row.name = report.name;
  row.kind = report.kind;
  row.definition = report.definition;
  row.why = report.why;
  if (report.report.empty()) return row;
  const Column& truth = report.truth.empty() ? references.truth : report.truth;
  row.score = score_reports(report.report, truth, references.group, references.bootstrap);
  row.why = row.score->why;
  if (row.kind == EvaluationKind::reporter || !report.truth.empty()) return row;
  const R2Comparison comparison =
      compare_r2({reporter, truth}, {report.report, truth}, references.group, references.bootstrap);
  row.reporter_minus = comparison.difference;
  if (row.kind == EvaluationKind::ceiling) row.reporter_fraction = comparison.fraction;
  return row;
}

const EvaluationRow* best_floor(const std::vector<EvaluationRow>& rows) {
  const EvaluationRow* best = nullptr;
  for (const EvaluationRow& row : rows) {
    if (row.kind != EvaluationKind::floor || !row.score || !row.score->r2_identity) continue;
    if (best == nullptr || *row.score->r2_identity > *best->score->r2_identity) best = &row;
  }
  return best;
}

}  // namespace

ReporterEvaluation evaluate_reporter(const StudyData& data, const EvaluatedReports& reports,
                                     const EvaluationReferences& references,
                                     std::vector<ReferenceReport> more) {
  check_reports(data, reports);
  ReporterEvaluation evaluation;
  evaluation.target = site_at_name(data.target.at, data.config);
  evaluation.truth = reports.truth;
  evaluation.feature_site = references.feature_site;
  evaluation.scored = references.scored;
  evaluation.n_training_row = static_cast<Index>(references.training_rows.size());
  evaluation.r2_training = r2_identity(take(reports.report, references.training_rows),
                                       take(data.activation, references.training_rows));
  evaluation.selectivity = references.selectivity;
  evaluation.permuted_r2 = references.permuted_r2;
  evaluation.bootstrap = references.bootstrap;

  const Column reporter = take(reports.report, references.scored_rows);
  const auto add = [&](const ReferenceReport& report) {
    evaluation.rows.push_back(score_row(report, reporter, references));
  };
  add({reports.name, EvaluationKind::reporter, reports.definition, reporter, {}, {}});
  evaluation.n_row = evaluation.reporter().score->n;
  evaluation.n_group = evaluation.reporter().score->n_group;
  if (reports.code) more.push_back(bins_ceiling(*reports.code, references.truth));
  for (const OtherLabels& other : references.others)
    more.push_back(match_control(other, reporter, references.scored_rows));
  for (const EvaluationKind kind :
       {EvaluationKind::floor, EvaluationKind::ceiling, EvaluationKind::control}) {
    for (const std::vector<ReferenceReport>* list : {&references.reports, &std::as_const(more)}) {
      for (const ReferenceReport& report : *list) {
        if (report.kind == kind) add(report);
      }
    }
  }
  if (const EvaluationRow* best = best_floor(evaluation.rows)) {
    evaluation.best_floor = best->name;
    evaluation.gain = best->reporter_minus;
    evaluation.beats_floors = evaluation.gain->interval && evaluation.gain->interval->ci_low > 0;
  }
  for (const EvaluationRow& row : evaluation.rows) {
    if (row.name == "ridge" && row.kind == EvaluationKind::ceiling)
      evaluation.fraction_of_ceiling = row.reporter_fraction;
  }
  return evaluation;
}

}  // namespace gnomon
