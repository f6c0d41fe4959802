// SPDX-License-Identifier: Apache-2.0
// in: what a report reads   out: weights.json, weights.csv (docs/formats/weights.md) and tables
#pragma once

#include <string>

#include "gnomon/analyses/weights_analysis.h"
#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// What the result is about, beside the numbers.
struct WeightsSubject {
  std::string target;    // with its position
  std::string reporter;  // "regression, head trained, trained: after_target"
  std::uint64_t training_seed = 0;
};

Json weights_json(const WeightsSubject& subject, const WeightsAnalysis& analysis,
                  const WeightsOptions& options, const ModelConfig& config);
// A line for each cosine.
CsvTable weights_csv(const WeightsAnalysis& analysis);
std::string weights_text(const WeightsSubject& subject, const WeightsAnalysis& analysis,
                         const ModelConfig& config, const TextStyle& style);

}  // namespace gnomon
