// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/study.h"

namespace gnomon {

// A prediction of the activation that looks at nothing, or at next to nothing: what a report has to
// beat.
struct BaselineResult {
  // "mean", "lookup", "length", "position", "last_token", "unigram", "ridge", "shuffled_labels"
  std::string name;
  std::string definition;
  std::optional<double> r;
  std::optional<double> r2_identity;  // of the scored rows, nothing refitted there
  std::string why;                    // why r is absent
};

// What a baseline says about the predicted rows, in activation units, before it is scored.
struct BaselinePrediction {
  std::string name;
  std::string definition;
  std::vector<double> value;  // [predicted rows]
};

// Fitted on the training rows:
//   mean         the training mean
//   lookup       the mean of training rows of the same text group and position
//   length       a line through the number of tokens
//   position     a line through the token's index in its text
//   last_token   the mean of training rows with the same token
// Look-ups that find nothing give the training mean. Throws ArgumentError (bad_data) where there is
// no training row.
std::vector<BaselinePrediction> simple_predictions(const StudyData& data,
                                                   std::span<const Index> training_rows,
                                                   std::span<const Index> predicted_rows);

// Bounds of the ridge problem of `unigram`, so that its cost is bounded too: its Gram matrix has at
// most kUnigramTokens rows.
inline constexpr Index kUnigramTokens = 1024;
inline constexpr Index kUnigramRows = 8192;

//   unigram      ridge regression on how often each token stands in the text up to the row's
//                position; lambda by cross-validation over text groups, in 5 folds or one for each
//                of fewer groups
// What follows the position cannot reach it in a causal model, so it is not counted. Features are
// the kUnigramTokens tokens that the most training rows have (ties: the smaller id) among those
// that at least two have; of more than kUnigramRows training rows, as many are drawn from the
// stream "unigram" of `seed`. Where no token is shared, or the training rows are of
// one text group, the prediction is the training mean and the definition says so.
//
// ids[t] are the tokens of text t of `data`; data needs text, position, group and activation only.
BaselinePrediction unigram_prediction(const StudyData& data,
                                      std::span<const std::vector<TokenId>> ids,
                                      std::span<const Index> training_rows,
                                      std::span<const Index> predicted_rows, std::uint64_t seed);

// Scores a prediction of the rows that `truth` belongs to.
BaselineResult score_baseline(const BaselinePrediction& prediction, std::span<const double> truth);

// The predictions above, scored on the scored rows.
std::vector<BaselineResult> simple_baselines(const StudyData& data,
                                             std::span<const Index> training_rows,
                                             std::span<const Index> scored_rows);
BaselineResult unigram_baseline(const StudyData& data, std::span<const std::vector<TokenId>> ids,
                                std::span<const Index> training_rows,
                                std::span<const Index> scored_rows, std::uint64_t seed);

}  // namespace gnomon
