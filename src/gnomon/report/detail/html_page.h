// SPDX-License-Identifier: Apache-2.0
// The shell of a page: everything around its sections.
#pragma once

#include <string>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/report/detail/html_builder.h"
#include "gnomon/report/detail/report_sections.h"

namespace gnomon::detail {

struct HtmlPage {
  std::string title;
  std::string subtitle;
  Html lead;                            // between the title and the sections
  std::vector<ReportSection> sections;  // empty ones are left out
  Json data;  // for the script, as <script type="application/json" id="page-data">
};

// A document that refers to nothing outside itself. Its content security policy admits its own
// style and script by their SHA-256, and images that the page makes itself; nothing else.
std::string render_page(const HtmlPage& page);

}  // namespace gnomon::detail
