// SPDX-License-Identifier: Apache-2.0
// The sections of the HTML report. Each is empty where the run has nothing to show in it.
#pragma once

#include <string>
#include <vector>

#include "gnomon/charts/figure.h"
#include "gnomon/report/detail/html_builder.h"
#include "gnomon/report/detail/report_data.h"

namespace gnomon::detail {

struct ReportSection {
  std::string id;  // of the element; a-z and "-"
  std::string title;
  Html body;
};

// The figures of the run and of what was derived from it, without those whose numbers rest on a
// failed check. Each is taken by the first section that asks for it.
class ReportFigures {
 public:
  explicit ReportFigures(const ReportData& data);
  // Those whose id is `beginning` or begins with it and "-", in their order.
  Html take(std::string_view beginning);
  Html take_rest();

 private:
  std::vector<Figure> figures_;
};

Html figure_html(const Figure& figure);

ReportSection measured_section(const ReportData& data, ReportFigures& figures);
ReportSection results_section(const ReportData& data, ReportFigures& figures);
ReportSection ladder_section(const ReportData& data, ReportFigures& figures);
ReportSection cause_section(const ReportData& data, ReportFigures& figures);
ReportSection controls_section(const ReportData& data, ReportFigures& figures);
ReportSection training_section(const ReportData& data, ReportFigures& figures);
ReportSection data_section(const ReportData& data);
// The table takes about `budget` bytes: long texts are cut for it.
ReportSection texts_section(const ReportData& data, std::size_t budget);
ReportSection checks_section(const ReportData& data);
ReportSection limits_section(const ReportData& data);
ReportSection provenance_section(const ReportData& data);
ReportSection citation_section(const ReportData& data);

// Tables of runs that have neither projections nor a report: a re-audit, a sweep.
Html import_results(const Json& import);
Html sweep_results(const Json& sweep, double level);

// Why results are not shown, or nothing.
Html withheld(const RunResults& results);

}  // namespace gnomon::detail
