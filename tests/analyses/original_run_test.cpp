// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>

#include "gnomon/analyses/detail/python_json.h"
#include "gnomon/analyses/original_audit.h"
#include "gnomon/analyses/original_findings.h"
#include "gnomon/base/error.h"
#include "support/original_run_files.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class OriginalRunTest : public ::testing::Test {
 protected:
  void SetUp() override { files_.write(folder_.path()); }

  OriginalRun read() const { return read_original_run(folder_.path()); }
  fs::path model(std::string_view name) const {
    return folder_ / "models" / "neuron_l1_n5_20250101_000000" / name;
  }
  std::vector<std::string> notes(OriginalFileState state) const {
    std::vector<std::string> found;
    for (const OriginalFileNote& note : read().notes) {
      if (note.state == state) found.push_back(note.path + ": " + note.what);
    }
    return found;
  }
  std::string message() const {
    try {
      read();
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

  test::OriginalRunFiles files_;
  test::TemporaryFolder folder_;
};

TEST_F(OriginalRunTest, ReadsEveryFile) {
  const OriginalRun run = read();
  EXPECT_EQ(run.layer_type, "mlp_out");
  EXPECT_EQ(run.layer, 1);
  EXPECT_EQ(run.index, 5);
  EXPECT_EQ(run.token_position, "last");
  EXPECT_EQ(run.base_model, "gpt2");
  EXPECT_EQ(run.d_model, 64);
  EXPECT_EQ(run.head_type, "regression");
  EXPECT_EQ(run.feature_layer, -1);
  EXPECT_EQ(run.unfreeze_strategy, "after_target");
  EXPECT_EQ(run.batch_size, 16);
  EXPECT_EQ(run.epochs, 4);
  EXPECT_EQ(run.learning_rate, 1e-4);
  EXPECT_EQ(run.max_length, 512);
  ASSERT_EQ(run.rows.size(), 200U);
  EXPECT_EQ(run.rows[7].text, files_.texts[7]);
  EXPECT_EQ(run.rows[7].activation, files_.labels[7]);
  ASSERT_TRUE(run.best_head);
  ASSERT_NE(run.best_head->find("output.weight"), nullptr);
  EXPECT_EQ(run.best_head->find("output.weight")->size(), 64);
  EXPECT_EQ(run.best_head->sha256, run.final_head->sha256);
  ASSERT_TRUE(run.training);
  EXPECT_EQ(run.training->n_epoch(), 2);
  EXPECT_EQ(run.training->best_epoch, 1);
  EXPECT_EQ(run.training->train_loss[1], 0.5);
  EXPECT_EQ(run.training->val[0].mse, 8);
  EXPECT_EQ(run.predictions.size(), 30U);
  ASSERT_TRUE(run.log);
  EXPECT_EQ(run.log->n_text, 100);
  ASSERT_EQ(run.log->examples.size(), 1U);
  EXPECT_EQ(run.log->examples[0].predicted, 12.5);
  EXPECT_EQ(run.log->examples[0].actual, 13.5);
  EXPECT_TRUE(run.log->raw_output_lines);
  EXPECT_EQ(run.report_mean_error, -11.5);
  EXPECT_EQ(run.report_error_sd, 0.25);
  for (const OriginalFileNote& note : run.notes)
    EXPECT_EQ(note.state, OriginalFileState::stale_path) << note.path << note.what;
}

TEST_F(OriginalRunTest, MissingFilesAreNoted) {
  fs::remove_all(folder_ / "models");
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    if (entry.is_regular_file()) fs::remove(entry.path());
  }
  const OriginalRun run = read();
  EXPECT_EQ(run.rows.size(), 200U);
  EXPECT_FALSE(run.best_head);
  EXPECT_FALSE(run.training);
  const auto missing = notes(OriginalFileState::missing);
  EXPECT_EQ(missing.size(), 9U);
  const OriginalAudit audit = audit_original_run(run);
  EXPECT_FALSE(audit.splits);
  EXPECT_THAT(audit.why_no_splits, HasSubstr("nothing stored tells"));
  for (const OriginalFinding& finding : find_defects(run, audit))
    EXPECT_FALSE(finding.evidence.empty()) << finding.id;
}

TEST_F(OriginalRunTest, NotAFiniteNumberInJsonIsNotedAndNull) {
  const fs::path metrics = model("training_metrics.json");
  std::string content = test::file_content(metrics);
  const std::size_t at = content.find("0.5");
  content.replace(at, 3, "NaN");
  test::OriginalRunFiles::put(metrics, content);
  const OriginalRun run = read();
  ASSERT_TRUE(run.training);
  EXPECT_FALSE(run.training->train_loss[1]);
  EXPECT_THAT(notes(OriginalFileState::not_finite).at(0),
              HasSubstr("1 numbers are NaN or infinite, the first at byte " + std::to_string(at)));
  const OriginalAudit audit = audit_original_run(run);
  EXPECT_FALSE(audit.loss_last);
  EXPECT_TRUE(audit.splits);
}

