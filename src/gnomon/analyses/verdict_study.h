// SPDX-License-Identifier: Apache-2.0
// in: a trained reporter, its start and its evaluation   out: everything the verdict rests on
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/analyses/verdict.h"

namespace gnomon {

// See docs/methods/verdict.md.

struct VerdictOptions {
  Index target = 0;             // of the reporter's targets
  Index n_control = 39;         // with fewer than 19 no p-value can be as small as 0.05
  WeightsOptions weights = {};  // its seed and level are replaced
  BootstrapOptions bootstrap = {};
  std::uint64_t seed = 0;
  std::function<void(Index done, Index total)> progress;  // of the patches, in rows
};

struct VerdictStudy {
  // The neuron written into, in every held-out row; nothing where that could not be, then
  // `no_patch` and `why_no_patch`.
  std::optional<PatchStudy> patch;
  NoPatch no_patch = NoPatch::constant;
  std::string why_no_patch;
  // The stream moved along the neuron's input; nothing where the target has none.
  std::optional<DirectionPatch> direction;
  std::string why_no_direction;
  WeightsOptions weights_options;  // those used
  WeightsAnalysis weights;
  Verdict verdict;
  std::vector<CheckResult> checks;  // of the patches
};

// Patches the target, moves the stream along what it reads, weighs the read-out, and judges.
// `trained` and `start` are one reporter with its best checkpoint and as it was made; `after` and
// `before` hold the target in the model of each, on the rows of the reporter's data; `evaluation`
// and `drift` are of the trained one. Throws as analyse_weights does, and as study_patches and
// patch_read_direction do for anything but a report that is out of reach or a neuron that does not
// vary.
template <class T>
VerdictStudy study_verdict(const ReportModel<T>& trained, const ReportModel<T>& start,
                           const StudyData& after, const StudyData& before,
                           const ReporterEvaluation& evaluation, const ActivationDrift& drift,
                           const VerdictOptions& options);

}  // namespace gnomon
