// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "gnomon/analyses/original_findings.h"
#include "support/original_run_files.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using ::testing::HasSubstr;

struct Audited {
  explicit Audited(test::OriginalRunFiles files = {}) {
    files.write(folder.path());
    run = read_original_run(folder.path());
    audit = audit_original_run(run);
    findings = find_defects(run, audit);
  }
  const OriginalFinding* find(std::string_view id) const {
    const auto found = std::ranges::find(findings, id, &OriginalFinding::id);
    return found == findings.end() ? nullptr : &*found;
  }

  test::TemporaryFolder folder;
  OriginalRun run;
  OriginalAudit audit;
  std::vector<OriginalFinding> findings;
};

TEST(FirstSentence, EndsBehindItsStop) {
  EXPECT_EQ(first_sentence("A b. C d."),
            (std::pair<std::string_view, std::string_view>{"A b.", "C d."}));
  EXPECT_EQ(first_sentence("A b."), (std::pair<std::string_view, std::string_view>{"A b.", ""}));
  EXPECT_EQ(first_sentence(""), (std::pair<std::string_view, std::string_view>{"", ""}));
}

TEST(OriginalAudit, CountsTextsAndRegeneratesThem) {
  const Audited a;
  EXPECT_EQ(a.audit.n_row, 200);
  EXPECT_EQ(a.audit.n_drawn, 100);
  EXPECT_TRUE(a.audit.generator_reproduced);
  std::map<std::string, Index> copies;
  for (const OriginalRow& row : a.run.rows) ++copies[row.text];
  EXPECT_EQ(a.audit.n_distinct, std::ssize(copies));
  EXPECT_EQ(a.audit.max_multiplicity,
            std::ranges::max_element(copies, {}, [](const auto& c) { return c.second; })->second);
}

TEST(OriginalAudit, RegeneratesTheSplitAndConfirmsIt) {
  const Audited a;
  ASSERT_TRUE(a.audit.splits) << a.audit.why_no_splits;
  const OriginalSplits& splits = *a.audit.splits;
  EXPECT_EQ(splits.train.rows.size(), 140U);
  EXPECT_EQ(splits.val.rows.size(), 30U);
  EXPECT_EQ(splits.test.rows.size(), 30U);
  std::vector<Index> all = splits.train.rows;
  for (const OriginalPart* part : {&splits.val, &splits.test})
    all.insert(all.end(), part->rows.begin(), part->rows.end());
  EXPECT_EQ(all, torch_permutation(200, kOriginalSeed));
  EXPECT_EQ(splits.train.n_with_text_in_train, 140);
  EXPECT_GT(splits.test.n_with_text_in_train, 0);
  EXPECT_THAT(splits.evidence, HasSubstr("the 30 texts of the stored test predictions"));
  EXPECT_THAT(splits.evidence, HasSubstr("of val"));
}

TEST(OriginalAudit, ASplitThatDisagreesIsNotTaken) {
  test::OriginalRunFiles files;
  files.make_rows();
  std::swap(files.texts[0], files.texts[1]);
  files.labels[3] += 5;
  const test::TemporaryFolder folder;
  files.write(folder.path());
  // The predictions of another run.
  test::OriginalRunFiles other;
  other.make_rows();
  std::ranges::reverse(other.texts);
  std::ranges::reverse(other.labels);
  const test::TemporaryFolder other_folder;
  other.write(other_folder.path());
  const std::string name =
      "models/neuron_l1_n5_20250101_000000/prediction_samples_test_20250101_000100.csv";
  test::OriginalRunFiles::put(folder / name, test::file_content(other_folder / name));
  const OriginalAudit audit = audit_original_run(read_original_run(folder.path()));
  EXPECT_FALSE(audit.splits);
  EXPECT_THAT(audit.why_no_splits, HasSubstr("disagree with the 30 texts"));
  EXPECT_FALSE(audit.generator_reproduced);
  EXPECT_FALSE(audit.lookup.test_r2);
}

