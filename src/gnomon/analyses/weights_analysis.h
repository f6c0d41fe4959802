// SPDX-License-Identifier: Apache-2.0
// in: a trained reporter and its start   out: which direction its report reads, by weights
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/analyses/compared_directions.h"
#include "gnomon/analyses/read_out_comparison.h"
#include "gnomon/analyses/write_share.h"

namespace gnomon {

struct WeightsOptions {
  std::uint64_t seed = 0;
  Index n_other = 1000;   // neurons of the layer in the null, drawn where there are more
  Index n_random = 1000;  // directions with the stream's covariance
  Index n_component = 3;
  Index n_refit = 100;    // of a ridge head
  Index max_rows = 1000;  // held-out rows whose gradients are taken, drawn where there are more
  Index n_bootstrap = 1000;
  double level = 0.95;
  RunOptions run = {};
};

// A site of the stream at which the report is compared with directions.
//   feature  where the head reads, or whose logits report
//   written  where the target's number has just been added: after the target's block, at the
//            target's token, with everything that follows as part of the read-out
struct ReadOutPlace {
  std::string name;
  std::string why;  // why nothing is compared there; then the rest is empty
  std::optional<ReadOut> read_out;
  double intensity = 0;                // ReadOutComparison::intensity
  std::optional<double> start_cosine;  // of the mean read-outs before and after training
  std::optional<double> start_length;
  std::vector<ComparedDirection> components;
  std::optional<WriteShare> share;
  std::string why_no_share;
};

struct WeightsAnalysis {
  std::vector<Index> rows;  // held-out rows of the read-outs and shares
  std::vector<Index> training_rows;
  Index n_distinct = 0;  // text groups among `rows`
  std::vector<ReadOutPlace> places;
  std::vector<ComparedDirection> directions;  // of the target, in the trained model
  std::vector<ReadOutCosine> cosines;         // of all places, one family of tests for each null
  std::vector<WeightChange> changes;          // of the neuron's own weights; empty for coordinates
};

// `trained` and `start` are one reporter with its best checkpoint and as it was made; `after` and
// `before` hold the same target (number `target` of the reporter), measured with the model of each
// on the rows of the reporter's data. Throws as compare_read_out does, and ArgumentError (bad_data)
// where there is no held-out row.
template <class T>
WeightsAnalysis analyse_weights(const ReportModel<T>& trained, const ReportModel<T>& start,
                                Index target, const StudyData& after, const StudyData& before,
                                const WeightsOptions& options);

}  // namespace gnomon
