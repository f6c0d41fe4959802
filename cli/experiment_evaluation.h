// SPDX-License-Identifier: Apache-2.0
// in: a trained report model   out: its reports, scored
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/base_measurements.h"
#include "cli/experiment_inputs.h"
#include "cli/experiment_run.h"
#include "gnomon/report/csv.h"
#include "gnomon/report/run_summary.h"
#include "gnomon/report/text_table.h"
#include "gnomon/train/report_model.h"

namespace gnomon::cli {

// Reports [n_row, n_target] in the order of the data's rows; `pass` receives the rest.
Tensor<double> experiment_reports(const ReportModel<float>& model, ReportPass* pass);
// One line a row: text, position, part, and for every target the activation and the report.
CsvTable experiment_reports_csv(const DataSet& data, const Tensor<double>& reports);

// The truth is the snapshot, or for live targets that training can move what the trained model
// does; the other of the two is then a control.
SeedResult evaluate_seed(const ExperimentInputs& inputs, const ExperimentConfig& config,
                         const DataSet& data, BaseMeasurements& base,
                         const ReportModel<float>& model, std::uint64_t seed);

// R7: the reports that were stored are what the reloaded weights give.
CheckResult stored_reports_check(const std::filesystem::path& stored, const CsvTable& again,
                                 std::uint64_t seed);

// The first target's head where it is linear and reads the last stream at the target's position.
std::optional<LinearHead> final_stream_head(const ReportModel<float>& model,
                                            const ReporterData& data, const ModelConfig& sizes);

RunSummary experiment_summary(const std::vector<SeedResult>& seeds);
// Spread over seeds, and what training did to the language model.
std::string training_text(const std::vector<SeedResult>& seeds, const TextStyle& style);

}  // namespace gnomon::cli
