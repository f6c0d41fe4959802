// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/selectivity.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "gnomon/analyses/study.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon {
ControlTask control_task(std::span<const TokenId> token, std::span<const double> activation,
                         const ProbeRows& rows, std::uint64_t seed) {
  if (token.size() != activation.size()) {
    throw ShapeError(fmt::format("control_task: {} tokens and {} activations, expected as many",
                                 token.size(), activation.size()));
  }
  if (rows.training.empty() || rows.scored.empty()) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("control_task: {} training and {} scored rows, expected at least 1 of each",
                    rows.training.size(), rows.scored.size()));
  }
  std::map<TokenId, double> value_of;
  for (const TokenId id : token) value_of[id] = 0;
  Random random(seed, "control task");
  for (auto& [id, value] : value_of) {
    const Index row = rows.training[random.below(rows.training.size())];
    value = activation[static_cast<std::size_t>(row)];
  }
  ControlTask task;
  task.n_type = static_cast<Index>(value_of.size());
  for (const TokenId id : token) task.label.push_back(value_of[id]);
  const std::vector<TokenId> training = take(token, rows.training);
  const std::set<TokenId> seen(training.begin(), training.end());
  Index n_unseen = 0;
  for (const TokenId id : take(token, rows.scored)) n_unseen += seen.contains(id) ? 0 : 1;
  task.unseen_share = static_cast<double>(n_unseen) / static_cast<double>(rows.scored.size());
  return task;
}

Selectivity measure_selectivity(MatrixView<const double> features,
                                std::span<const double> activation, const ControlTask& task,
                                const Probe& real, const Probe& control, const ProbeRows& rows,
                                const OnlineCodeOptions& code, const BootstrapOptions& bootstrap) {
  Selectivity result;
  result.n_type = task.n_type;
  result.unseen_share = task.unseen_share;
  const std::vector<double> truth = take(activation, rows.scored);
  const std::vector<double> control_truth = take(task.label, rows.scored);
  const std::vector<Index> group = take(rows.group, rows.scored);
  result.real = score_reports(real.prediction, truth, group, bootstrap);
  result.control = score_reports(control.prediction, control_truth, group, bootstrap);
  result.difference =
      compare_r2({real.prediction, truth}, {control.prediction, control_truth}, group, bootstrap)
          .difference;
  const std::vector<std::span<const double>> labels = {activation, task.label};
  std::vector<OnlineCode> codes = online_codes(features, labels, rows.group, rows.training, code);
  result.real_code = std::move(codes[0]);
  result.control_code = std::move(codes[1]);
  return result;
}

}  // namespace gnomon
