// SPDX-License-Identifier: Apache-2.0
// in: a data set and its leakage   out: text for people
#pragma once

#include <string>

#include "gnomon/analyses/data_set.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// DATA_CARD.md: sources, counts, groups, balance, parts, and per target the distribution and the
// leakage table, in Markdown.
std::string data_set_card(const DataSet& data, const DataSetLeakage& leakage);

// The same in short, for a terminal.
std::string data_set_text(const DataSet& data, const DataSetLeakage& leakage,
                          const TextStyle& style);

}  // namespace gnomon
