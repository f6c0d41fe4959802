// SPDX-License-Identifier: Apache-2.0
// in: a study of raw weights   out: its directions as the original study computed them, and the way
// from there to how they are computed here
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/analyses/projections.h"
#include "gnomon/analyses/study.h"
#include "gnomon/model/weights.h"

namespace gnomon {

struct OriginalStep {
  std::string name;      // "+ attention"
  std::string quantity;  // what is correlated with the activation after the step
  std::string why;       // what was wrong before it
  std::optional<double> r;
  Index n_row = 0;
};

// One of the four projections of the original study. The first step is its own definition, the last
// one the direction of this name here.
struct OriginalDirection {
  std::string name;  // "head", "input", "output", "neuron_dir"
  std::string here;  // name of the DirectionResult: "head", "input", "output", "final"
  std::string why;   // why one of the two does not exist; the steps then end where it would stand
  std::vector<OriginalStep> steps;
};

// The original study read weights and streams as TransformerLens makes them (norms folded into the
// weights behind them; streams and what is written to them centred where the norm is a LayerNorm),
// took the input from hook_resid_pre without the norm, and correlated over all rows, those of the
// training part too. Without the bias, which no correlation sees. For a coordinate of the stream it
// took the weights of the neuron of the same number.
//
// Throws ArgumentError for a study of processed weights.
template <class T>
std::vector<OriginalDirection> original_definitions(const StudyData& data,
                                                    const Weights<T>& weights,
                                                    const ProjectionAnalysis& analysis);

}  // namespace gnomon
