// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/projections.h"
#include "gnomon/charts/figure.h"
#include "gnomon/charts/scatter.h"
#include "gnomon/report/run_directory.h"

// The figures of single files of a run, each empty where the run does not list the file.
namespace gnomon::detail {

bool has_file(const StoredRun& run, std::string_view relative);
// The seeds of the trainings under seeds/, in order.
std::vector<std::string> training_folders(const StoredRun& run);

ScatterChart projection_chart(const StoredRun& run);

// "Input weights" for "input".
std::string direction_title(const std::string& name);

// Scatter panels, correlation and ladders.
std::vector<Figure> projection_figures(const StoredRun& run);
// Cosines of projections.json.
std::vector<Figure> cosine_figures(const StoredRun& run);
// Predictions of each training, and the training curves.
std::vector<Figure> training_figures(const StoredRun& run);
// The activation before and after training, where training changed it.
std::vector<Figure> drift_figures(const StoredRun& run);
// Dose-response and gains of patch.json, and the gains along the input of verdict.json.
std::vector<Figure> patch_figures(const StoredRun& run);
std::vector<Figure> weights_figures(const StoredRun& run);
// Grids of sites, positions and heads; single neurons are left to the table.
std::vector<Figure> sweep_figures(const StoredRun& run);
std::vector<Figure> block_figures(const StoredRun& run);

// The block diagram of a model and target, every hook point once.
Figure block_figure(const ModelConfig& config, const Target& target,
                    const ProjectionAnalysis& analysis);

}  // namespace gnomon::detail
