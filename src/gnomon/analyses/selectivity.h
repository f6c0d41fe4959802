// SPDX-License-Identifier: Apache-2.0
// in: features, the activation, tokens   out: how much better a probe reads it than random labels
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/online_code.h"
#include "gnomon/analyses/probe.h"
#include "gnomon/stats/report_score.h"
#include "gnomon/tokens/token.h"

namespace gnomon {

// Labels that tell nothing but which token stands at the position: every type of token has a value
// of its own, drawn with replacement from the training activations. Hewitt and Liang 2019,
// arXiv:1909.03368, section 2, for numbers.
struct ControlTask {
  std::vector<double> label;  // of every row
  Index n_type = 0;           // distinct tokens
  double unseen_share = 0;    // of scored rows whose token no training row has
};

// The value of a type depends on `seed` (stream "control task") and on which tokens there are, not
// on the order of rows. Throws ShapeError; ArgumentError (bad_data) for no training or scored row.
ControlTask control_task(std::span<const TokenId> token, std::span<const double> activation,
                         const ProbeRows& rows, std::uint64_t seed);

// The same ridge pipeline on the real labels and on the control task, scored on the same rows.
struct Selectivity {
  ReportScore real;
  ReportScore control;
  BootstrapInterval difference;  // R²(identity) real - control, from the same resamples
  OnlineCode real_code;
  OnlineCode control_code;
  Index n_type = 0;
  double unseen_share = 0;
};

// From probes that were fitted on real labels and on those of `task`.
Selectivity measure_selectivity(MatrixView<const double> features,
                                std::span<const double> activation, const ControlTask& task,
                                const Probe& real, const Probe& control, const ProbeRows& rows,
                                const OnlineCodeOptions& code, const BootstrapOptions& bootstrap);

}  // namespace gnomon
