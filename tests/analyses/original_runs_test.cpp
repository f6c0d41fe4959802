// SPDX-License-Identifier: Apache-2.0
// The two runs of the original study that may lie beside the repository. Expected figures: the
// reference beside them, which took them from the same files with NumPy.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "gnomon/analyses/original_audit.h"
#include "gnomon/analyses/original_findings.h"
#include "gnomon/analyses/original_run.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

// Half a unit of the last digit of figures given with three, two and six decimals.
constexpr double kThree = 5.1e-4;
constexpr double kTwo = 5.1e-3;
constexpr double kSix = 5.1e-7;

fs::path run_folder(std::string_view strategy) {
  const fs::path runs = fs::path(GNOMON_SOURCE_DIR) / "../shared/data/original-runs";
  if (!fs::exists(runs)) return {};
  for (const auto& entry : fs::directory_iterator(runs)) {
    if (entry.path().filename().string().find(strategy) != std::string::npos) return entry.path();
  }
  return {};
}

class OriginalRuns : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const fs::path folder = run_folder(GetParam());
    if (folder.empty()) GTEST_SKIP() << "original-runs is not present beside the repository";
    run_ = read_original_run(folder);
    audit_ = audit_original_run(run_);
    findings_ = find_defects(run_, audit_);
  }
  bool has(std::string_view id) const {
    return std::ranges::find(findings_, id, &OriginalFinding::id) != findings_.end();
  }
  const OriginalProjection& projection(std::string_view name) const {
    return *std::ranges::find(audit_.projections, name, &OriginalProjection::name);
  }

  OriginalRun run_;
  OriginalAudit audit_;
  std::vector<OriginalFinding> findings_;
};

using HeadOnlyRun = OriginalRuns;
INSTANTIATE_TEST_SUITE_P(R1, HeadOnlyRun, ::testing::Values("regression-none"));

