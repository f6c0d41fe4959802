// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analyses/tiny_study.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/detail/csv_columns.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/study_files.h"
#include "report/run_settings.h"
#include "support/temporary_folder.h"
#include "support/xml_elements.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};

StoredRun study_run(const TinyStudy& study, const std::filesystem::path& folder) {
  RunDirectory run = RunDirectory::create(folder, run_settings());
  write_study(run.output_path("data/activations.safetensors"), study.data, study.analysis);
  run.add_file("data/activations.safetensors");
  run.write_json("analysis/projections.json", projections_json(study.data, study.analysis));
  run.write_csv("analysis/projections.csv",
                projections_csv(study.data, study.texts, study.analysis));
  run.write_json("analysis/correlation.json", correlation_json(study.analysis));
  run.write_json("analysis/audit.json", audit_json(study.ladders));
  run.finish();
  return open_run(folder);
}

std::vector<std::string> ids_of(const std::vector<Figure>& figures) {
  std::vector<std::string> ids;
  for (const Figure& figure : figures) ids.push_back(figure.id);
  return ids;
}

TEST(Figures, AStudyHasItsFigures) {
  const TemporaryFolder folder;
  const TinyStudy study = make_study(tiny_model(TinyFamily::gpt2), {});
  const StoredRun run = study_run(study, folder.path() / "run");
  EXPECT_THAT(ids_of(figures_of(run)),
              testing::ElementsAre("block", "projections", "correlation", "ladder-input",
                                   "ladder-output", "ladder-final", "ladder-head", "cosines"));
  EXPECT_THAT(ids_of(projection_panels_of(run)),
              testing::ElementsAre("projections-head", "projections-input", "projections-output",
                                   "projections-final"));
}

// data-row is the row of the study, and the table has the study's numbers.
TEST(Figures, MarksNameTheRowsOfTheStudy) {
  const TemporaryFolder folder;
  const TinyStudy study = make_study(tiny_model(TinyFamily::llama), {});
  const std::vector<Figure> figures = figures_of(study_run(study, folder.path() / "run"));
  const auto scatter = std::ranges::find(figures, "projections", &Figure::id);
  std::set<std::string> rows;
  for (const XmlElement& element : elements_of(embedded_svg(*scatter)))
    if (element.attributes.contains("data-row")) rows.insert(element.attributes.at("data-row"));
  EXPECT_EQ(rows.size(), static_cast<std::size_t>(study.data.n_row()));
  const detail::CsvColumns table(figure_csv(*scatter), "projections.csv");
  const std::vector<double> row = table.numbers("row");
  const std::vector<double> y = table.numbers("y");
  for (std::size_t i = 0; i < row.size(); ++i)
    ASSERT_EQ(y[i], study.data.activation[static_cast<std::size_t>(row[i])]);
}

TEST(Figures, TheBlockHasEveryHookPointOnce) {
  for (const TinyFamily family : kFamilies) {
    const Model model = tiny_model(family);
    for (Index layer = 0; layer < model.config().n_layers; ++layer) {
      TinyStudyOptions options;
      options.target = "blocks." + std::to_string(layer) + ".mlp.hook_post[5]@last";
      const TinyStudy study = make_study(model, options);
      const Figure figure =
          detail::block_figure(study.data.config, study.data.target, study.analysis);
      std::multiset<std::string> shown;
      for (const XmlElement& element : elements_of(embedded_svg(figure)))
        if (element.attributes.contains("data-hook"))
          shown.insert(element.attributes.at("data-hook"));
      const std::string block = "blocks." + std::to_string(layer) + ".";
      for (const std::string& name : hook_names(study.data.config)) {
        if (!name.starts_with("blocks.") || name.starts_with(block)) {
          EXPECT_EQ(shown.count(name), 1u) << name;
        }
      }
      for (const DirectionResult& direction : study.analysis.directions) {
        if (!direction.defined()) continue;
        EXPECT_EQ(shown.count(direction.site), 1u) << direction.site;
      }
    }
  }
}

TEST(Figures, FilesOfEveryKindAreWritten) {
  const TemporaryFolder folder;
  const TinyStudy study = make_study(tiny_model(TinyFamily::gpt2), {});
  const std::vector<Figure> figures = figures_of(study_run(study, folder.path() / "run"));
  const Theme themes[] = {Theme::light, Theme::dark};
  const std::vector<std::string> names = write_figures(figures, folder.path() / "figures", themes);
  EXPECT_EQ(names.size(), 4 * figures.size());
  EXPECT_EQ(read_text_file(folder.path() / "figures" / "block.dark.svg"),
            standalone_svg(figures.front(), Theme::dark));
  for (const std::string& name : names)
    EXPECT_FALSE(read_text_file(folder.path() / "figures" / name).empty()) << name;
}

TEST(Figures, ARunWithoutResultsHasNone) {
  const TemporaryFolder folder;
  RunDirectory::create(folder.path() / "run", run_settings()).finish();
  const StoredRun run = open_run(folder.path() / "run");
  EXPECT_TRUE(figures_of(run).empty());
  EXPECT_TRUE(projection_panels_of(run).empty());
}

TEST(Figures, ADamagedFileIsAnError) {
  const TemporaryFolder folder;
  RunDirectory run = RunDirectory::create(folder.path() / "run", run_settings());
  run.write_json("analysis/patch.json", Json::object());
  run.finish();
  EXPECT_THROW(figures_of(open_run(folder.path() / "run")), FileError);
}

TEST(CsvColumns, ReadsByName) {
  const detail::CsvColumns columns("a,b\n1,\"x,y\"\n,z\n", "t.csv");
  EXPECT_EQ(columns.texts("b"), (std::vector<std::string>{"x,y", "z"}));
  EXPECT_EQ(columns.numbers("a")[0], 1);
  EXPECT_TRUE(std::isnan(columns.numbers("a")[1]));
  EXPECT_THROW(columns.numbers("b"), FileError);
  EXPECT_THROW(columns.numbers("c"), FileError);
  EXPECT_THROW(detail::CsvColumns("a,b\n1\n", "t.csv"), FileError);
}

}  // namespace
}  // namespace gnomon::test
