// SPDX-License-Identifier: Apache-2.0
// in: the streams of a study   out: the neuron computed from them, in double
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "gnomon/analyses/study.h"

namespace gnomon {

// The weights of the gate's and of the up branch's read direction in "input" of a gated neuron.
struct GatedInput {
  double gate = 0;
  double up = 0;
};

// The mean over `rows` of the derivative of post with respect to both pre-activations: the
// direction that a small change of the norm's output moves the neuron in, on average.
GatedInput mean_gated_gradient(const StudyData& data, std::span<const Index> rows);

// post for given pre-activations; `pre_linear` is ignored unless gated.
std::vector<double> neuron_post(const ModelConfig& config, std::span<const double> pre,
                                std::span<const double> pre_linear);

// ln2 at every row of the study, from the stream that was captured; only for neurons.
struct NormedStream {
  Tensor<double> out;  // ln2.hook_out
  std::vector<double> mean;
  std::vector<double> scale;
};
NormedStream normed_stream(const StudyData& data);

// The target of every row, computed in double from the streams that were captured around it: a
// neuron from the stream that its MLP reads through its norm, its weights and its activation
// function; a coordinate of the stream, or of what is added to it, from the stream before and after
// (in a parallel block, what attention adds from hook_attn_out). Empty where the study holds no
// such streams, as one that was not measured by measure_study.
std::optional<std::vector<double>> recomputed_target(const StudyData& data);

// A pre-activation of every row of the study, from the stream that was captured.
struct NormedRead {
  std::vector<double> value;  // n2 · w + b of each row, computed from the stream in double
  std::vector<double> bound;  // bound on the rounding error of a float32 evaluation
};
NormedRead normed_read(const StudyData& data, const std::vector<double>& read, double bias);

}  // namespace gnomon
