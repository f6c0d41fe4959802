// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "gnomon/analyses/original_run.h"

namespace gnomon::detail {

// The files of an original run that are not JSON. All throw FileError with path and line where a
// file is not of its format; a number that is not finite is one of these cases.

// datasets/*.csv: text,activation[,bin]
std::vector<OriginalRow> read_original_rows(const std::filesystem::path& path);

// prediction_samples_test_*.csv: text,actual,predicted,error
std::vector<OriginalPrediction> read_original_predictions(const std::filesystem::path& path);

// introspection_log_*.log. Lines that are not known are read over.
OriginalLog read_original_log(const std::filesystem::path& path);

// introspection_report_*.txt
struct OriginalReport {
  std::optional<double> mean_error;
  std::optional<double> error_sd;
};
OriginalReport read_original_report(const std::filesystem::path& path);

}  // namespace gnomon::detail
