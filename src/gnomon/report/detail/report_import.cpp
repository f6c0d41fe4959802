// SPDX-License-Identifier: Apache-2.0
// What a re-audit of the original study's files found.
#include <fmt/format.h>

#include "gnomon/report/detail/report_sections.h"
#include "gnomon/report/text_table.h"

namespace gnomon::detail {
namespace {

Html splits_table(const Json& import) {
  HtmlTable table("Rows of each part", {{"part"},
                                        {"rows", true},
                                        {"distinct texts", true},
                                        {"rows whose text is trained on", true}});
  for (const char* part : {"train", "val", "test"}) {
    const Json& counts = child_at(child_at(import, "splits"), part);
    if (!counts.is_object()) continue;
    table.add_row({html(part), count_cell(number_at(counts, "rows")),
                   count_cell(number_at(counts, "distinct")),
                   count_cell(number_at(counts, "rows_with_text_in_train"))});
  }
  return table.is_empty() ? Html{} : table.render();
}

Html baselines_table(const Json& import) {
  HtmlTable table("What needs no model: R² of predictions from the text alone",
                  {{"baseline"}, {"validation", true}, {"test", true}});
  for (const auto& [name, scores] : child_at(import, "baselines").items()) {
    if (!scores.is_object()) continue;
    table.add_row(
        {html(name), r_cell(number_at(scores, "val_r2")), r_cell(number_at(scores, "test_r2"))});
  }
  return table.is_empty() ? Html{} : table.render();
}

}  // namespace

Html import_results(const Json& import) {
  HtmlTable table(
      "What was found in the files",
      {{"finding"}, {"severity"}, {"what it is"}, {"evidence"}, {"rule that it breaks"}});
  for (const Json& finding : child_at(import, "findings"))
    table.add_row({html(text_at(finding, "id")), html(text_at(finding, "severity")),
                   html(text_at(finding, "title")), html(text_at(finding, "evidence")),
                   html(text_at(finding, "rule"))});
  Html body =
      element("p",
              "fatal: a conclusion of the run does not hold; wrong: a stored number is not "
              "what it is called; weak: the method cannot bear the conclusion; note: what a "
              "reader must know.");
  if (!table.is_empty()) body += table.render();
  return body + splits_table(import) + baselines_table(import);
}

}  // namespace gnomon::detail
