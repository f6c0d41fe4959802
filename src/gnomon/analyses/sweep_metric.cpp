// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/sweep_metric.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

namespace gnomon {
namespace {

// log Σ exp of the row.
template <class T>
double log_sum_exp(std::span<const T> row) {
  const auto largest = static_cast<double>(*std::ranges::max_element(row));
  double sum = 0;
  for (const T value : row) sum += std::exp(static_cast<double>(value) - largest);
  return largest + std::log(sum);
}

}  // namespace

std::string_view sweep_metric_name(SweepMetricKind kind) {
  constexpr std::array<std::string_view, 3> kNames = {"report", "logit_difference", "loss"};
  return kNames[static_cast<std::size_t>(kind)];
}

template <class T>
SweepMetric<T> report_metric(const ReportReader<T>& reader) {
  SweepMetric<T> metric;
  metric.kind = SweepMetricKind::report;
  metric.read_out = reader.read_out();
  metric.definition = reader.definition();
  metric.value = [&reader](const SweepCase&, std::span<const T> row) {
    return reader.reports({row.data(), 1, static_cast<Index>(row.size())}).front();
  };
  metric.gradient = [&reader](const SweepCase&, std::span<const T> row) {
    return reader.gradient(row);
  };
  return metric;
}

template <class T>
SweepMetric<T> logit_difference_metric(std::span<const SweepCase> cases) {
  SweepMetric<T> metric;
  metric.kind = SweepMetricKind::logit_difference;
  metric.read_out.site = {HookKind::logits, -1, std::nullopt};
  metric.definition = "logit of the answer minus logit of the other token";
  std::vector<Index> columns;
  for (const SweepCase& pair : cases) {
    columns.push_back(pair.answer);
    columns.push_back(pair.other);
  }
  std::ranges::sort(columns);
  columns.erase(std::ranges::unique(columns).begin(), columns.end());
  metric.read_out.columns = columns;
  const auto place = [columns](TokenId token) {
    return static_cast<std::size_t>(std::ranges::lower_bound(columns, Index{token}) -
                                    columns.begin());
  };
  metric.value = [place](const SweepCase& pair, std::span<const T> row) {
    return static_cast<double>(row[place(pair.answer)]) -
           static_cast<double>(row[place(pair.other)]);
  };
  metric.gradient = [place](const SweepCase& pair, std::span<const T> row) {
    std::vector<double> gradient(row.size());
    gradient[place(pair.answer)] += 1;
    gradient[place(pair.other)] -= 1;
    return gradient;
  };
  return metric;
}

template <class T>
SweepMetric<T> loss_metric() {
  SweepMetric<T> metric;
  metric.kind = SweepMetricKind::loss;
  metric.read_out.site = {HookKind::logits, -1, std::nullopt};
  metric.definition = "next-token loss of the answer, in nats";
  metric.value = [](const SweepCase& pair, std::span<const T> row) {
    return log_sum_exp(row) - static_cast<double>(row[static_cast<std::size_t>(pair.answer)]);
  };
  metric.gradient = [](const SweepCase& pair, std::span<const T> row) {
    const double log_sum = log_sum_exp(row);
    std::vector<double> gradient(row.size());
    for (std::size_t c = 0; c < row.size(); ++c)
      gradient[c] = std::exp(static_cast<double>(row[c]) - log_sum);
    gradient[static_cast<std::size_t>(pair.answer)] -= 1;
    return gradient;
  };
  return metric;
}

template SweepMetric<float> report_metric<float>(const ReportReader<float>&);
template SweepMetric<double> report_metric<double>(const ReportReader<double>&);
template SweepMetric<float> logit_difference_metric<float>(std::span<const SweepCase>);
template SweepMetric<double> logit_difference_metric<double>(std::span<const SweepCase>);
template SweepMetric<float> loss_metric<float>();
template SweepMetric<double> loss_metric<double>();

}  // namespace gnomon
