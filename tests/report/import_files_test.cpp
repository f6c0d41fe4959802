// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/import_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "gnomon/base/file.h"
#include "gnomon/report/import_text.h"
#include "gnomon/text/corpus.h"
#include "support/original_run_files.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ImportedRun imported_from(const std::filesystem::path& folder) {
  ImportedRun imported;
  imported.run = read_original_run(folder);
  imported.audit = audit_original_run(imported.run);
  imported.findings = find_defects(imported.run, imported.audit);
  return imported;
}

class ImportFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    test::OriginalRunFiles().write(folder_.path());
    imported_ = imported_from(folder_.path());
  }
  test::TemporaryFolder folder_;
  ImportedRun imported_;
};

std::vector<std::string> keys_of(const Json& json) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.push_back(key);
  return keys;
}

TEST_F(ImportFiles, JsonHasTheStableKeys) {
  const Json json = import_json(imported_);
  EXPECT_THAT(keys_of(json), ElementsAre("kind", "rows", "distinct_texts", "max_multiplicity",
                                         "target", "splits", "baselines", "stored_actual", "head",
                                         "labels", "published", "recomputed", "findings"));
  EXPECT_EQ(json["kind"], "original_run");
  EXPECT_EQ(json["rows"], 200);
  EXPECT_EQ(json["target"],
            Json({{"layer", 1}, {"index", 5}, {"site", "blocks.1.hook_mlp_out[5]@last"}}));
  for (const char* part : {"train", "val", "test"}) {
    for (const char* key : {"rows", "distinct", "rows_with_text_in_train"})
      EXPECT_TRUE(json["splits"][part][key].is_number()) << part << key;
  }
  for (const char* name : {"lookup", "template"}) {
    for (const char* key : {"val_r2", "test_r2"})
      EXPECT_TRUE(json["baselines"][name][key].is_number()) << name << key;
  }
  EXPECT_EQ(json["stored_actual"]["rows"], 30);
  EXPECT_EQ(json["stored_actual"]["matching_label"], 0);
  EXPECT_EQ(json["head"]["type"], "regression");
  EXPECT_EQ(json["head"]["bias"], 0);
  EXPECT_EQ(json["head"]["equals_random_init"], true);
  for (const char* key : {"mean", "sd", "min", "max"}) EXPECT_TRUE(json["labels"][key].is_number());
  EXPECT_EQ(json["published"]["results"], Json({{"correlation", 0.5}, {"mse", 100.0}}));
  EXPECT_TRUE(json["recomputed"]["projection_p"]["input"]["by_rows"]["log10_p"].is_number());
  EXPECT_TRUE(json["recomputed"]["kl_by_epsilon"].is_null());
  EXPECT_EQ(json["recomputed"]["why_no_kl"], "the run has no activation_data.json");
  for (const Json& finding : json["findings"])
    EXPECT_THAT(keys_of(finding), ElementsAre("id", "severity", "title", "evidence", "rule"));
  EXPECT_NO_THROW(dump_json(json));
}

// Numbers may differ in their last digits from machine to machine.
void expect_same(const Json& found, const Json& golden, const std::string& where) {
  if (found.is_number() && golden.is_number()) {
    const double tolerance = 1e-9 * std::max(1.0, std::abs(golden.get<double>()));
    EXPECT_NEAR(found.get<double>(), golden.get<double>(), tolerance) << where;
    return;
  }
  ASSERT_EQ(found.type(), golden.type()) << where;
  if (!found.is_structured()) {
    EXPECT_EQ(found, golden) << where;
    return;
  }
  ASSERT_EQ(found.size(), golden.size()) << where;
  if (found.is_array()) {
    for (std::size_t i = 0; i < found.size(); ++i)
      expect_same(found[i], golden[i], where + "[" + std::to_string(i) + "]");
    return;
  }
  EXPECT_THAT(keys_of(found), ::testing::ElementsAreArray(keys_of(golden))) << where;
  for (const auto& [key, value] : found.items()) {
    ASSERT_TRUE(golden.contains(key)) << where << "." << key;
    expect_same(value, golden[key], where + "." + key);
  }
}

// tests/tools/import_schema_test.py holds the golden file against assets/schema/import.schema.json.
// Where a change is meant, copy what the failing test leaves behind over it.
TEST_F(ImportFiles, JsonIsTheGoldenOne) {
  const Json json = import_json(imported_);
  const std::filesystem::path golden =
      std::filesystem::path(GNOMON_TEST_DATA) / "import" / "import.json";
  expect_same(json, read_json_file(golden), "import");
  if (!HasFailure()) return;
  const auto left = std::filesystem::temp_directory_path() / "gnomon_import_golden.json";
  write_file_atomic(left, dump_json(json));
  ADD_FAILURE() << "what was found is in " << left;
}