// Labels are the sum of two effects, so the additive model is exact, and the look-up is on rows
// whose text is in train.
TEST(OriginalAudit, BaselinesOfAnAdditiveLabel) {
  const Audited a;
  // Alternating steps stop at 1e-10 sd.
  EXPECT_NEAR(*a.audit.sentences.val_r2, 1, 1e-12);
  EXPECT_NEAR(*a.audit.sentences.test_r2, 1, 1e-12);
  const OriginalSplits& splits = *a.audit.splits;
  ASSERT_GT(splits.val.n_with_text_in_train, 0);
  EXPECT_GT(*a.audit.lookup.val_r2, *a.audit.rest.val_r2);
  EXPECT_LT(*a.audit.rest.val_r2, 0.5);
}

TEST(OriginalAudit, StoredActualsAreCompared) {
  const Audited wrong;
  ASSERT_TRUE(wrong.audit.actuals);
  EXPECT_EQ(wrong.audit.actuals->n_row, 30);
  EXPECT_EQ(wrong.audit.actuals->n_labelled, 30);
  EXPECT_EQ(wrong.audit.actuals->n_matching, 0);
  EXPECT_NEAR(*wrong.audit.actuals->actual_by_first, 1, 1e-12);
  ASSERT_NE(wrong.find("D2"), nullptr);
  EXPECT_THAT(wrong.find("D2")->evidence, HasSubstr("0 of 30 \"actual\" values"));
  test::OriginalRunFiles files;
  files.actual_is_label = true;
  const Audited right(files);
  EXPECT_EQ(right.audit.actuals->n_matching, 30);
  EXPECT_EQ(right.find("D2"), nullptr);
}

TEST(OriginalAudit, AHeadIsComparedWithItsInitialisation) {
  const Audited random;
  ASSERT_TRUE(random.audit.head) << random.audit.why_no_head;
  EXPECT_EQ(random.audit.head->equals_random_init, true);
  EXPECT_EQ(random.audit.head->best_equals_final, true);
  EXPECT_NE(random.find("D5"), nullptr);
  EXPECT_EQ(random.find("D7"), nullptr);

  test::OriginalRunFiles files;
  files.strategy = "none";
  files.head_change = 0.001F;
  const Audited trained(files);
  EXPECT_EQ(trained.audit.head->equals_random_init, false);
  // 64 weights moved by 0.001, which float32 holds to 1e-8.
  EXPECT_NEAR(*trained.audit.head->learned_norm, 0.001 * std::sqrt(64.0), 1e-7);
  EXPECT_EQ(trained.audit.head->bias.at(0), 0.25);
  EXPECT_GT(*trained.audit.head->init_cosine, 0.99);
  EXPECT_EQ(trained.find("D5"), nullptr);
  EXPECT_NE(trained.find("D7"), nullptr);
  EXPECT_EQ(trained.find("D6"), nullptr);
}

TEST(OriginalAudit, LossesOfBothModes) {
  const Audited apart;
  ASSERT_TRUE(apart.audit.loss_last);
  EXPECT_EQ(apart.audit.loss_last->train_mode, 0.5);
  EXPECT_EQ(apart.audit.loss_last->evaluation_mode, 50);
  EXPECT_NE(apart.find("D3"), nullptr);
  EXPECT_NE(apart.find("D3b"), nullptr);  // the example's error is 1
  test::OriginalRunFiles files;
  files.training_loss = 48;
  const Audited together(files);
  // The best epoch has 9 and 60.
  EXPECT_NE(together.find("D3"), nullptr);
  EXPECT_THAT(together.find("D3")->evidence, HasSubstr("epoch 1"));
}

