// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/notebook.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/report/detail/notebook_template.h"
#include "report/study_run.h"
#include "support/temporary_folder.h"

namespace gnomon::test {
namespace {

const NotebookCell* cell_of(const Notebook& notebook, std::string_view id) {
  const auto found = std::ranges::find(notebook.cells, id, &NotebookCell::id);
  return found == notebook.cells.end() ? nullptr : &*found;
}

TEST(NotebookTemplate, CellsConditionsTagsAndValues) {
  const std::string source =
      "# A comment before the first cell.\n\n"
      "# %% [markdown] id=title\n# # A {{thing}}\n#\n# Text.\n\n"
      "# %% id=first tags=parameters if=plain\nx = {{number}}\n\n\n"
      "# %% id=second if=plain,gated\ny = 1\n";
  const std::vector<NotebookCell> cells =
      detail::render_cells(source, {{"plain"}, {{"thing", "title"}, {"number", "7"}}});
  ASSERT_EQ(cells.size(), 2U);
  EXPECT_EQ(cells[0].source, "# A title\n\nText.");
  EXPECT_FALSE(cells[0].is_code);
  EXPECT_EQ(cells[1].source, "x = 7");
  EXPECT_EQ(cells[1].tags, std::vector<std::string>{"parameters"});
}

TEST(NotebookTemplate, RefusesWhatItDoesNotKnow) {
  EXPECT_THROW(detail::render_cells("# %% id=a\n{{nothing}}\n", {}), InternalError);
  EXPECT_THROW(detail::render_cells("# %% id=A_b\n", {}), InternalError);
  EXPECT_THROW(detail::render_cells("# %% name=a id=a\n", {}), InternalError);
  EXPECT_THROW(detail::render_cells("# %%\n", {}), InternalError);
  EXPECT_THROW(detail::notebook_source("no such file"), InternalError);
}

TEST(Notebook, EveryTargetOfEveryFamilyHasANotebookWithUniqueIds) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    for (const std::string& target : every_target(tiny_model(family).config())) {
      const TemporaryFolder folder;
      StudyRunOptions options;
      options.family = family;
      options.study.target = target;
      const StoredRun run = write_study_run(folder / "run", options);
      const std::vector<Notebook> notebooks = run_notebooks(run, "A note.");
      ASSERT_EQ(notebooks.size(), 1U) << target;
      EXPECT_EQ(notebooks[0].name, "projection_analysis.ipynb");
      std::set<std::string> ids;
      for (const NotebookCell& cell : notebooks[0].cells) {
        EXPECT_TRUE(ids.insert(cell.id).second) << cell.id;
        EXPECT_EQ(cell.source.find("{{"), std::string::npos) << cell.id;
        EXPECT_FALSE(cell.source.empty()) << cell.id;
        EXPECT_LE(std::ranges::count(cell.source, '\n'), 32) << cell.id;
      }
      const bool neuron = target.find(".mlp.") != std::string::npos;
      EXPECT_EQ(ids.contains("identity"), neuron) << target;
      EXPECT_EQ(ids.contains("ladder-input-start"), neuron) << target;
      EXPECT_TRUE(ids.contains("parameters"));
      EXPECT_EQ(ids.contains("reports"), false);
    }
  }
}

TEST(Notebook, FileIsNbformatFourPointFive) {
  const TemporaryFolder folder;
  const StoredRun run = write_study_run(folder / "run", {});
  const Notebook notebook = run_notebooks(run, not_executed_note("there is no python")).at(0);
  EXPECT_EQ(notebook.cells.front().id, "title");
  EXPECT_NE(notebook.cells.front().source.find("**This notebook was not executed: there is no "
                                               "python.**"),
            std::string::npos);
  const Json json = notebook_json(notebook);
  EXPECT_EQ(json["nbformat"], 4);
  EXPECT_EQ(json["nbformat_minor"], 5);
  EXPECT_EQ(json["metadata"]["kernelspec"]["name"], "python3");
  for (const Json& cell : json["cells"]) {
    EXPECT_TRUE(cell["source"].is_array());
    EXPECT_TRUE(cell["metadata"].is_object());
    EXPECT_FALSE(cell["id"].get<std::string>().empty());
    if (cell["cell_type"] != "code") continue;
    EXPECT_TRUE(cell["execution_count"].is_null());
    EXPECT_TRUE(cell["outputs"].empty());
  }
  const NotebookCell* parameters = cell_of(notebook, "parameters");
  ASSERT_NE(parameters, nullptr);
  EXPECT_EQ(parameters->tags, std::vector<std::string>{"parameters"});
}

TEST(Notebook, AModelsNameCannotLeaveItsPlace) {
  const TemporaryFolder folder;
  StudyRunOptions options;
  options.model_name = "x` <script>alert(1)</script>\n# %% id=evil";
  const StoredRun run = write_study_run(folder / "run", options);
  const Notebook notebook = run_notebooks(run, "").at(0);
  EXPECT_EQ(cell_of(notebook, "evil"), nullptr);
  const std::string& title = notebook.cells.front().source;
  EXPECT_EQ(std::ranges::count(title, '`') % 2, 0);
  EXPECT_EQ(title.find("x`"), std::string::npos);
}

TEST(Notebook, WithoutPythonItIsDeliveredWithoutOutputsAndSaysSo) {
  const TemporaryFolder folder;
  const StoredRun run = write_study_run(folder / "run", {});
  const ExecutedNotebook executed = execute_notebook(run, 0, "no-such-python-anywhere");
  ASSERT_TRUE(executed.why_not);
  EXPECT_EQ(*executed.why_not, "there is no no-such-python-anywhere");
  const Json json = Json::parse(executed.content);
  EXPECT_NE(json["cells"][0].dump().find("not executed: there is no no-such-python-anywhere"),
            std::string::npos);
  const ReportFiles files = notebook_report(run, "no-such-python-anywhere");
  ASSERT_EQ(files.files.size(), 1U);
  EXPECT_EQ(files.files[0].name, "projection_analysis.ipynb");
  EXPECT_EQ(files.notes.size(), 1U);
}

TEST(Notebook, ARunWithoutStudyHasNone) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder / "run", run_settings());
  run.finish();
  EXPECT_TRUE(run_notebooks(open_run(folder / "run"), "").empty());
}

}  // namespace
}  // namespace gnomon::test
