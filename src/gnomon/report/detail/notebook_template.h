// SPDX-License-Identifier: Apache-2.0
// in: cells in the percent format of notebooks/   out: cells of one run
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/report/detail/embedded_text.h"
#include "gnomon/report/notebook.h"

namespace gnomon::detail {

// The files of src/gnomon/report/notebooks.
std::span<const EmbeddedText> notebook_sources();
// Throws InternalError where there is no such file.
std::string_view notebook_source(std::string_view name);

// What a run decides about its cells.
struct NotebookFacts {
  std::set<std::string, std::less<>> holds;                // conditions
  std::map<std::string, std::string, std::less<>> values;  // of {{name}}
};

// The cells whose conditions hold, placeholders filled in. Throws InternalError for a source that
// is not in the format, an id that is not valid, and a placeholder without a value.
std::vector<NotebookCell> render_cells(std::string_view source, const NotebookFacts& facts);

}  // namespace gnomon::detail
