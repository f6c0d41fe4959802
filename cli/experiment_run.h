// SPDX-License-Identifier: Apache-2.0
// in: an experiment's settings   out: a run directory with its data, trainings, scores and analyses
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/experiment_config.h"
#include "gnomon/analyses/activation_drift.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/projections.h"
#include "gnomon/analyses/reporter_evaluation.h"
#include "gnomon/report/run_stages.h"

namespace gnomon::cli {

struct ExperimentRunOptions {
  std::string out;  // empty: a new folder of runs_dir
  std::string runs_dir = "runs";
  bool analyses = true;  // projections and ladders after training
  bool dry_run = false;
};

// Of one training; evaluations and drifts in the order of the targets.
struct SeedResult {
  std::uint64_t seed = 0;
  Index epochs = 0;
  Index best_epoch = 0;
  std::vector<ReporterEvaluation> evaluations;
  std::vector<ActivationDrift> drifts;
  // Next-token loss of the held-out texts, nats a token; nothing where the model was not trained.
  std::optional<double> lm_before;
  std::optional<double> lm_after;
  std::optional<double> top1;  // token reporters: the right token led the whole vocabulary
};

struct ExperimentOutcome {
  std::filesystem::path run;
  std::vector<PlannedStage> plan;  // of a dry run, which does nothing else
  std::vector<std::string> targets;
  std::vector<SeedResult> seeds;
  std::optional<ProjectionAnalysis> analysis;  // of the first seed's model, where it was asked for
  bool target_moved =
      false;  // training could move the target: the analysis is of its live activation
  std::vector<Ladder> ladders;
  std::vector<CheckResult> checks;
  std::string messages;  // for console.log
};

// Data, a training for each seed, their scores, projections and ladders, checks, stage by stage
// into a run directory; stages that are fresh are kept and read back. Everything of the run is
// written before a failed check ends it.
ExperimentOutcome run_experiment(const Context& context, const ResolvedExperiment& experiment,
                                 const ExperimentRunOptions& options);

// Recomputes what a run stores from its configuration and weights: file hashes, the activations,
// the reports of every seed's best checkpoint. For `gnomon verify`.
std::vector<CheckResult> verify_run(const Context& context, const std::filesystem::path& run);

}  // namespace gnomon::cli
