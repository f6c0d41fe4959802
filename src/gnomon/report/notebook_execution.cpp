// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/process.h"
#include "gnomon/base/temporary_folder.h"
#include "gnomon/report/detail/notebook_template.h"
#include "gnomon/report/notebook.h"
#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

// Of notebooks/execute.py.
constexpr int kPackageMissing = 3;
constexpr int kAssertionFailed = 4;

constexpr std::chrono::minutes kTimeout{15};

std::string last_line(const std::string& output) {
  const std::size_t end = output.find_last_not_of('\n');
  if (end == std::string::npos) return "no message";
  const std::size_t begin = output.find_last_of('\n', end);
  const std::size_t from = begin == std::string::npos ? 0 : begin + 1;
  return visible_text(output.substr(from, end + 1 - from));
}

// The same notebook with another note in its first cell.
std::string without_outputs(const StoredRun& run, std::size_t index, std::string_view why) {
  return dump_json(notebook_json(run_notebooks(run, not_executed_note(why)).at(index)));
}

}  // namespace

ExecutedNotebook execute_notebook(const StoredRun& run, std::size_t index,
                                  const std::string& python) {
  const Notebook notebook = run_notebooks(run, kExecutedNote).at(index);
  const TemporaryFolder folder(fs::temp_directory_path(), "gnomon-notebook-");
  const fs::path script = folder.path() / "execute.py";
  const fs::path source = folder.path() / "source.ipynb";
  const fs::path executed = folder.path() / "executed.ipynb";
  write_file_atomic(script, detail::notebook_source("execute.py"));
  write_file_atomic(source, dump_json(notebook_json(notebook)));
  const std::vector<EnvironmentEntry> environment = {
      {"GNOMON_RUN_DIR", fs::absolute(run.path).string()},
      {"IPYTHONDIR", (folder.path() / "ipython").string()},  // no start-up files of the user
      {"JUPYTER_PLATFORM_DIRS", "1"},
      {"PYDEVD_DISABLE_FILE_VALIDATION", "1"},
      {"PYTHONWARNINGS", "ignore"},
  };
  ProcessResult result;
  try {
    result = run_process({python, script.string(), source.string(), executed.string()}, environment,
                         kTimeout);
  } catch (const FileError&) {
    const std::string why = fmt::format("there is no {}", python);
    return {without_outputs(run, index, why), why};
  }
  if (result.exit_status == 0 && !result.timed_out) return {read_text_file(executed), std::nullopt};
  const std::string message = last_line(result.output);
  if (result.exit_status == kAssertionFailed) {
    throw CheckError(fmt::format("{}: {}", notebook.name, message),
                     "the notebook recomputes the run's numbers from its tensors, and one differs");
  }
  const std::string why =
      result.timed_out ? "it took more than 15 minutes"
      : result.exit_status == kPackageMissing
          ? message
          : fmt::format("{} ended with status {}: {}", python, result.exit_status, message);
  return {without_outputs(run, index, why), why};
}

ReportFiles notebook_report(const StoredRun& run, const std::string& python) {
  ReportFiles report;
  const std::vector<Notebook> notebooks = run_notebooks(run, kExecutedNote);
  for (std::size_t i = 0; i < notebooks.size(); ++i) {
    ExecutedNotebook executed = execute_notebook(run, i, python);
    report.files.push_back({notebooks[i].name, std::move(executed.content), false});
    if (executed.why_not)
      report.notes.push_back(
          fmt::format("{} was not executed: {}", notebooks[i].name, *executed.why_not));
  }
  return report;
}

}  // namespace gnomon
