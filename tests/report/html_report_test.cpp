// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/html_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/detail/report_data.h"
#include "gnomon/report/detail/report_findings.h"
#include "gnomon/report/detail/report_sections.h"
#include "report/run_settings.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using test::run_settings;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHostile = "</script><!-- <b>\"x\"";

// What a test changes of the run that write_run() makes.
struct Variant {
  double ci_low = 0.5;
  double null = 0.3;        // |r| of 97.5 % of random directions
  std::string failed = {};  // id of a check
  int n_row = 12;
  std::size_t text_bytes = 0;  // that texts are filled up to
};

Json direction(const char* name, double r, const Variant& variant) {
  return {{"name", name},
          {"site", "blocks.1.hook_resid_post"},
          {"definition", "resid_post · w"},
          {"r", r},
          {"ci_low", variant.ci_low},
          {"ci_high", 0.9},
          {"fisher_low", nullptr},
          {"fisher_high", nullptr},
          {"r2_fit", r * r},
          {"r2_identity", 0.4},
          {"p", 1e-6},
          {"log10_p", -6.0},
          {"p_holm", 2e-6},
          {"log10_p_holm", -5.7},
          {"spearman", r},
          {"percentile", 99.0},
          {"random_directions", {{"percentile", 99.0}, {"abs_r_upper", variant.null}, {"n", 1000}}},
          {"other_neurons", nullptr},
          {"length", 1.0},
          {"bias", 0.0}};
}

std::string text_of(int i, std::size_t n_byte) {
  std::string text = "text " + std::to_string(i);
  while (text.size() < n_byte) text += " <b> & more";
  return text;
}

CsvTable rows(const Variant& variant) {
  CsvTable table({"text_id", "position", "split", "group", "activation", "head", "head_unit",
                  "output", "output_unit", "text"});
  for (int i = 0; i < variant.n_row; ++i) {
    // Distinct values, so that no two rows stand at one place.
    const double activation = 0.01 * i + (i % 3);
    table.add_row({std::int64_t{i}, std::int64_t{0}, i % 3 == 0 ? std::string("train") : "test",
                   std::int64_t{i}, activation, activation + 0.5 / (1 + i), 0.5, 2 * activation,
                   activation, i == 0 ? std::string(kHostile) : text_of(i, variant.text_bytes)});
  }
  return table;
}

StoredRun write_run(const fs::path& folder, const Variant& variant = {}) {
  RunSettings settings = run_settings();
  settings.configuration.push_back(
      {"target.unit", std::string("blocks.1.mlp.hook_post[5]@last"), "--target"});
  auto run = RunDirectory::create(folder, settings);
  run.stage("project", [&] {
    run.set_model(test::model_record());
    run.set_data(test::data_record());
    run.write_json(
        "analysis/projections.json",
        {{"target", "blocks.1.mlp.hook_post[5]@last"},
         {"precision", "float32"},
         {"scored", "test"},
         {"n_rows", 8},
         {"n_distinct", 8},
         {"n_training_rows", 4},
         {"directions", {direction("head", 0.8, variant), direction("output", 0.7, variant)}},
         {"cosines", Json::array()},
         {"baselines", Json::array()}});
    run.write_csv("analysis/projections.csv", rows(variant));
    run.write_json("analysis/audit.json", {{"ladders",
                                            {{{"direction", "output"},
                                              {"starts_at", "blocks.1.hook_resid_post"},
                                              {"rungs",
                                               {{{"name", "start"},
                                                 {"quantity", "resid_post · w_out"},
                                                 {"r", 0.7},
                                                 {"ci_low", 0.5},
                                                 {"ci_high", 0.9},
                                                 {"delta", 0.0},
                                                 {"exact_zero", false},
                                                 {"shapley", nullptr},
                                                 {"r2_identity", 0.4}}}},
                                              {"one_minus_r", 3.1e-13},
                                              {"tolerance", 1e-9},
                                              {"tolerance_why", "1e-9 in double precision"},
                                              {"closes", true}}}}});
    Json checks = Json::array();
    for (const char* id : {"I1", "ladder_output"}) {
      checks.push_back({{"id", id},
                        {"title", std::string("identity ") + id},
                        {"status", variant.failed == id ? "fail" : "pass"},
                        {"value", 1e-7},
                        {"tolerance", 1e-5},
                        {"why", "fraction"}});
    }
    run.write_json("checks.json", checks);
  });
  run.finish(variant.failed.empty() ? RunStatus::done : RunStatus::failed);
  return open_run(folder);
}

std::vector<std::string> findings_of(const Variant& variant) {
  const TemporaryFolder folder;
  return detail::findings(detail::report_data(write_run(folder / "a", variant)));
}

