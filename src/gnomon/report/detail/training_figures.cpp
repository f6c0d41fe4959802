// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "gnomon/base/file.h"
#include "gnomon/charts/predictions.h"
#include "gnomon/charts/training_curves.h"
#include "gnomon/report/detail/csv_columns.h"
#include "gnomon/report/detail/json_values.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/evaluation_files.h"
#include "gnomon/report/metrics_log.h"

namespace gnomon::detail {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double number_or_none(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() || !found->is_number() ? kNone : found->get<double>();
}

TrainingCurve curve_of(const StoredRun& run, const std::string& folder) {
  TrainingCurve curve;
  curve.name = "seed " + folder.substr(folder.find('/') + 1);
  double least = std::numeric_limits<double>::infinity();
  for (const Json& line : read_metrics(run.file(folder + "/metrics.jsonl"))) {
    if (line.value("kind", "") != "epoch") continue;
    curve.epoch.push_back(number_or_none(line, "epoch"));
    curve.train_loss.push_back(number_or_none(line, "train_loss"));
    curve.validation_loss.push_back(number_or_none(line, "val_loss"));
    curve.validation_r.push_back(number_or_none(line, "val_r"));
    if (curve.validation_loss.back() < least) {
      least = curve.validation_loss.back();
      curve.best_epoch = curve.epoch.back();
    }
  }
  return curve;
}

std::optional<Figure> curves_figure(const StoredRun& run) {
  TrainingChart chart;
  chart.title = "Training";
  for (const std::string& folder : training_folders(run))
    if (has_file(run, folder + "/metrics.jsonl")) {
      TrainingCurve curve = curve_of(run, folder);
      // A head that was solved for or left random has no course of training.
      if (curve.epoch.size() > 1) chart.curves.push_back(std::move(curve));
    }
  if (chart.curves.empty()) return std::nullopt;
  chart.description = fmt::format(
      "Loss and r on the validation rows after each epoch of {} trainings from different seeds; "
      "the "
      "ring is the epoch with the smallest validation loss, from which the reporter is taken.",
      chart.curves.size());
  if (chart.curves.size() == 1)
    chart.description =
        "Loss and r on the validation rows after each epoch; the ring is the epoch with the "
        "smallest "
        "validation loss, from which the reporter is taken.";
  return training_figure(chart);
}

std::string with_interval(const std::string& name, const std::optional<double>& value,
                          const std::optional<Interval>& interval) {
  if (!value) return name + " is not defined";
  std::string text = fmt::format("{} {:.2f}", name, *value);
  if (interval) text += fmt::format(" [{:.2f}, {:.2f}]", interval->ci_low, interval->ci_high);
  return text;
}

std::string numbers_of(const ReporterEvaluation& evaluation) {
  const EvaluationRow& row = evaluation.reporter();
  if (!row.score) return row.why;
  const ReportScore& score = *row.score;
  std::string text = with_interval("r", score.r, score.r_interval) + " · " +
                     with_interval("R²(identity)", score.r2_identity, score.r2_identity_interval) +
                     fmt::format(" · mean |error| {:.3g}", score.mean_absolute_error) +
                     fmt::format(" · n = {} texts", evaluation.n_group);
  if (evaluation.n_row != evaluation.n_group) text += fmt::format(" ({} rows)", evaluation.n_row);
  return text;
}

std::optional<Figure> predictions_of(const StoredRun& run, const std::string& folder) {
  const std::string reports = folder + "/reports.csv";
  const std::string evaluation_file = folder + "/evaluation.json";
  if (!has_file(run, reports) || !has_file(run, evaluation_file)) return std::nullopt;
  const ReporterEvaluation evaluation =
      evaluation_from_json(run.read_json(evaluation_file), evaluation_file);
  const CsvColumns rows(read_text_file(run.file(reports)), reports);
  PredictionChart chart;
  const std::string seed = folder.substr(folder.find('/') + 1);
  chart.id = "predictions-seed-" + seed;
  chart.title = "Report against the truth, training of seed " + seed;
  chart.truth_label = evaluation.target;
  chart.report_label = "report";
  chart.truth = rows.numbers("activation " + evaluation.target);
  chart.report = rows.numbers("report " + evaluation.target);
  chart.part = rows.texts("part");
  for (const double row : rows.numbers("row")) chart.row.push_back(static_cast<std::int64_t>(row));
  for (const std::string& part : chart.part) chart.scored.push_back(part == "test");
  chart.numbers = {numbers_of(evaluation)};
  chart.description = fmt::format(
      "The report of {} against its activation before training, and the error over the activation. "
      "Filled dots are the test rows, of which the numbers are; hollow ones the others. {}.",
      evaluation.target, chart.numbers.front());
  return prediction_figure(chart);
}

}  // namespace

std::vector<Figure> training_figures(const StoredRun& run) {
  std::vector<Figure> figures;
  for (const std::string& folder : training_folders(run))
    if (std::optional<Figure> figure = predictions_of(run, folder))
      figures.push_back(std::move(*figure));
  if (std::optional<Figure> figure = curves_figure(run)) figures.push_back(std::move(*figure));
  return figures;
}

}  // namespace gnomon::detail
