// SPDX-License-Identifier: Apache-2.0
// in: a run   out: Jupyter notebooks that recompute its numbers, docs/formats/notebook.md
//
// The cells are the files of notebooks/, in the percent format of Jupytext:
//
//   # %% [markdown] id=data-title           a Markdown cell; its lines begin with "# "
//   # %% id=data-loading if=neuron,gated    a code cell, left out where a condition does not hold
//   # %% id=parameters tags=parameters
//
// {{name}} stands for a text of the run. Numbers are never filled in: cells read them from the run.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/report/report_formats.h"
#include "gnomon/report/run_directory.h"

namespace gnomon {

struct NotebookCell {
  std::string id;  // stable: pages link to it. 1 to 64 of a-z, 0-9 and "-"
  bool is_code = false;
  std::vector<std::string> tags;
  std::string source;
};

struct Notebook {
  std::string name;  // "projection_analysis.ipynb"
  std::vector<NotebookCell> cells;
};

// nbformat 4.5, without outputs. Sources are lists of lines.
Json notebook_json(const Notebook& notebook);

// The notebooks of a run: projection_analysis where it has a study of projections,
// linear_weights_analysis where it has a weights analysis, activation_patching where it has a patch
// study; none for other runs. `execution_note` stands in the first cell. Throws FileError where a
// file of the run is missing or not valid.
std::vector<Notebook> run_notebooks(const StoredRun& run, std::string_view execution_note);

// What stands in the first cell.
inline constexpr std::string_view kExecutedNote =
    "Every output below comes from running the cells in this order: `gnomon report` did it, on the "
    "run beside this file. To do it again, use \"Restart and run all\".";
std::string not_executed_note(std::string_view why);

struct ExecutedNotebook {
  std::string content;                 // of the .ipynb file
  std::optional<std::string> why_not;  // why it has no outputs, in one line
};

// Runs the cells of run_notebooks(run, ...)[index] with `python`, found through the search path,
// which needs nbclient, nbformat, ipykernel, numpy and matplotlib: outputs come from nowhere else.
// Times, and what depends on the Python that did it, are left out of the file, so that two
// executions can be compared. Where Python or a package is missing, the notebook is delivered
// without outputs and says why in its first cell. Throws CheckError where an assertion of a cell
// fails: then a number of the run is not what its tensors give.
ExecutedNotebook execute_notebook(const StoredRun& run, std::size_t index,
                                  const std::string& python);

// The notebooks of a run as files of its report.
ReportFiles notebook_report(const StoredRun& run, const std::string& python);

}  // namespace gnomon