std::string section(const std::string& page, const std::string& id) {
  const std::size_t begin = page.find("<section id=\"" + id + "\"");
  return begin == std::string::npos ? ""
                                    : page.substr(begin, page.find("</section>", begin) - begin);
}

TEST(ReportData, HasRowsWithTextsReportsAndProjections) {
  const TemporaryFolder folder;
  const detail::ReportData data = detail::report_data(write_run(folder / "a"));
  EXPECT_EQ(data.target, "blocks.1.mlp.hook_post[5]@last");
  EXPECT_THAT(data.rows.projections, ElementsAre("head", "output"));
  ASSERT_EQ(data.rows.rows.size(), 12U);
  const detail::ReportRow& row = data.rows.rows[4];
  EXPECT_EQ(row.text, "text 4");
  EXPECT_EQ(row.part, "test");
  EXPECT_DOUBLE_EQ(*row.activation, 0.01 * 4 + 1);
  EXPECT_DOUBLE_EQ(*row.report, 0.01 * 4 + 1 + 0.1);  // the head, as nothing was trained
  EXPECT_DOUBLE_EQ(*row.projections[1], 2 * (0.01 * 4 + 1));
  EXPECT_FALSE(row.token);
}

TEST(ReportData, ManyRowsBecomeASelectionWithTheLargestErrors) {
  const TemporaryFolder folder;
  const detail::ReportData data =
      detail::report_data(write_run(folder / "a", {.n_row = detail::kMostReportRows + 1}));
  EXPECT_EQ(data.rows.n_row, detail::kMostReportRows + 1);
  EXPECT_GE(data.rows.rows.size(), 2000U);
  EXPECT_LE(data.rows.rows.size(), 2100U);
  // The error of row i is 0.5 / (1 + i): the first 100 are the largest.
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_EQ(data.rows.rows[i].row, static_cast<std::int64_t>(i));
}

TEST(ReportData, AChangedFileIsNotReported) {
  const TemporaryFolder folder;
  const StoredRun run = write_run(folder / "a");
  folder.write("a/analysis/projections.csv", "text_id,position\n");
  EXPECT_THROW(detail::report_data(run), FileError);
}

TEST(Findings, AreChosenByIntervalsAndNulls) {
  EXPECT_THAT(findings_of({})[1],
              AllOf(HasSubstr("goes with the activation most"), HasSubstr("+0.70 [+0.50, +0.90]"),
                    HasSubstr("more than 97.5 %")));
  EXPECT_THAT(findings_of({.ci_low = -0.1})[1],
              AllOf(HasSubstr("No projection"), HasSubstr("an interval that holds 0")));
  EXPECT_THAT(findings_of({.null = 0.75})[1], HasSubstr("random directions of the same stream"));
  EXPECT_THAT(findings_of({})[2], HasSubstr("Nothing was intervened on"));
}

TEST(Findings, SayNothingThatAFailedCheckCarries) {
  const std::vector<std::string> sentences = findings_of({.failed = "I1"});
  ASSERT_EQ(sentences.size(), 3U);
  EXPECT_THAT(sentences[0], HasSubstr("We cannot say"));
  EXPECT_THAT(sentences[1], HasSubstr("We cannot say"));
  // That of a ladder carries no other number.
  EXPECT_THAT(findings_of({.failed = "ladder_output"})[1], HasSubstr("goes with"));
}

TEST(Findings, NameTheTargetInWords) {
  EXPECT_EQ(detail::target_words("blocks.8.mlp.hook_post[481]@last"),
            "neuron 481 of block 8 at the last token");
  EXPECT_EQ(detail::target_words("blocks.8.mlp.hook_post[481]@-2"),
            "neuron 481 of block 8 at token 2 from the end");
  EXPECT_EQ(detail::target_words("blocks.8.hook_mlp_out[3]@last"), "blocks.8.hook_mlp_out[3]@last");
}

TEST(ImportResults, FindingsWithEvidenceAndRuleEscaped) {
  const Json import = {{"splits", {{"train", {{"rows", 350}, {"distinct", 209}}}}},
                       {"baselines", {{"lookup", {{"val_r2", 0.79}, {"test_r2", nullptr}}}}},
                       {"findings",
                        {{{"id", "D4"},
                          {"severity", "fatal"},
                          {"title", kHostile},
                          {"evidence", "54 of 75"},
                          {"rule", "parts are split by text group"}}}}};
  const std::string markup = detail::import_results(import).markup;
  EXPECT_THAT(markup, AllOf(HasSubstr("D4"), HasSubstr("54 of 75"), HasSubstr("209"),
                            HasSubstr("parts are split by text group"), HasSubstr("+0.790")));
  EXPECT_THAT(markup, Not(HasSubstr(kHostile)));
}

Json sweep_cell(const char* name, double share, double effect) {
  return {{"cell", name},
          {"normalised", {{"value", share}, {"interval", {share - 0.1, share + 0.1}}}},
          {"effect", {{"value", effect}, {"interval", {effect - 0.1, effect + 0.1}}}},
          {"p_family", 0.01}};
}