TEST(PythonJson, KnowsWordsFromStrings) {
  const auto read =
      detail::parse_python_json(R"({"NaN \" Infinity": [NaN, -Infinity, Infinity, 1]})", "x");
  EXPECT_EQ(read.n_not_finite, 3U);
  EXPECT_EQ(read.first_not_finite, 21U);
  EXPECT_EQ(read.value, Json({{"NaN \" Infinity", {nullptr, nullptr, nullptr, 1}}}));
  for (const char* wrong : {"nan", "-NaN", "NaNNaN", "{\"a\":\\NaN}", "\"NaN", "[Infinit]"})
    EXPECT_THROW(detail::parse_python_json(wrong, "x"), FileError) << wrong;
}

TEST_F(OriginalRunTest, HostileFilesAreNoted) {
  test::OriginalRunFiles::put(model("best_model/head.pt"),
                              "\x80\x02"
                              "cposix\nsystem\n.");
  test::OriginalRunFiles::put(model("training_metrics.json"), "{\"train_loss\": [");
  test::OriginalRunFiles::put(folder_ / "pwned.sh", "rm");
  fs::create_symlink("/etc/passwd", folder_ / "introspection_log_2.log");
  const OriginalRun run = read();
  EXPECT_FALSE(run.best_head);
  EXPECT_TRUE(run.final_head);
  EXPECT_FALSE(run.training);
  const auto unreadable = notes(OriginalFileState::unreadable);
  ASSERT_EQ(unreadable.size(), 2U);
  EXPECT_THAT(unreadable[0], HasSubstr("no end record of a zip archive"));
  EXPECT_THAT(unreadable[1], HasSubstr("not valid JSON"));
  const auto foreign = notes(OriginalFileState::foreign);
  ASSERT_EQ(foreign.size(), 2U);
  EXPECT_THAT(foreign[0], HasSubstr("introspection_log_2.log: a link"));
  EXPECT_THAT(foreign[1], HasSubstr("pwned.sh"));
}

TEST_F(OriginalRunTest, ContradictionsAreNoted) {
  const fs::path config = model("best_model/config.json");
  std::string content = test::file_content(config);
  content.replace(content.find("\"target_layer\":1"), 16, "\"target_layer\":9");
  test::OriginalRunFiles::put(config, content);
  EXPECT_EQ(read().layer, 1);
  EXPECT_THAT(notes(OriginalFileState::contradictory).at(0), HasSubstr("another layer"));
}

TEST_F(OriginalRunTest, RefusesWhatIsNoRun) {
  const fs::path data = folder_ / "datasets" / "neuron_l1_n5_20250101_000000.csv";
  const auto with = [&](const std::string& content) {
    test::OriginalRunFiles::put(data, content);
    return message();
  };
  EXPECT_THAT(with("text,value\na,1\n"), HasSubstr("line 1: no column \"activation\""));
  EXPECT_THAT(with("text,activation\na,nan\n"),
              HasSubstr("line 2: \"nan\" in column \"activation\", expected a finite number"));
  EXPECT_THAT(with("text,activation\na,1,2\n"), HasSubstr("line 2: 3 fields, expected 2"));
  EXPECT_THAT(with("text,activation\n"), HasSubstr("no rows"));
  EXPECT_THAT(with(""), HasSubstr("no header"));
  EXPECT_THAT(with("text,activation\n\"a,1\n"), HasSubstr("line 2"));
  test::OriginalRunFiles::put(folder_ / "datasets" / "two.csv", "text,activation\na,1\n");
  EXPECT_THAT(message(), HasSubstr("2 data sets"));
  fs::remove_all(folder_ / "datasets");
  EXPECT_THAT(message(), HasSubstr("no file datasets/*.csv"));
  EXPECT_THROW(read_original_run(folder_ / "absent"), FileError);
}

// Every file cut at many places and with bytes changed: an error of ours, or a run.
TEST_F(OriginalRunTest, SurvivesChangedFiles) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder_.path())) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  int n_read = 0;
  const auto try_content = [&](const fs::path& path, const std::string& content) {
    test::OriginalRunFiles::put(path, content);
    try {
      const OriginalRun run = read();
      find_defects(run, audit_original_run(run));
      ++n_read;
    } catch (const FileError&) {
    }
  };
  constexpr std::size_t kCuts = 7;
  for (const fs::path& path : paths) {
    const std::string right = test::file_content(path);
    for (std::size_t cut = 0; cut < kCuts; ++cut)
      try_content(path, right.substr(0, right.size() * cut / kCuts));
    for (std::size_t i = 0; i < kCuts; ++i) {
      for (const char value : std::string_view("\0\"-9", 4)) {
        std::string changed = right;
        changed[right.size() * (2 * i + 1) / (2 * kCuts)] = value;
        try_content(path, changed);
      }
    }
    test::OriginalRunFiles::put(path, right);
  }
  EXPECT_GT(n_read, 100);
}

}  // namespace
}  // namespace gnomon
