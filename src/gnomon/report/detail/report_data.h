// SPDX-License-Identifier: Apache-2.0
// in: a run directory   out: what a report shows of it, read once and checked against its hashes
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/analyses/identity_checks.h"
#include "gnomon/base/json.h"
#include "gnomon/report/resolved_config.h"
#include "gnomon/report/run_directory.h"

namespace gnomon::detail {

// One run directory.
struct RunResults {
  StoredRun run;
  std::string command;  // "run", "projections", "patch", ...
  std::vector<ConfigEntry> configuration;
  std::vector<CheckResult> checks;
  std::map<std::string, Json> documents;  // every .json that the run lists, by its path

  // Null where the run has no such file.
  const Json* document(std::string_view path) const;
  // Whether the numbers of the run are results: no check failed but those of ladders, which are
  // about one ladder each.
  bool holds() const;
  bool ladder_holds(std::string_view direction) const;
  std::vector<const CheckResult*> failed_checks() const;
};

// One row of the data: a text and the token at which the target was measured.
struct ReportRow {
  std::int64_t row = 0;  // of the run's data; data-row of the figures
  std::string part;      // train, val, test
  std::int64_t position = 0;
  std::optional<std::int64_t> token;  // its id
  std::optional<double> activation;
  std::optional<double> report;  // of the first training, or of the head
  std::vector<std::optional<double>> projections;
  std::string text;
};

struct ReportRows {
  std::int64_t n_row = 0;                // of the run; `rows` may be fewer
  std::vector<std::string> projections;  // names of the columns
  std::vector<ReportRow> rows;
};

struct ReportData {
  RunResults main;
  // Of an experiment: the latest finished runs of patch, weights and verdict that stand beside it
  // and studied it as it is now, found by its id and configuration.
  std::vector<RunResults> derived;
  std::string target;  // as the configuration has it; empty where the run has none
  double level = 0.95;
  ReportRows rows;

  // The first run, of this one and the derived, that has the document. Null where none has.
  const RunResults* with(std::string_view path) const;
  // Folders such as "seeds/0/" of the trainings, in order.
  std::vector<std::string> trainings() const;
};

// More rows than this are shown as a selection.
inline constexpr std::int64_t kMostReportRows = 5000;

// Throws FileError where a file that the run lists is missing, was changed, or is not what its name
// says.
ReportData report_data(const StoredRun& run);
RunResults results_of(const StoredRun& run);

// The value of a setting, or empty.
std::string setting_text(const RunResults& results, std::string_view key);

// Of an object's field: nothing where it is absent, null or of another type.
std::optional<double> number_at(const Json& object, std::string_view key);
std::string text_at(const Json& object, std::string_view key);
const Json& child_at(const Json& object, std::string_view key);  // a null value where absent

}  // namespace gnomon::detail
