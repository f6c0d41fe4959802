// SPDX-License-Identifier: Apache-2.0
// in: reports, what the neuron wrote, a read-out   out: the share of the report that is that write
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/read_out.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/stats/bootstrap.h"

namespace gnomon {

// How much of the report's variance is the target's own write, read out:
//
//   share = cov(report, a gain) / var(report)      gain = write · mean read-out
//
// over rows, with a the number that is written (post of a neuron). With a linear head at the stream
// that holds the write, the report is a gain plus what else the head reads, and share and rest are
// the two parts of its variance, their covariance counted half to each. A share may be negative or
// above 1 where the rest works against the write. Of a gradient it is the first-order part.
struct WriteShare {
  std::string place;
  double gain = 0;  // change of the report for a change of a by 1, at the mean read-out
  BootstrapInterval share;
  BootstrapInterval by_row;  // with each row's own read-out: cov(report, a (write · g)) / var
  BootstrapInterval rest;    // 1 - share
};

// `report`, `written` and `groups` [n_row] in the order of read_out.rows. Throws ShapeError.
WriteShare write_share(const std::string& place, std::span<const double> report,
                       std::span<const double> written, const std::vector<double>& write,
                       const ReadOut& read_out, std::span<const Index> groups,
                       const BootstrapOptions& options);

// One of a neuron's weights before and after training.
struct WeightChange {
  std::string name;  // "W_in", "W_gate", "W_out", "b_in"
  double norm_before = 0;
  double norm_after = 0;
  std::optional<double> cosine;           // of before and after; vectors that are not 0
  std::optional<double> relative_change;  // |after - before| / |before|
};

std::vector<WeightChange> weight_changes(const ModelConfig& config, const NeuronWeights& before,
                                         const NeuronWeights& after);

}  // namespace gnomon
