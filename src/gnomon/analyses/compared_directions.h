// SPDX-License-Identifier: Apache-2.0
// in: a target and its model   out: the directions a read-out is compared with, with their nulls
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/study.h"
#include "gnomon/directions/direction.h"

namespace gnomon {

// What a direction of the stream is.
//   read       what the target is computed from: a filter, dot products with the stream are formed
//   write      what the target adds to the stream: a pattern
//   component  a principal component of the stream: both
enum class DirectionKind { read, write, component };
std::string_view direction_kind_name(DirectionKind kind);

// One direction in the coordinates of the residual stream, as the checkpoint has it, and what
// stands in its place in the null.
struct ComparedDirection {
  std::string name;  // "input", "input_gate", "input_up", "output", "basis", "pc1", ...
  DirectionKind kind = DirectionKind::read;
  std::string definition;
  std::vector<double> vector;  // [d_model]
  Tensor<double> others;       // [n, d_model] the same of the layer's other neurons; may be empty
  std::string why_no_others;   // why it is

  double length() const { return norm(vector); }
};

struct ComparedDirectionOptions {
  std::uint64_t seed = 0;
  Index n_other = 1000;
  Index n_component = 3;
};

// Reads and write of the study's target with the weights of `weights`, which are those the study
// was measured with.
//
//   neuron, ungated  input: W_in[:, n] with the norm's weight folded in (folded_read)
//   neuron, gated    input_gate, input_up: both branches, folded; of hook_post also input, their
//                    mean gradient over `training_rows` (mean_gated_gradient)
//   neuron           output: W_out[n]
//   coordinate       basis: e_i; its others are other basis vectors
template <class T>
std::vector<ComparedDirection> target_directions(const StudyData& data, const Weights<T>& weights,
                                                 std::span<const Index> training_rows,
                                                 const ComparedDirectionOptions& options);

// The first principal components of `stream` [n_row, d_model], with the share of its variance that
// each has.
std::vector<ComparedDirection> stream_components(MatrixView<const double> stream,
                                                 const ComparedDirectionOptions& options);

}  // namespace gnomon
