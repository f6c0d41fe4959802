// SPDX-License-Identifier: Apache-2.0
// in: a model with its reporter   out: what the report does when the neuron is written into
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/activations/patch.h"
#include "gnomon/analyses/dose_response.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/matched_units.h"
#include "gnomon/train/report_model.h"

namespace gnomon {

// See docs/methods/patching.md.

// How a dose becomes the neuron's value: x = dose, x + dose, x dose. Stored by these names.
enum class DoseMode { set, add, scale };
std::string_view dose_mode_name(DoseMode mode);

// What an ablation writes: 0, the mean of the training rows, or the value of a training row drawn
// for each text. Stored by these names.
enum class AblationMode { zero, mean, resample };
std::string_view ablation_mode_name(AblationMode mode);

// Tokens of a text from first to last, negative ones counted from its end.
struct TokenRange {
  Index first = 0;
  Index last = 0;
};
// Ascending and distinct. Throws ArgumentError (out_of_range) for a token that a text of this
// length does not have, or an empty range.
std::vector<Index> resolve_tokens(const std::vector<TokenRange>& ranges, Index n_token);

struct PatchStudyOptions {
  Index target = 0;  // of the reporter's targets: whose report is read
  // What is patched, as make_target has it; empty: the target. At @all it is patched at the
  // target's own token.
  std::optional<SiteAt> site = {};
  // Tokens at which the unit is patched in the same run; empty: its own. The value of a dose, the
  // natural range and the unpatched activation are those of its own token, or of the last of these
  // where its own is not among them.
  std::vector<TokenRange> tokens = {};
  Part part = Part::test;  // whose rows are patched
  DoseMode mode = DoseMode::set;
  // Empty: n_dose values at equal distances over the natural range (set), from minus to plus half
  // of it (add), or from 0 to 2 (scale).
  std::vector<double> doses = {};
  Index n_dose = 9;
  Index n_control = 16;  // matched units of the site
  Index n_donor = 4;     // of every row, for the interchange, at least 2; 0: none
  Index n_shuffle = 999;
  std::vector<AblationMode> ablations = {AblationMode::zero, AblationMode::mean,
                                         AblationMode::resample};
  Index n_recheck = 16;  // patches that are run again the plain way
  EquivalenceOptions equivalence = {};
  BootstrapOptions bootstrap = {};
  std::uint64_t seed = 0;                                 // of controls, donors, shuffles, rechecks
  PatchOptions patch = {};                                // its progress is replaced by `progress`
  std::function<void(Index done, Index total)> progress;  // in rows
};

struct UnitGain {
  MatchedUnit unit;
  std::string site;
  NaturalRange range;
  CausalGain gain;
};

// How much was changed, and how much that changed: an intervention that moves nothing shows
// nothing.
struct NonVacuity {
  double mean_site_change = 0;  // |neuron - clean neuron|
  double largest_site_change = 0;
  double mean_feature_change = 0;    // Euclidean, of the reporter's feature row or logits
  double mean_feature_relative = 0;  // as a share of the clean row's norm
  double mean_report_change = 0;     // |report - clean report|
  double largest_report_change = 0;
  bool reaches = false;  // the feature is computed from the patched token and site
};

// How unusual the patched states are: Mahalanobis distances (stats/mahalanobis.h) of the stream
// that holds the unit's write, at its own token, from the training rows of the unchanged model.
struct Typicality {
  std::string site;  // "blocks.2.hook_resid_post"
  Index n_natural = 0;
  double intensity = 0;       // of the covariance's shrinkage
  double clean_median = 0;    // of the unchanged rows of the part
  double clean_q99 = 0;       // and their quantile 99 %: a row beyond it is flagged
  std::vector<double> clean;  // [n_row]
  Tensor<double> distance;    // [n_row, n_dose]
};

struct PatchStudy {
  std::string target;      // "blocks.2.mlp.hook_post[509]@last": whose activation is reported
  std::string site;        // what is patched
  std::string read_out;    // "blocks.3.hook_resid_post@last"
  std::string definition;  // of the report
  Part part = Part::test;
  Index n_row = 0;
  Index n_group = 0;
  Index n_training_row = 0;
  Index most_tokens = 1;  // patched in one row
  DoseMode mode = DoseMode::set;
  NaturalRange range;

  std::vector<double> activation;    // [n_row] of the unchanged run
  std::vector<double> clean_report;  // [n_row]
  std::vector<Index> row;            // [n_row] of the reporter's data
  std::vector<double> doses;
  DoseResponse response;
  std::vector<DosePoint> points;

  CausalGain total;
  std::optional<EquivalenceTest> none;   // of the gain with 0
  std::optional<EquivalenceTest> ideal;  // of the gain with 1
  GainVerdict verdict = GainVerdict::undecided;
  // The neuron's write alone, added to the stream that is read, all later blocks at their clean
  // outputs.
  std::optional<CausalGain> direct;
  std::optional<BootstrapInterval> indirect;  // total - direct
  std::string why_no_direct;

  std::vector<UnitGain> controls;
  // Share of the controls whose |gain| is below the target's (half of equal ones), and the p-value
  // (n at least as large + 1) / (n + 1).
  std::optional<double> control_percentile;
  std::optional<double> control_p_value;
  std::string why_no_controls;

  std::vector<std::pair<AblationMode, Necessity>> ablations;
  std::optional<Sufficiency> interchange;
  NonVacuity non_vacuity;
  std::optional<Typicality> typicality;
  std::string why_no_typicality;
  std::vector<CheckResult> checks;
  BootstrapOptions bootstrap;
};

// Patches the reporter's target, or another unit, in every row of a part and reads the report, in
// the units of the activation whatever the reporter's kind: from the feature row for a head, from
// the logits of its tokens for a token reporter.
//
// Throws ArgumentError (bad_data) where the part has no rows or the neuron no range; (wrong_site)
// where the reporter reads before the neuron, so that no patch can reach it; (out_of_range) for a
// target or token that is not there; (usage) for a grid of fewer than 2 doses; CheckError where no
// dose changed the neuron.
template <class T>
PatchStudy study_patches(const ReportModel<T>& model, const PatchStudyOptions& options);

}  // namespace gnomon
