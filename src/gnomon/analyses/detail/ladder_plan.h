// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/audit_ladder.h"

namespace gnomon::detail {

using Column = std::vector<double>;

struct Operation {
  std::string name;
  std::string quantity;
  bool exact_zero = false;
};

// The quantity of every row with the operations of `mask` applied; bit k is operations[k].
using Evaluate = std::function<Column(unsigned mask)>;

struct LadderPlan {
  std::string direction;
  std::string starts_at;
  std::string first_quantity;
  std::vector<Operation> operations;
  Evaluate evaluate;
  Column rounding;  // bound on the rounding error of each row's activation and stream, for the
                    // tolerance
};

Column column_times(MatrixView<const double> rows, const Column& w);
Column minus(const Column& a, const Column& b);

// The scored rows of a study, with what the ladders share.
struct Scored {
  const StudyData& data;
  std::vector<Index> rows;
  Tensor<double> pre_stream, post_stream, final_stream;
  Tensor<double> mid_stream;   // resid_mid; in a parallel block the sum resid_pre + attn_out
  Tensor<double> read_stream;  // what the MLP reads: resid_mid; in a parallel block resid_pre
  Column truth;
  std::vector<Index> group;
  NormKind norm_kind = NormKind::layer_norm;
  Column scale;  // σ of ln2 at read_stream

  Scored(const StudyData& study, std::span<const Index> scored_rows);
};

// Of a neuron: what it reads, by the mean gradient and by each branch where it is gated. None for
// other targets.
std::vector<LadderPlan> input_plans(const Scored& scored, const GatedInput& mean_gradient);
// The target's write in the stream where it was added, or in the final one.
LadderPlan write_plan(const Scored& scored, bool at_final);
LadderPlan head_plan(const Scored& scored, const LinearHead& head,
                     std::span<const Index> training_rows);

}  // namespace gnomon::detail