TEST(OriginalAudit, ScheduleAndOtherNumbers) {
  const Audited a;
  ASSERT_TRUE(a.audit.schedule);
  // 140 rows in batches of 16, 4 epochs asked for, 2 run.
  EXPECT_EQ(a.audit.schedule->steps_per_epoch, 9);
  EXPECT_EQ(a.audit.schedule->t_max, 36);
  EXPECT_NEAR(a.audit.schedule->end, 1e-6 + 99e-6 * (1 + std::cos(std::numbers::pi * 2 / 36)) / 2,
              1e-15);
  EXPECT_NEAR(*a.audit.scan_score, 48.2056, 5e-4);  // of factors with 4 decimals
  ASSERT_EQ(a.audit.projections.size(), 1U);
  EXPECT_LT(a.audit.projections[0].by_rows.log10_p, a.audit.projections[0].by_texts.log10_p);
  // val of the best epoch: mse 8, mae 1.
  EXPECT_NEAR(*a.audit.val_r2_bound, 1 - 7 / a.audit.splits->val.label_variance, 1e-12);
}

// By hand: two cells of thirty are filled, width 1/30 of the range.
TEST(OriginalKl, IsTheStudysDivergence) {
  const std::vector<double> initial = {0, 0, 0, 30};
  const std::vector<double> last = {0, 30, 31};
  const double epsilon = 1e-3;
  const double sum = 1 + 30 * epsilon;
  const auto cell = [&](double share) { return (share + epsilon) / sum; };
  const double expected =
      cell(0.75) * std::log(cell(0.75) / cell(0.5)) + cell(0.25) * std::log(cell(0.25) / cell(0.5));
  EXPECT_NEAR(*original_kl(initial, last, epsilon), expected, 1e-14);
  EXPECT_FALSE(original_kl(initial, {31}, epsilon));
  EXPECT_FALSE(original_kl({1, 1}, {1}, epsilon));
  EXPECT_FALSE(original_kl({}, {1}, epsilon));
}

TEST(OriginalAudit, DriftOfAMonitoredRun) {
  test::OriginalRunFiles files;
  files.strategy = "all";
  const test::TemporaryFolder folder;
  files.write(folder.path());
  std::vector<double> last(files.labels.size(), 12.0);
  last[0] = 1000;
  test::OriginalRunFiles::put(
      folder / "models/neuron_l1_n5_20250101_000000/activation_analysis/activation_data.json",
      Json{{"initial_activations", files.labels},
           {"final_activations", last},
           {"comparison_statistics", {{"kl_divergence", 20.0}}}}
          .dump());
  const OriginalRun run = read_original_run(folder.path());
  const OriginalAudit audit = audit_original_run(run);
  ASSERT_TRUE(audit.drift);
  EXPECT_EQ(run.stored_kl, 20);
  EXPECT_EQ(audit.drift->n_outside, 1);
  ASSERT_EQ(audit.drift->kl.size(), 4U);
  for (std::size_t i = 1; i < 4; ++i)
    EXPECT_GT(audit.drift->kl[i].nats, audit.drift->kl[i - 1].nats + 2);
  EXPECT_EQ(audit.conclusions.at(0).verdict, "refuted");
  const auto findings = find_defects(run, audit);
  EXPECT_TRUE(std::ranges::any_of(findings, [](const auto& f) { return f.id == "D11"; }));
  EXPECT_TRUE(std::ranges::any_of(findings, [](const auto& f) {
    return f.id == "D6" && f.evidence.find("r of the last ones") != std::string::npos;
  }));
}

TEST(OriginalFindings, AreOrderedAndComplete) {
  const Audited a;
  ASSERT_FALSE(a.findings.empty());
  for (std::size_t i = 0; i < a.findings.size(); ++i) {
    EXPECT_FALSE(a.findings[i].title.empty());
    EXPECT_FALSE(a.findings[i].evidence.empty()) << a.findings[i].id;
    EXPECT_FALSE(a.findings[i].rule.empty());
    if (i == 0) continue;
    EXPECT_GE(a.findings[i].severity, a.findings[i - 1].severity);
  }
  for (const char* id : {"D1", "D2", "D3", "D4", "D5", "D6", "D8", "D9", "D10", "D12", "D16", "D18",
                         "D37", "D41", "I5"})
    EXPECT_NE(a.find(id), nullptr) << id;
  for (const char* id : {"D7", "D11", "D13", "I1", "I2", "I3", "I4", "I6"})
    EXPECT_EQ(a.find(id), nullptr) << id;
}

}  // namespace
}  // namespace gnomon