TEST(SweepResults, LargestShareFirstWhateverTheMeanEffect) {
  const Json sweep = {{"cells",
                       {sweep_cell("blocks.0.hook_resid_pre@-1", 0.2, 0.9),
                        sweep_cell("blocks.1.hook_resid_pre@-1", 1.0, -0.01)}}};
  const std::string markup = detail::sweep_results(sweep, 0.95).markup;
  const std::size_t first = markup.find("blocks.1.hook_resid_pre@-1");
  ASSERT_NE(first, std::string::npos);
  EXPECT_LT(first, markup.find("blocks.0.hook_resid_pre@-1"));
  EXPECT_THAT(markup, AllOf(HasSubstr("[+0.90, +1.10]"), HasSubstr("2 largest of 2")));
  EXPECT_EQ(detail::sweep_results(Json::object(), 0.95).markup, "");
}

TEST(HtmlReport, HoldsTextsOnceAndEscaped) {
  const TemporaryFolder folder;
  const std::string page = html_report(write_run(folder / "a"));
  EXPECT_THAT(page, Not(HasSubstr(kHostile)));
  const std::string escaped = "&lt;/script&gt;&lt;!-- &lt;b&gt;&quot;x&quot;";
  const std::size_t first = page.find(escaped);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(page.find(escaped, first + 1), std::string::npos);
  EXPECT_THAT(section(page, "results"), HasSubstr("+0.700"));
}

TEST(HtmlReport, AdmitsItsOwnStyleAndScriptAndNothingElse) {
  const TemporaryFolder folder;
  const std::string page = html_report(write_run(folder / "a"));
  EXPECT_THAT(page, HasSubstr("default-src 'none'; style-src 'sha256-"));
  EXPECT_THAT(page, Not(HasSubstr("unsafe")));
  EXPECT_THAT(page, Not(HasSubstr(" style=")));
  std::string rest = page;
  // The namespace of SVG is a name and not an address.
  const std::string name = "http://www.w3.org/2000/svg";
  for (std::size_t at = 0; (at = rest.find(name)) != std::string::npos;)
    rest.erase(at, name.size());
  EXPECT_THAT(rest, Not(HasSubstr("//www")));
  EXPECT_THAT(rest, Not(HasSubstr(" src=")));
}

TEST(HtmlReport, LongTextsAreCutSoThatThePageStaysBelowAMegabyte) {
  const TemporaryFolder folder;
  const std::string page = html_report(write_run(folder / "a", {.n_row = 2000, .text_bytes = 900}));
  EXPECT_LE(page.size(), 1000000U);
  EXPECT_GE(page.size(), 800000U);
  EXPECT_THAT(section(page, "texts"), HasSubstr("Texts are cut after"));
  const std::string short_page =
      html_report(write_run(folder / "b", {.n_row = 200, .text_bytes = 900}));
  EXPECT_THAT(section(short_page, "texts"), Not(HasSubstr("Texts are cut after")));
}

TEST(HtmlReport, SameRunSameBytes) {
  const TemporaryFolder folder;
  EXPECT_EQ(html_report(write_run(folder / "a")), html_report(write_run(folder / "b")));
}

TEST(HtmlReport, AFailedCheckWithholdsItsNumbers) {
  const TemporaryFolder folder;
  const std::string page = html_report(write_run(folder / "a", {.failed = "I1"}));
  const std::size_t alert = page.find("1 of 2 checks");
  ASSERT_NE(alert, std::string::npos);
  EXPECT_LT(alert, page.find("id=\"answer\""));
  EXPECT_THAT(page, Not(HasSubstr("+0.700")));
  EXPECT_THAT(page, Not(HasSubstr("<svg")));
  EXPECT_THAT(section(page, "results"), HasSubstr("Not shown as results"));
  EXPECT_EQ(section(page, "texts").find("<table"), std::string::npos);

  const std::string ladder = html_report(write_run(folder / "b", {.failed = "ladder_output"}));
  EXPECT_THAT(section(ladder, "results"), HasSubstr("+0.700"));
  EXPECT_THAT(section(ladder, "ladder"), HasSubstr("Not shown"));
}

TEST(HtmlReport, ARunThatEndedEarlyIsShownAsThat) {
  const TemporaryFolder folder;
  auto run = RunDirectory::create(folder / "a", run_settings());
  run.fail(std::runtime_error("the cause"));
  const std::string page = html_report(open_run(folder / "a"));
  EXPECT_THAT(page, HasSubstr("This run ended before its end"));
  EXPECT_THAT(page, HasSubstr("the cause"));
  EXPECT_EQ(section(page, "results"), "");
}

}  // namespace
}  // namespace gnomon
