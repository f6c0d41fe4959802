// SPDX-License-Identifier: Apache-2.0
// in: a study and the features of probes   out: the reports that a reporter is compared with
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/probe.h"
#include "gnomon/analyses/selectivity.h"
#include "gnomon/analyses/study.h"

namespace gnomon {

// What a row of the evaluation is. Stored by these names.
//   reporter  what is evaluated
//   floor     what can be reported without reading the neuron: the reporter has to beat it
//   ceiling   what can be reported from the neuron, or linearly from a site
//   control   the same pipeline where there is nothing to report, or something else
enum class EvaluationKind { reporter, floor, ceiling, control };
std::string_view evaluation_kind_name(EvaluationKind kind);

// A site's numbers, one row for each row of the study; a view of the caller's.
struct FeatureSite {
  std::string site;  // "blocks.11.hook_resid_post"
  MatrixView<const double> rows;
};

// What the probes read. All of the model that the target was measured on, except that `reporter`
// may be of the trained one.
struct EvaluationFeatures {
  FeatureSite reporter;                  // where the reporter reads
  std::optional<FeatureSite> embedding;  // blocks.0.hook_resid_pre
  std::optional<FeatureSite> resid_mid;  // of the target's block; a parallel block has none
  std::optional<FeatureSite> resid_post;
};

// The activation of another target on the same rows.
struct OtherLabels {
  std::string name;                // "blocks.8.mlp.hook_post[7]"
  std::vector<double> activation;  // of every row of the study
};

struct ReferenceOptions {
  Part scored = Part::test;
  Index n_permutation = 9;  // of the labels; odd, so that there is a median
  ProbeOptions probe = {};  // its seed is replaced by `seed`
  BootstrapOptions bootstrap = {};
  std::uint64_t seed = 0;  // of folds, permutations, the control task, the order of the online code
};

// Reports of the scored rows by something other than the reporter.
struct ReferenceReport {
  std::string name;
  EvaluationKind kind = EvaluationKind::floor;
  std::string definition;
  std::vector<double> report;  // [scored rows]; empty where there is none
  std::vector<double> truth;   // [scored rows]; empty: the activation
  std::string why;             // why there is no report
};

// Does not depend on the reporter beyond the site that it reads: several seeds share one.
struct EvaluationReferences {
  Part scored = Part::test;
  std::vector<Index> training_rows;
  std::vector<Index> scored_rows;
  std::vector<double> truth;  // [scored rows] the activation
  std::vector<Index> group;   // [scored rows]
  std::string feature_site;
  std::vector<ReferenceReport> reports;
  std::vector<double> permuted_r2;  // R²(identity) of each permutation, ascending
  std::vector<OtherLabels> others;
  Selectivity selectivity;
  BootstrapOptions bootstrap;
};

// Everything is fitted on training rows and reports the scored rows:
//
//   floors    mean, lookup, length, position, last_token, unigram (analyses/baselines.h);
//             length_position, a plane through both; permuted_labels, the ridge head on labels
//             rearranged by group, the permutation with the median R²; embedding, a ridge head on
//             the embedding layer
//   ceilings  neuron, the target computed again from the stream around it: R² = 1 but for rounding
//             shows that the truth is what its name says; ridge, at the reporter's site; ridge_mid
//             and ridge_post, at the target's own block
//   controls  control_task (analyses/selectivity.h); other_labels NAME, the ridge head for another
//             target
//
// ids[t] are the tokens of text t. Throws ArgumentError (bad_data) for fewer than 2 training
// groups, no scored row, or an activation that is constant on training or scored rows; (usage) for
// an even n_permutation; ShapeError; NumericError for features that are not finite.
EvaluationReferences measure_references(const StudyData& data,
                                        std::span<const std::vector<TokenId>> ids,
                                        const EvaluationFeatures& features,
                                        std::vector<OtherLabels> others,
                                        const ReferenceOptions& options);

// The ridge head on the features of a randomly initialised model, for the real labels: what the
// texts and the architecture tell without any training. `features` are that model's, at the
// reporter's site and the study's rows.
ReferenceReport random_model_control(const StudyData& data, const FeatureSite& features,
                                     const EvaluationReferences& references,
                                     const ReferenceOptions& options);

}  // namespace gnomon
