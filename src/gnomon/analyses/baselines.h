// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/study.h"

namespace gnomon {

// A prediction of the activation that looks at nothing, or at next to nothing: what a report has to
// beat.
struct BaselineResult {
  std::string
      name;  // "mean", "lookup", "length", "position", "last_token", "ridge", "shuffled_labels"
  std::string definition;
  std::optional<double> r;
  std::optional<double> r2_identity;  // of the scored rows, nothing refitted there
  std::string why;                    // why r is absent
};

// Fitted on the training rows, scored on the scored rows:
//   mean         the training mean
//   lookup       the mean of training rows of the same text group and position
//   length       a line through the number of tokens
//   position     a line through the token's index in its text
//   last_token   the mean of training rows with the same token
// Look-ups that find nothing give the training mean.
std::vector<BaselineResult> simple_baselines(const StudyData& data,
                                             std::span<const Index> training_rows,
                                             std::span<const Index> scored_rows);

}  // namespace gnomon
