// SPDX-License-Identifier: Apache-2.0
// in: what a run found   out: the sentences that its checks and intervals allow
#pragma once

#include <string>
#include <vector>

#include "gnomon/report/detail/report_data.h"

namespace gnomon::detail {

// "neuron 509 of block 2, at the last token"; the target as it is written where it is another site.
std::string target_words(const std::string& target);

std::string question(const ReportData& data);

// Three sentences for a run of trainings or projections: what the report is worth, which direction
// goes with the activation, and the cause. Fewer for other runs. A sentence says "we cannot tell"
// where its interval holds both answers, and a number on which a failed check stands is in none.
std::vector<std::string> findings(const ReportData& data);

// What the numbers do not say, each a sentence: those that hold for the method, and those that this
// run brings about.
std::vector<std::string> limits(const ReportData& data);

}  // namespace gnomon::detail
