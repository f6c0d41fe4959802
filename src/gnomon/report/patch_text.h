// SPDX-License-Identifier: Apache-2.0
// in: a study of patches   out: what a terminal shows of it, at 80 columns
#pragma once

#include <string>

#include "gnomon/analyses/patch_study.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// The doses, the causal gain with its controls, necessity, sufficiency, how much was moved, and one
// sentence that the verdict's rule chooses.
std::string patch_text(const PatchStudy& study, const TextStyle& style);

}  // namespace gnomon
