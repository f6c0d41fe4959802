// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/detail/report_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/detail/csv_columns.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/folder_of_runs.h"
#include "gnomon/report/report_folder.h"
#include "gnomon/report/run_list.h"
#include "gnomon/report/study_files.h"

namespace gnomon::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLadderCheck = "ladder_";
constexpr const char* kProjectionRows = "analysis/projections.csv";
constexpr const char* kPrompts = "data/prompts.jsonl";
// Of a selection: rows evenly spaced by activation, and those with the largest errors.
constexpr std::size_t kSpacedRows = 2000;
constexpr std::size_t kExtremeRows = 100;

std::optional<double> finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

// Lines of a file of the run whose hash is that of run.json.
std::string listed_text(const StoredRun& run, const char* name) {
  std::string text = read_text_file(run.file(name));
  const auto listed = run.manifest.files.find(name);
  if (listed != run.manifest.files.end() && sha256_hex(text) != listed->second.sha256)
    throw FileError(fmt::format("\"{}\" was changed after the run", (run.path / name).string()),
                    "run the command again to have the file as it was");
  return text;
}

std::vector<Json> read_prompts(const StoredRun& run) {
  std::vector<Json> prompts;
  if (!has_file(run, kPrompts)) return prompts;
  const std::string text = listed_text(run, kPrompts);
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    prompts.push_back(parse_json(std::string_view(text).substr(start, end - start), kPrompts));
    start = end + 1;
  }
  return prompts;
}

std::optional<std::int64_t> token_at(const Json& prompt, std::int64_t position) {
  const Json& ids = child_at(prompt, "token_ids");
  if (!ids.is_array() || position < 0 || static_cast<std::size_t>(position) >= ids.size())
    return std::nullopt;
  const Json& id = ids[static_cast<std::size_t>(position)];
  return id.is_number_integer() ? std::optional(id.get<std::int64_t>()) : std::nullopt;
}

// The reports of the first training, one a row of the data; NaN where there are none.
std::vector<double> stored_reports(const StoredRun& run, std::size_t n_row) {
  std::vector<double> none(n_row, std::nan(""));
  const std::vector<std::string> trainings = training_folders(run);
  if (trainings.empty()) return none;
  const std::string name = trainings.front() + "/reports.csv";
  if (!has_file(run, name)) return none;
  const CsvColumns columns(listed_text(run, name.c_str()), name);
  for (const std::string& column : columns.names()) {
    if (column.starts_with("report ") && columns.n_row() == n_row) return columns.numbers(column);
  }
  return none;
}

ReportRows read_rows(const StoredRun& run) {
  ReportRows result;
  if (!has_file(run, kProjectionRows)) return result;
  const CsvColumns columns(listed_text(run, kProjectionRows), kProjectionRows);
  std::vector<std::vector<double>> projections;
  for (const std::string& name : columns.names()) {
    if (!columns.has(name + "_unit")) continue;
    result.projections.push_back(name);
    projections.push_back(columns.numbers(name));
  }
  const std::vector<double> text_ids = columns.numbers("text_id");
  const std::vector<double> positions = columns.numbers("position");
  const std::vector<double> activations = columns.numbers("activation");
  const std::vector<std::string> parts = columns.texts("split");
  const std::vector<std::string> texts = columns.texts("text");
  std::vector<double> reports = stored_reports(run, columns.n_row());
  const auto head = std::ranges::find(result.projections, "head");
  // A run without trainings reports by its head.
  if (training_folders(run).empty() && head != result.projections.end())
    reports = projections[static_cast<std::size_t>(head - result.projections.begin())];
  const std::vector<Json> prompts = read_prompts(run);
  result.n_row = static_cast<std::int64_t>(columns.n_row());
  for (std::size_t i = 0; i < columns.n_row(); ++i) {
    ReportRow row;
    row.row = static_cast<std::int64_t>(i);
    row.part = parts[i];
    row.position = static_cast<std::int64_t>(positions[i]);
    row.activation = finite(activations[i]);
    row.report = finite(reports[i]);
    for (const std::vector<double>& column : projections)
      row.projections.push_back(finite(column[i]));
    row.text = texts[i];
    if (const auto id = static_cast<std::size_t>(text_ids[i]); id < prompts.size())
      row.token = token_at(prompts[id], row.position);
    result.rows.push_back(std::move(row));
  }
  return result;
}

void keep_a_selection(ReportRows& rows) {
  if (rows.n_row <= kMostReportRows) return;
  const auto error = [&](std::size_t i) {
    const ReportRow& row = rows.rows[i];
    return row.activation && row.report ? std::abs(*row.activation - *row.report) : 0.0;
  };
  std::vector<std::size_t> order(rows.rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return rows.rows[a].activation.value_or(0) < rows.rows[b].activation.value_or(0);
  });
  std::set<std::size_t> kept;
  for (std::size_t i = 0; i < kSpacedRows; ++i)
    kept.insert(order[i * (order.size() - 1) / (kSpacedRows - 1)]);
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return error(a) > error(b); });
  kept.insert(order.begin(), order.begin() + kExtremeRows);
  std::vector<ReportRow> selection;
  for (const std::size_t i : kept) selection.push_back(std::move(rows.rows[i]));
  rows.rows = std::move(selection);
}

