// SPDX-License-Identifier: Apache-2.0
// in: what a sweep asks of a run   out: the site it is read at, its value and its gradient there
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/activations/patch.h"
#include "gnomon/analyses/report_reader.h"

namespace gnomon {

// Two texts of equal token count whose runs are patched into each other.
struct SweepCase {
  Index clean = 0;  // of the texts
  Index corrupted = 0;
  Index read_position = 0;  // token at which the metric is read
  Index group = 0;          // the unit of resampling
  TokenId answer = 0;       // logit difference and loss
  TokenId other = 0;        // logit difference
};

// What is measured. Stored by these names.
enum class SweepMetricKind { report, logit_difference, loss };
std::string_view sweep_metric_name(SweepMetricKind kind);

template <class T>
struct SweepMetric {
  SweepMetricKind kind = SweepMetricKind::report;
  PatchReadOut read_out;
  std::string definition;
  // Of a row of the read-out: its columns, or all numbers of the site.
  std::function<double(const SweepCase&, std::span<const T> row)> value;
  std::function<std::vector<double>(const SweepCase&, std::span<const T> row)> gradient;
};

// The report of a reporter, in units of the activation. The reader must outlive the metric.
template <class T>
SweepMetric<T> report_metric(const ReportReader<T>& reader);

// logit[answer] - logit[other]; the cases say which tokens. Only their columns are read.
template <class T>
SweepMetric<T> logit_difference_metric(std::span<const SweepCase> cases);

// -log softmax(logits)[answer], in nats.
template <class T>
SweepMetric<T> loss_metric();

}  // namespace gnomon
