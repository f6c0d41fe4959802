// SPDX-License-Identifier: Apache-2.0
// in: a model, pairs of texts, cells and a metric   out: what patching each cell does to the metric
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/sweep_metric.h"
#include "gnomon/analyses/sweep_plan.h"
#include "gnomon/stats/bootstrap.h"

namespace gnomon {

// See docs/methods/sweep.md.

// denoising: the corrupted text's run, one cell set to what it holds in the clean text's run.
// noising: the other way round. Stored by these names.
enum class SweepDirection { denoising, noising };
std::string_view sweep_direction_name(SweepDirection direction);

// Which cells are patched where all would be too many.
struct AttributionOptions {
  Index n_top = 0;     // largest of the approximation
  Index n_sample = 0;  // drawn from the rest
};

struct SweepOptions {
  SweepDirection direction = SweepDirection::denoising;
  std::optional<AttributionOptions> attribution = {};  // empty: every cell is patched
  Index n_recheck = 16;                                // patches that are run again the plain way
  Index n_flip = 1999;                                 // sign flips
  BootstrapOptions bootstrap = {};
  std::uint64_t seed = 0;                                 // of flips, rechecks and the sample
  PatchOptions patch = {};                                // its progress is replaced by `progress`
  std::function<void(Index done, Index total)> progress;  // in pairs
};

// The cell's effect is e = patched - base in every pair, the pair's total d = other - base: base is
// the unchanged run that is patched, other the run whose values are put in.
struct CellEffect {
  SweepCell cell;
  std::string name;
  Index n_case = 0;                              // pairs that have this token
  bool exact = false;                            // patched; else only `approximate` is known
  std::optional<double> approximate;             // mean over pairs, of attribution patching
  std::optional<double> approximate_normalised;  // Σ e d / Σ d², of the same

  BootstrapInterval mean;        // of e over pairs
  BootstrapInterval normalised;  // Σ e d / Σ d²
  double mean_magnitude = 0;     // of |e|
  double largest_magnitude = 0;
  std::optional<double> p_value;   // that Σ e d over groups is symmetric about 0
  std::optional<double> p_family;  // of the largest of all cells
  std::optional<double> p_fdr;     // Benjamini and Hochberg over all cells of the sweep
};

// How well the fast ranking does, on the cells that were also patched.
struct AttributionError {
  AttributionOptions options;
  Index n_cell = 0;           // of the sweep
  bool normalised = true;     // of normalised effects, which exist; else of mean effects
  double largest_error = 0;   // |approximate - exact|
  double largest_effect = 0;  // |exact|, to compare with
  std::optional<double> rank_correlation;         // Spearman's, of magnitudes, all patched cells
  std::optional<double> sample_rank_correlation;  // of the sample alone
  // Sampled cells whose effect is larger than the middle one of the top: what the ranking missed,
  // and the upper 95 % bound on their share among the cells that were not patched.
  Index n_missed = 0;
  double missed_share_bound = 1;
};

struct PatchSweep {
  SweepDirection direction = SweepDirection::denoising;
  SweepMetricKind metric = SweepMetricKind::report;
  std::string read_out;    // the site
  std::string definition;  // of the metric
  Index n_case = 0;
  Index n_group = 0;
  std::vector<double> base;   // [n_case]
  std::vector<double> other;  // [n_case]
  double total_rms = 0;       // root mean square of other - base
  // The rule by which normalised effects exist: total_rms above this, which rounding could give.
  double smallest_total = 0;
  std::string why_not_normalised;  // empty where it exists
  std::string why_no_family;       // why there is no p_family
  std::vector<CellEffect> cells;   // as given
  std::optional<AttributionError> attribution;
  std::vector<CheckResult> checks;
  BootstrapOptions bootstrap;
  Index n_flip = 0;
  Index n_patch = 0;        // single-token patches that were run
  Index n_whole_patch = 0;  // patches of all tokens together
};

// Patches every cell in every pair that has its token; pairs' texts have the same number of tokens.
//
// Throws ArgumentError: usage for no cells or no pairs; bad_data for a pair of different lengths;
// out_of_range for a read position that a text does not have; as run_patches and capture do.
template <class T>
PatchSweep sweep_patches(const Model& model, std::span<const std::vector<TokenId>> texts,
                         std::span<const SweepCase> cases, std::span<const SweepCell> cells,
                         const SweepMetric<T>& metric, const SweepOptions& options);

}  // namespace gnomon
