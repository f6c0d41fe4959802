// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "gnomon/report/run_manifest.h"
#include "gnomon/report/run_stages.h"

namespace gnomon::detail {

// The hash that a stage records: of the stage's own inputs, of what computes it (version, commit,
// precision, backend, as `manifest` has them), and of the inputs and outputs of its upstream stages
// as they stand in `manifest`. Throws InternalError where an upstream stage is not done.
std::string combined_inputs(const RunManifest& manifest, const StageSpec& spec);

// Why the stage has to be done again, or nothing where it is fresh.
std::optional<std::string> why_stale(const RunManifest& manifest,
                                     const std::filesystem::path& folder, const StageSpec& spec);

// Whether no file from which the stage could go on was changed since the run took its hash.
bool resumable_files_are_whole(const RunManifest& manifest, const std::filesystem::path& folder,
                               const StageRecord& stage);

}  // namespace gnomon::detail