TEST_P(HeadOnlyRun, FiguresOfTheReference) {
  EXPECT_EQ(audit_.n_row, 500);
  EXPECT_EQ(audit_.n_distinct, 85);
  EXPECT_EQ(audit_.max_multiplicity, 15);
  EXPECT_EQ(audit_.n_drawn, 100);
  EXPECT_TRUE(audit_.generator_reproduced);
  EXPECT_EQ(run_.log->n_text, 100);
  EXPECT_NEAR(audit_.label_mean, 16.595, kThree);
  EXPECT_NEAR(audit_.label_sd, 3.974, kThree);

  ASSERT_TRUE(audit_.splits) << audit_.why_no_splits;
  EXPECT_EQ(audit_.splits->train.n_distinct, 85);
  EXPECT_EQ(audit_.splits->val.n_with_text_in_train, 75);
  EXPECT_EQ(audit_.splits->test.n_with_text_in_train, 75);
  EXPECT_NEAR(audit_.splits->val.label_variance, 18.74876, 5.1e-6);
  EXPECT_NEAR(*audit_.lookup.val_r2, 1, kThree);
  EXPECT_NEAR(*audit_.lookup.test_r2, 1, kThree);
  EXPECT_NEAR(*audit_.sentences.val_r2, 0.892, kThree);
  EXPECT_NEAR(*audit_.sentences.test_r2, 0.923, kThree);
  EXPECT_NEAR(*audit_.rest.val_r2, 0.682, kThree);
  EXPECT_NEAR(*audit_.rest.test_r2, 0.694, kThree);

  ASSERT_TRUE(audit_.head) << audit_.why_no_head;
  EXPECT_NEAR(audit_.head->weight_norm, 0.586998, kSix);
  EXPECT_NEAR(audit_.head->bias.at(0), 0.009028781, 5.1e-10);
  EXPECT_EQ(audit_.head->equals_random_init, false);
  EXPECT_NEAR(*audit_.head->init_cosine, 0.895291, kSix);
  EXPECT_NEAR(*audit_.head->init_norm, 0.550474, kSix);
  EXPECT_NEAR(*audit_.head->learned_norm, 0.263, kThree);
  EXPECT_LE(*audit_.head->largest_change, 0.025);
  EXPECT_EQ(audit_.head->target_rank, 666);
  EXPECT_EQ(audit_.head->target_learned_rank, 173);

  EXPECT_EQ(audit_.actuals->n_row, 75);
  EXPECT_EQ(audit_.actuals->n_matching, 0);
  EXPECT_NEAR(*audit_.actuals->r_with_label, -0.18, kTwo);
  EXPECT_NEAR(*audit_.actuals->r_prediction_with_label, 0.01, kTwo);
  EXPECT_NEAR(*audit_.actuals->sd_actual, 0.69, kTwo);
  EXPECT_NEAR(*audit_.actuals->actual_by_first, 0.997, kThree);
  EXPECT_NEAR(audit_.actuals->mse, 180.06, kTwo);
  EXPECT_NEAR(*audit_.actuals->r, -0.609, kThree);
  EXPECT_NEAR(audit_.actuals->mean_error, -13.397, kThree);
  EXPECT_NEAR(audit_.actuals->error_sd, 0.758, kThree);

  EXPECT_NEAR(audit_.loss_last->train_mode, 3.885, kThree);
  EXPECT_NEAR(audit_.loss_last->evaluation_mode, 3.776, kThree);
  EXPECT_NEAR(*audit_.val_r2_best, 0.790, kThree);
  EXPECT_NEAR(projection("head").by_rows.log10_p, -169.8, 0.051);
  EXPECT_NEAR(projection("neuron_dir").by_rows.log10_p, -23.7, 0.051);
  EXPECT_NEAR(projection("input").by_rows.log10_p, -16.04, kTwo);
  EXPECT_NEAR(projection("input").by_texts.p_value, 7e-4, 0.51e-4);
  EXPECT_NEAR(projection("neuron_dir").by_texts.p_value, 3e-5, 0.51e-5);
  EXPECT_NEAR(*audit_.scan_score, 48.2056, kThree);
  EXPECT_EQ(audit_.examples->n, 5);
  EXPECT_EQ(audit_.examples->n_in_data, 5);
  EXPECT_EQ(audit_.examples->n_in_train, 5);

  for (const char* id : {"D1", "D2", "D4", "D7", "D8", "D9", "D10", "D12", "D16", "D41"})
    EXPECT_TRUE(has(id)) << id;
  for (const char* id : {"D3", "D3b", "D5", "D6", "D11", "I1", "I2", "I3", "I4", "I6"})
    EXPECT_FALSE(has(id)) << id;
}

using AfterTargetRun = OriginalRuns;
INSTANTIATE_TEST_SUITE_P(R4, AfterTargetRun, ::testing::Values("regression-after_target"));

