// SPDX-License-Identifier: Apache-2.0
// in: a run directory   out: its figures, docs/formats/figures.md
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/charts/figure.h"
#include "gnomon/report/run_directory.h"

namespace gnomon {

// Every figure that the files of the run can give, in the order in which a report shows them;
// data-row is the row of the run's data. Of `gnomon run`, `train` and `projections`: projections,
// correlation, ladder, cosines, predictions, training, drift, block. Of runs that start from one,
// those of what they found: `patch` dose-response and gains, `weights` read-outs, `verdict` both,
// `sweep` its grids. Throws FileError where a file of the run is missing or was changed.
std::vector<Figure> figures_of(const StoredRun& run);

// The panels of the figure `projections` one by one, for a page that lays them out itself.
std::vector<Figure> projection_panels_of(const StoredRun& run);

// The table of a figure as CSV.
std::string figure_csv(const Figure& figure);

// Writes <id>.svg and <id>.dark.svg (those of `themes`), <id>.csv and <id>.vl.json of each figure
// into `folder`, and returns their names. Throws FileError (write_failed).
std::vector<std::string> write_figures(std::span<const Figure> figures,
                                       const std::filesystem::path& folder,
                                       std::span<const Theme> themes);

}  // namespace gnomon
