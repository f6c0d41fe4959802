// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/write_share.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

Column centred_column(Column values) {
  const double mean =
      std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  for (double& value : values) value -= mean;
  return values;
}

Column product(const Column& a, const Column& b) {
  Column result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] * b[i];
  return result;
}

WeightChange change_of(const std::string& name, const Column& before, const Column& after) {
  WeightChange change{name, norm(before), norm(after), std::nullopt, std::nullopt};
  Column difference = after;
  for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= before[i];
  if (change.norm_before > 0) change.relative_change = norm(difference) / change.norm_before;
  if (change.norm_before > 0 && change.norm_after > 0)
    change.cosine = dot(before, after) / (change.norm_before * change.norm_after);
  return change;
}

}  // namespace

WriteShare write_share(const std::string& place, std::span<const double> report,
                       std::span<const double> written, const std::vector<double>& write,
                       const ReadOut& read_out, std::span<const Index> groups,
                       const BootstrapOptions& options) {
  if (written.size() != report.size() || groups.size() != report.size() ||
      read_out.rows.size() != report.size()) {
    throw ShapeError(fmt::format("write_share: {} reports, {} written, {} groups, {} read-outs",
                                 report.size(), written.size(), groups.size(),
                                 read_out.rows.size()));
  }
  WriteShare result;
  result.place = place;
  result.gain = dot(write, read_out.mean);
  Column own, by_row;
  for (std::size_t i = 0; i < report.size(); ++i) {
    const std::span<const double> g = std::as_const(read_out.gradient)
                                          .matrix()
                                          .row(read_out.constant ? 0 : static_cast<Index>(i));
    own.push_back(written[i] * result.gain);
    by_row.push_back(written[i] * dot(write, g));
  }
  const Column y = centred_column({report.begin(), report.end()});
  own = centred_column(std::move(own));
  by_row = centred_column(std::move(by_row));
  const std::vector<Column> columns = {
      y, own, product(y, own), by_row, product(y, by_row), product(y, y)};
  const std::vector<std::span<const double>> spans(columns.begin(), columns.end());
  const auto intervals =
      cluster_bootstrap_sums(spans, groups, options, 3, [](const GroupResample& resample) {
        const std::span<const double> s = resample.sums();
        const double n = s[0];
        const double variance = s[6] - s[1] * s[1] / n;
        std::vector<std::optional<double>> values(3);
        // Below this share of the sum of squares the subtraction has lost half of its digits.
        if (!(variance > 1e-8 * s[6])) return values;
        values[0] = (s[3] - s[1] * s[2] / n) / variance;
        values[1] = (s[5] - s[1] * s[4] / n) / variance;
        values[2] = 1 - *values[0];
        return values;
      });
  result.share = intervals[0];
  result.by_row = intervals[1];
  result.rest = intervals[2];
  return result;
}

std::vector<WeightChange> weight_changes(const ModelConfig& config, const NeuronWeights& before,
                                         const NeuronWeights& after) {
  std::vector<WeightChange> changes;
  changes.push_back(change_of(config.gated_mlp ? "W_gate" : "W_in", before.read, after.read));
  if (config.gated_mlp) changes.push_back(change_of("W_in", before.up_read, after.up_read));
  if (before.read_bias != 0 || after.read_bias != 0)
    changes.push_back(change_of("b_in", {before.read_bias}, {after.read_bias}));
  changes.push_back(change_of("W_out", before.write, after.write));
  return changes;
}

}  // namespace gnomon
