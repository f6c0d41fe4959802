// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gnomon/charts/figure.h"
#include "gnomon/charts/scatter.h"
#include "gnomon/report/run_directory.h"

// The figures of single files of a run, each empty where the run does not list the file.
namespace gnomon::detail {

bool has_file(const StoredRun& run, std::string_view relative);
// The seeds of the trainings under seeds/, in order.
std::vector<std::string> training_folders(const StoredRun& run);

ScatterChart projection_chart(const StoredRun& run);

std::vector<Figure> projection_figures(const StoredRun& run);

}  // namespace gnomon::detail
