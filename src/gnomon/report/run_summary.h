// SPDX-License-Identifier: Apache-2.0
// in: the final numbers of runs   out: the same side by side, docs/formats/summary.md
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/report/run_directory.h"

namespace gnomon {

inline constexpr const char* kSummaryFile = "summary.json";

// The final numbers of a run: "evaluation.r" -> 0.9. An interval stands beside its number, under
// the same name with ".ci_low" and ".ci_high" behind it. Nothing where a number does not exist; the
// reason is in the file that the number comes from.
using RunSummary = std::map<std::string, std::optional<double>>;

// What RunDirectory::write_json(kSummaryFile, ...) stores. A number that is not finite is null.
// Throws InternalError where a name is not made of letters, digits, "_", "-", "@", "[", "]" and "."
// or has an empty part.
Json summary_json(const RunSummary& summary);
// Throws FileError where `json` is not an object of numbers and nulls.
RunSummary summary_from_json(const Json& json, std::string_view origin);
// Nothing where the run lists no summary.json. Throws FileError as StoredRun::read_json does.
std::optional<RunSummary> read_summary(const StoredRun& run);

struct ComparedValue {
  std::optional<double> value;
  std::optional<double> ci_low;
  std::optional<double> ci_high;
  std::optional<double> difference;  // value - baseline's; nothing for the baseline itself
  // Both have an interval, and these do not overlap. The other way round says little: numbers may
  // differ although their intervals overlap.
  bool apart = false;
};

struct ComparedMetric {
  std::string name;
  std::vector<ComparedValue> values;  // one a run
};

struct ComparedSetting {
  std::string key;
  std::vector<std::optional<std::string>>
      values;  // one a run; nothing where it has no such setting
};

struct RunComparison {
  std::size_t baseline = 0;
  std::vector<ComparedMetric> metrics;    // by name; those that at least one run has
  std::vector<ComparedSetting> settings;  // that differ, the target among them, in their order
  bool same_model = true;                 // SHA-256 of the weights
  bool same_target = true;                // the settings target.unit and target.units
};

// `metrics` chooses numbers by name or by the beginning up to a dot ("evaluation"); all where it is
// empty. Throws ArgumentError for fewer than two runs, for a run without summary.json, and, with
// the nearest name, for a metric that no run has; FileError where a file of a run is not valid.
RunComparison compare_runs(std::span<const StoredRun> runs, std::size_t baseline,
                           std::span<const std::string> metrics);

}  // namespace gnomon
