// SPDX-License-Identifier: Apache-2.0
// in: projections as the original study computed them   out: analysis/as_original.json, and what a
// terminal shows of it
#pragma once

#include <span>
#include <string>

#include "gnomon/analyses/original_definitions.h"
#include "gnomon/base/json.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

Json original_definitions_json(std::span<const OriginalDirection> directions);
// A line for each step with its r, and below them what each step puts right.
std::string original_definitions_text(std::span<const OriginalDirection> directions,
                                      const TextStyle& style);

}  // namespace gnomon
