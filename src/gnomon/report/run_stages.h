// SPDX-License-Identifier: Apache-2.0
// in: what a stage of a run depends on   out: whether it has to be done again
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/report/resolved_config.h"
#include "gnomon/report/run_manifest.h"

namespace gnomon {

struct StoredRun;

// A stage of a run that may be continued: RunDirectory::stage_if_stale does it again only where
// something it depends on has changed.
struct StageSpec {
  std::string name;
  // SHA-256 of what its outputs depend on beside its upstream stages: see stage_inputs_sha256. The
  // run adds the version and commit of Gnomon, precision, backend, and the inputs and outputs of
  // the upstream stages.
  std::string inputs_sha256;
  std::vector<std::string> upstream;  // stages of the same run whose outputs it reads
};

// The hash of some settings, without their origins, and of texts that stand for other inputs, such
// as the hashes of the model and of a file of texts.
std::string stage_inputs_sha256(std::span<const ConfigEntry> entries,
                                std::span<const std::string> others);

// The entries whose keys are one of `keys` or lie in a table of that name: "data" chooses
// "data.texts" and "data.split.train".
std::vector<ConfigEntry> entries_of(std::span<const ConfigEntry> entries,
                                    std::span<const std::string> keys);

// What a stage of a plan would do: nothing in `why` means that it would be kept.
struct PlannedStage {
  std::string name;
  std::optional<std::string> why;  // "was never done", "its inputs have changed", ...
};

// What RunDirectory::stage_if_stale would do with `stages`, in their order, without doing it.
// `settings` has tool, precision and backend of the process that would. For a run that is not
// there, hand over nothing. After a stage that would be done, those that read its outputs are done
// too where its outputs come out different, which only doing it can tell: they are counted as done.
std::vector<PlannedStage> plan_stages(const StoredRun* run, const RunManifest& settings,
                                      std::span<const StageSpec> stages);

}  // namespace gnomon
