// SPDX-License-Identifier: Apache-2.0
// in: a study of directions   out: subspaces.json (docs/formats/patch.md) and the terminal's tables
#pragma once

#include <string>

#include "gnomon/analyses/subspace_patch.h"
#include "gnomon/base/json.h"
#include "gnomon/report/text_table.h"

namespace gnomon {

// assets/schema/subspaces.schema.json without its "$schema", which RunDirectory adds.
Json subspace_json(const SubspaceStudy& study);
std::string subspace_text(const SubspaceStudy& study, const TextStyle& style);

}  // namespace gnomon