std::string command_of(const RunResults& results) {
  // Derived runs say it in their configuration; others by what was typed.
  std::string command = setting_text(results, "command");
  const std::vector<std::string>& argv = results.run.manifest.argv;
  for (std::size_t i = 1; command.empty() && i < argv.size(); ++i) {
    if (!argv[i].starts_with("-")) command = argv[i];
  }
  return command;
}

// Finished runs in the same folder of runs that studied this one, the latest of each command.
std::vector<RunResults> derived_runs(const RunResults& main) {
  std::vector<RunResults> found;
  if (training_folders(main.run).empty()) return found;
  for (const ListedRun& listed : list_runs(folder_of_runs(main.run.path))) {
    if (!listed.run || listed.run->manifest.status != RunStatus::done) continue;
    if (!has_file(*listed.run, "analysis/patch.json") &&
        !has_file(*listed.run, "analysis/weights.json"))
      continue;
    RunResults results;
    try {
      results = results_of(*listed.run);
    } catch (const Error&) {
      continue;  // another run that cannot be read is no reason not to report this one
    }
    if (setting_text(results, "run.id") != main.run.manifest.id ||
        setting_text(results, "run.configuration_sha256") != main.run.manifest.configuration_sha256)
      continue;
    const bool known = std::ranges::any_of(
        found, [&](const RunResults& other) { return other.command == results.command; });
    if (!known) found.push_back(std::move(results));
  }
  // A verdict has what the other two have, of one moment.
  const auto verdict = std::ranges::find(found, "verdict", &RunResults::command);
  if (verdict != found.end()) {
    std::vector<RunResults> only;
    only.push_back(std::move(*verdict));
    return only;
  }
  return found;
}

}  // namespace

const Json* RunResults::document(std::string_view path) const {
  const auto entry = documents.find(std::string(path));
  return entry == documents.end() ? nullptr : &entry->second;
}

std::vector<const CheckResult*> RunResults::failed_checks() const {
  std::vector<const CheckResult*> failed;
  for (const CheckResult& check : checks) {
    if (check.status == CheckStatus::fail) failed.push_back(&check);
  }
  return failed;
}

bool RunResults::holds() const {
  const auto failed = failed_checks();
  return std::ranges::all_of(
      failed, [](const CheckResult* check) { return check->id.starts_with(kLadderCheck); });
}

bool RunResults::ladder_holds(std::string_view direction) const {
  const std::string id = std::string(kLadderCheck) + std::string(direction);
  const auto failed = failed_checks();
  return holds() &&
         std::ranges::none_of(failed, [&](const CheckResult* check) { return check->id == id; });
}

const RunResults* ReportData::with(std::string_view path) const {
  if (main.document(path) != nullptr) return &main;
  for (const RunResults& run : derived) {
    if (run.document(path) != nullptr) return &run;
  }
  return nullptr;
}

std::vector<std::string> ReportData::trainings() const { return training_folders(main.run); }

RunResults results_of(const StoredRun& run) {
  RunResults results;
  results.run = run;
  if (has_file(run, "config.resolved.toml")) results.configuration = run.read_configuration();
  for (const auto& [name, record] : run.manifest.files) {
    const bool is_result = name.ends_with(".json") && !name.starts_with(kReportFolder) &&
                           name.find("/checkpoints/") == std::string::npos;
    if (is_result) results.documents.emplace(name, run.read_json(name));
  }
  if (const Json* checks = results.document("checks.json"))
    results.checks = checks_from_json(*checks, "checks.json");
  results.command = command_of(results);
  return results;
}

ReportData report_data(const StoredRun& run) {
  ReportData data;
  data.main = results_of(run);
  data.derived = derived_runs(data.main);
  for (const char* key : {"target.units", "target.unit"}) {
    if (data.target.empty()) data.target = setting_text(data.main, key);
  }
  for (const char* key : {"evaluate.level", "analysis.confidence"}) {
    for (const ConfigEntry& entry : data.main.configuration) {
      if (const auto* level = std::get_if<double>(&entry.value); level && entry.key == key)
        data.level = *level;
    }
  }
  data.rows = read_rows(run);
  keep_a_selection(data.rows);
  return data;
}

std::string setting_text(const RunResults& results, std::string_view key) {
  for (const ConfigEntry& entry : results.configuration) {
    if (entry.key != key) continue;
    if (const auto* text = std::get_if<std::string>(&entry.value)) return *text;
    if (const auto* texts = std::get_if<std::vector<std::string>>(&entry.value))
      return texts->empty() ? "" : texts->front();
    return config_value_text(entry.value);
  }
  return "";
}

std::optional<double> number_at(const Json& object, std::string_view key) {
  const Json& value = child_at(object, key);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::string text_at(const Json& object, std::string_view key) {
  const Json& value = child_at(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

const Json& child_at(const Json& object, std::string_view key) {
  static const Json kNothing;
  if (!object.is_object()) return kNothing;
  const auto entry = object.find(std::string(key));
  return entry == object.end() ? kNothing : *entry;
}

}  // namespace gnomon::detail
