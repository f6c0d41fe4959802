// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "train/reporter_cases.h"

namespace gnomon::test {

// A report of neuron 3 of block 0 whose head has this weight, in units of the activation, on the
// stream right after that block, so that nothing lies between the neuron's write and the head.
inline ReportModel<double> planted_head(const Model& model, const std::vector<double>& weight) {
  const auto data = tiny_reporter_data(model, 60, {3});
  data->feature_site.site = {HookKind::resid_post, 0, std::nullopt};
  TrainOptions options;
  options.seed = 2;
  ReportModel<double> report(model, data, options, {});
  std::vector<double> own = weight;
  for (double& w : own) w /= report.reporter().labels().sd[0];
  report.reporter().head().set_linear(0, own, 0.3);
  return report;
}

}  // namespace gnomon::test