TEST_F(ImportFiles, WithoutFilesThereAreReasons) {
  std::filesystem::remove_all(folder_ / "models");
  const Json json = import_json(imported_from(folder_.path()));
  EXPECT_TRUE(json["splits"]["test"].is_null());
  EXPECT_THAT(json["splits"]["why"].get<std::string>(), HasSubstr("nothing stored tells"));
  EXPECT_TRUE(json["baselines"]["lookup"]["test_r2"].is_null());
  EXPECT_TRUE(json["head"]["weight_norm"].is_null());
  EXPECT_EQ(json["head"]["why"], "no head.pt could be read");
  EXPECT_EQ(json["stored_actual"]["why"], "the run has no stored predictions");
  EXPECT_NO_THROW(dump_json(json));
}

TEST_F(ImportFiles, PromptsAreTextsThatCommandsRead) {
  const test::TemporaryFolder out;
  const Corpus corpus =
      read_jsonl_texts(out.write("prompts.jsonl", import_prompts_jsonl(imported_)));
  EXPECT_EQ(corpus.report.n_texts, imported_.audit.n_distinct);
  EXPECT_EQ(corpus.report.n_distinct, imported_.audit.n_distinct);
  EXPECT_EQ(corpus.records[0].text, imported_.run.rows[0].text);
  EXPECT_THAT(corpus.records[0].template_id, HasSubstr("First sentence"));
}

TEST_F(ImportFiles, RowsAndFindingsAreTables) {
  const std::string rows = import_rows_csv(imported_).text();
  EXPECT_EQ(std::ranges::count(rows, '\n'), 201);
  EXPECT_THAT(rows, HasSubstr("row,part,activation,text\n0,"));
  EXPECT_THAT(findings_csv(imported_).text(), HasSubstr("\nD4,fatal,"));
  EXPECT_NO_THROW(summary_json(import_summary(imported_)));
}

TEST_F(ImportFiles, TextFitsAndHasEveryFinding) {
  for (const bool unicode : {true, false}) {
    const std::string text = import_text(imported_, {unicode, 80});
    std::size_t begin = 0;
    while (begin < text.size()) {
      const std::size_t end = text.find('\n', begin);
      ASSERT_NE(end, std::string::npos);
      EXPECT_LE(display_width(text.substr(begin, end - begin)), 80)
          << text.substr(begin, end - begin);
      begin = end + 1;
    }
    for (const OriginalFinding& finding : imported_.findings)
      EXPECT_THAT(text, HasSubstr("\n  " + finding.id + " ")) << finding.id;
    EXPECT_THAT(text, HasSubstr("blocks.1.hook_mlp_out[5]@last of gpt2"));
    EXPECT_THAT(text, HasSubstr("What remains of its conclusions"));
  }
}

TEST_F(ImportFiles, WhatWasMeasuredAgainIsShown) {
  EXPECT_TRUE(import_json(imported_)["recomputed"]["remeasured"].is_null());
  EXPECT_EQ(import_json(imported_)["recomputed"]["why_not_remeasured"], "no model was given");
  OriginalRemeasurement found;
  found.model = "tiny";
  found.site = "blocks.1.hook_mlp_out[5]";
  found.labels = {{false, true, 100, 0.5, 0.0001, true}, {true, true, 100, {}, 3.5, false}};
  found.why_no_padded = "the run has no stored predictions of its texts";
  found.projections = {{"input", "hook_resid_pre times W_in", 0.25, -0.5}};
  imported_.remeasured = found;
  const Json json = import_json(imported_)["recomputed"]["remeasured"];
  EXPECT_EQ(json["labels"].size(), 2U);
  EXPECT_EQ(json["labels"][0]["reproduces"], true);
  EXPECT_TRUE(json["labels"][1]["r"].is_null());
  EXPECT_EQ(json["why_no_padded"], found.why_no_padded);
  EXPECT_EQ(json["projections"]["input"]["r_texts"], -0.5);
  const std::string text = import_text(imported_, {});
  EXPECT_THAT(text, HasSubstr("Measured again with tiny at blocks.1.hook_mlp_out[5]"));
  EXPECT_THAT(text, HasSubstr("No padded position: the run has no stored predictions"));
  EXPECT_THAT(text, HasSubstr("input       +0.250   -0.500  hook_resid_pre times W_in"));
}

// Bytes that a terminal would act on come from the files.
TEST_F(ImportFiles, TerminalControlsAreShown) {
  imported_.run.base_model = "\x1b[31mred";
  imported_.findings[0].evidence = "\x1b]0;x\x07";
  const std::string text = import_text(imported_, {});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, HasSubstr("\\x1B[31mred"));
}

}  // namespace
}  // namespace gnomon