TEST_P(AfterTargetRun, FiguresOfTheReference) {
  EXPECT_EQ(audit_.n_distinct, 245);
  EXPECT_EQ(audit_.max_multiplicity, 6);
  EXPECT_EQ(audit_.n_drawn, 500);
  EXPECT_TRUE(audit_.generator_reproduced);
  EXPECT_NEAR(audit_.label_mean, 16.894, kThree);
  EXPECT_NEAR(audit_.label_sd, 3.647, kThree);

  ASSERT_TRUE(audit_.splits) << audit_.why_no_splits;
  EXPECT_EQ(audit_.splits->train.n_distinct, 209);
  EXPECT_EQ(audit_.splits->val.n_with_text_in_train, 54);
  EXPECT_EQ(audit_.splits->test.n_with_text_in_train, 52);
  EXPECT_NEAR(*audit_.lookup.val_r2, 0.792, kThree);
  EXPECT_NEAR(*audit_.lookup.test_r2, 0.696, kThree);
  EXPECT_NEAR(*audit_.sentences.val_r2, 0.811, kThree);
  EXPECT_NEAR(*audit_.sentences.test_r2, 0.831, kThree);
  EXPECT_NEAR(*audit_.rest.val_r2, 0.638, kThree);
  EXPECT_NEAR(*audit_.rest.test_r2, 0.654, kThree);

  ASSERT_TRUE(audit_.head) << audit_.why_no_head;
  EXPECT_NEAR(audit_.head->weight_norm, 0.550474, kSix);
  EXPECT_EQ(audit_.head->bias.at(0), 0);
  EXPECT_EQ(audit_.head->equals_random_init, true);
  EXPECT_EQ(audit_.head->best_equals_final, true);

  EXPECT_EQ(audit_.actuals->n_matching, 0);
  EXPECT_NEAR(*audit_.actuals->r_with_label, -0.01, kTwo);
  EXPECT_NEAR(*audit_.actuals->r_prediction_with_label, -0.01, kTwo);
  EXPECT_NEAR(*audit_.actuals->sd_actual, 0.70, kTwo);
  EXPECT_NEAR(audit_.actuals->mse, 29.02, kTwo);
  EXPECT_NEAR(*audit_.actuals->r, 0.758, kThree);

  EXPECT_EQ(audit_.loss_best->epoch, 22);
  EXPECT_NEAR(audit_.loss_best->train_mode, 0.709, kThree);
  EXPECT_NEAR(audit_.loss_best->evaluation_mode, 98.3, 0.051);
  EXPECT_NEAR(audit_.loss_last->train_mode, 1.893, kThree);
  EXPECT_NEAR(audit_.loss_last->evaluation_mode, 109.98, kTwo);
  EXPECT_NEAR(*audit_.val_r2_bound, 0.115, kThree);  // the reference: at most 0.12
  EXPECT_NEAR(*audit_.val_r2_best, -4.94, kTwo);
  EXPECT_NEAR(*audit_.val_r2_last, -5.58, kTwo);
  EXPECT_NEAR(audit_.schedule->end / audit_.schedule->start, 0.996, kThree);
  EXPECT_NEAR(audit_.examples->mse, 3.76, kTwo);
  EXPECT_EQ(audit_.examples->n_in_data, 5);
  EXPECT_EQ(audit_.examples->n_in_train, 4);
  EXPECT_NEAR(projection("head").by_rows.log10_p, -4.0, 0.051);
  EXPECT_NEAR(projection("head").by_texts.p_value, 6e-3, 0.51e-3);

  for (const char* id :
       {"D1", "D2", "D3", "D3b", "D4", "D5", "D6", "D8", "D9", "D10", "D12", "D41"})
    EXPECT_TRUE(has(id)) << id;
  for (const char* id : {"D7", "D11", "I1", "I2", "I3", "I4", "I6"}) EXPECT_FALSE(has(id)) << id;
}

// The first 400 texts of this run, the first 100 of them twice, are those of the fully unfrozen
// run, whose stored divergence is 20.32: 442 of its 500 final values lie in the three lowest cells,
// which hold two initial values. How they share these cells changes the third decimal.
TEST_P(AfterTargetRun, DivergenceOfTheFullyUnfrozenRun) {
  std::vector<double> initial;
  for (std::size_t i = 0; i < 500; ++i)
    initial.push_back(run_.rows[i < 400 ? i : i - 400].activation);
  const auto [low, high] = std::ranges::minmax(initial);
  const double cell = (high - low) / 30;
  std::vector<double> last(58, low - 1);
  for (int i = 0; i < 442; ++i) last.push_back(low + cell * (0.5 + i % 3));
  EXPECT_NEAR(*original_kl(initial, last, 1e-3), 4.26, 0.011);
  EXPECT_NEAR(*original_kl(initial, last, 1e-6), 11.15, 0.011);
  EXPECT_NEAR(*original_kl(initial, last, 1e-10), 20.32, 0.011);
  EXPECT_NEAR(*original_kl(initial, last, 1e-15), 31.79, 0.011);
}

}  // namespace
}  // namespace gnomon
