// SPDX-License-Identifier: Apache-2.0
// in: a study   out: the four directions against the true activation, with their nulls and
// baselines
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/audit_ladder.h"
#include "gnomon/analyses/baselines.h"
#include "gnomon/analyses/cosines.h"
#include "gnomon/analyses/study.h"
#include "gnomon/stats/bootstrap.h"
#include "gnomon/stats/correlation.h"
#include "gnomon/stats/ridge.h"

namespace gnomon {

struct ProjectionOptions {
  std::uint64_t seed = 0;
  Index n_bootstrap = 2000;
  double level = 0.95;
  Index n_random_direction = 1000;
  Index n_other_neuron = 200;
  Index n_label_shuffle = 100;
  // A head that was trained on blocks.{n_layers-1}.hook_resid_post, in place of the ridge head.
  std::optional<LinearHead> head = {};
};

// How a correlation stands to those of directions that have nothing to do with the target: where
// |r| falls among theirs, 0 to 100, and the |r| that 97.5 % of them stay below.
struct NullRank {
  double percentile = 0;
  double abs_r_upper = 0;
  Index n = 0;
};

// Ends the definition of a head that is the reporter's own. Where the reporter reads elsewhere than
// the last stream at the target's position, the head is ridge regression there.
inline constexpr std::string_view kReporterHead = "the reporter's head";

// One direction, projected on the stream at the site where it is read or was written, against the
// activation. Statistics are of the scored rows; absent numbers have their reason in `why`.
struct DirectionResult {
  std::string name;        // head, input, input_gate, input_up, output, final
  std::string site;        // "blocks.8.ln2.hook_out"
  std::string definition;  // "ln2.hook_out · W_in[:, 481] + b_in[481]"
  std::string why;  // why the direction does not exist for this target; then nothing below is set

  std::vector<double> weight;
  double bias = 0;
  std::vector<double> projection;  // of every row of the study, bias included
  double length = 0;               // |weight|: projection / length is along the unit vector

  std::optional<double> r;
  std::optional<Interval> interval;         // cluster bootstrap over text groups
  std::optional<Interval> fisher_interval;  // with n = distinct text groups
  std::optional<double> r2_fit;
  std::optional<double> r2_identity;
  std::optional<double> p;
  std::optional<double> log10_p;
  std::optional<double> p_holm;
  std::optional<double> log10_p_holm;
  std::optional<double> spearman;
  std::optional<NullRank> random_directions;  // with the covariance of the stream at that site
  std::optional<NullRank> other_neurons;      // the same read or write of the layer's other neurons

  bool defined() const { return why.empty(); }
};

struct ProjectionAnalysis {
  std::vector<Index> training_rows;
  std::vector<Index> scored_rows;  // test rows
  Index n_row = 0;                 // scored rows
  Index n_distinct = 0;            // distinct text groups among them
  RidgeCv ridge;                   // the head, fitted on training rows
  LinearHead head;
  GatedInput mean_gradient;
  std::vector<DirectionResult> directions;
  std::vector<std::string> correlation_labels;  // "activation", then the directions that exist
  CorrelationMatrix correlations;
  std::vector<CosineResult> cosines;
  std::vector<BaselineResult> baselines;
};

// Throws ArgumentError (bad_data) where the training or scored rows are fewer than 2, or the
// activation is constant on them.
template <class T>
ProjectionAnalysis analyse_projections(const StudyData& data, const Weights<T>& weights,
                                       const ProjectionOptions& options);

}  // namespace gnomon
