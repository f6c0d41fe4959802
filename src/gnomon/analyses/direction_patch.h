// SPDX-License-Identifier: Apache-2.0
// in: a model with its reporter   out: what the report does when the stream is moved the way that
// the neuron reads it, the neuron itself held
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/activations/patch.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/stats/bootstrap.h"
#include "gnomon/train/report_model.h"

namespace gnomon {

struct DirectionPatchOptions {
  Index target = 0;      // of the reporter's targets
  Index n_random = 39;   // directions of the same length with the stream's covariance
  Index max_rows = 200;  // rows of each part that are used, drawn where there are more
  BootstrapOptions bootstrap = {};
  std::uint64_t seed = 0;
  PatchOptions patch = {};
};

// The report's gain on the neuron's input, with the neuron held.
//
// The direction u is g / |g|², with g the mean over training rows of the gradient of the neuron's
// activation with respect to what its block's MLP reads (resid_mid, in a parallel block resid_pre)
// at its token: moving that by δ u would raise the activation by δ, to first order. Here δ u is
// added to resid_post of that block, where the neuron has been computed already and keeps its
// value: a report that follows reads what the neuron reads, not what it writes.
//
//   gain = mean over rows of (report at +δ - report at -δ) / (2 δ)      δ = sd of the activation
//
// 1 where the report computes the neuron again from the stream, 0 where it does not look there.
struct DirectionPatch {
  std::string target;
  std::string site;  // "blocks.8.hook_resid_post@last", where the stream is moved
  std::string read_out;
  double step = 0;       // δ, in units of the activation
  double length = 0;     // |δ u|, to hold beside the stream's own spread
  double stream_sd = 0;  // of the stream along u, over training rows, in lengths of u
  Index n_row = 0;
  Index n_group = 0;
  BootstrapInterval gain;  // by text group
  // Random directions v of u's length: mean over rows of the same quotient.
  std::vector<double> random_gains;
  double percentile = 0;  // of |gain| among theirs, 0 to 100
  double p_value = 1;     // (1 + n at least as large in magnitude) / (1 + n)
  double largest_report_change = 0;
  CheckResult check;  // some of the runs, made again the plain way
};

// Throws ArgumentError (wrong_site) where the target is no neuron after its activation function or
// the report is read before resid_post of its block; (bad_data) where the neuron's mean gradient or
// spread is 0.
template <class T>
DirectionPatch patch_read_direction(const ReportModel<T>& model,
                                    const DirectionPatchOptions& options);

}  // namespace gnomon
