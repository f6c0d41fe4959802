// SPDX-License-Identifier: Apache-2.0
// Baselines on data that were planted so that one of them must win.
#include "gnomon/analyses/baselines.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analyses/tiny_study.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon::test {
namespace {

// 200 rows of texts of their own, without any relation between anything and the activation.
StudyData noise(std::uint64_t seed) {
  Random random(seed, "baselines test");
  StudyData data;
  for (Index r = 0; r < 200; ++r) {
    data.text.push_back(r);
    data.group.push_back(r);
    data.part.push_back(r < 140 ? Part::train : Part::test);
    data.n_token.push_back(3 + static_cast<Index>(random.below(20)));
    data.position.push_back(
        static_cast<Index>(random.below(static_cast<std::uint64_t>(data.n_token.back()))));
    data.token.push_back(static_cast<TokenId>(random.below(8)));
    data.activation.push_back(random.normal());
  }
  return data;
}

BaselineResult baseline_of(const StudyData& data, const std::string& name) {
  for (const BaselineResult& baseline :
       simple_baselines(data, data.rows_of(Part::train), data.rows_of(Part::test))) {
    if (baseline.name == name) return baseline;
  }
  ADD_FAILURE() << "no baseline " << name;
  return {};
}

TEST(BaselinesTest, TheMeanHasNoCorrelationAndNoPositiveR2) {
  const StudyData data = noise(1);
  const BaselineResult mean = baseline_of(data, "mean");
  EXPECT_FALSE(mean.r);
  EXPECT_FALSE(mean.why.empty());
  // 1 - SSE / SST of a constant that is off by (training mean - test mean).
  double train = 0;
  double test = 0;
  for (const Index r : data.rows_of(Part::train))
    train += data.activation[static_cast<std::size_t>(r)] / 140;
  for (const Index r : data.rows_of(Part::test))
    test += data.activation[static_cast<std::size_t>(r)] / 60;
  double total = 0;
  for (const Index r : data.rows_of(Part::test))
    total += std::pow(data.activation[static_cast<std::size_t>(r)] - test, 2);
  ASSERT_TRUE(mean.r2_identity);
  EXPECT_NEAR(*mean.r2_identity, -60 * (train - test) * (train - test) / total, 1e-12);
}

TEST(BaselinesTest, LookupIsPerfectWhereTheSplitLeaks) {
  StudyData data = noise(2);
  // The test rows are training rows again, at the same positions.
  for (std::size_t r = 140; r < 200; ++r) {
    data.group[r] = data.group[r - 140];
    data.position[r] = data.position[r - 140];
    data.activation[r] = data.activation[r - 140];
  }
  EXPECT_NEAR(*baseline_of(data, "lookup").r, 1, 1e-12);
  EXPECT_NEAR(*baseline_of(data, "lookup").r2_identity, 1, 1e-12);
  EXPECT_LT(*baseline_of(data, "last_token").r2_identity, 0.3);
}

TEST(BaselinesTest, LookupFindsNothingInASplitByGroup) {
  const BaselineResult lookup = baseline_of(noise(3), "lookup");
  EXPECT_FALSE(lookup.r);
  EXPECT_EQ(*lookup.r2_identity, *baseline_of(noise(3), "mean").r2_identity);
}

TEST(BaselinesTest, LookupNeedsTheSamePosition) {
  StudyData data = noise(4);
  for (std::size_t r = 140; r < 200; ++r) {
    data.group[r] = data.group[r - 140];
    data.position[r] = data.position[r - 140] + 1;
    data.activation[r] = data.activation[r - 140];
  }
  EXPECT_FALSE(baseline_of(data, "lookup").r);
}

TEST(BaselinesTest, LastTokenIsPerfectWhereTheTokenDecides) {
  StudyData data = noise(5);
  for (std::size_t r = 0; r < 200; ++r) data.activation[r] = std::sin(data.token[r]);
  EXPECT_NEAR(*baseline_of(data, "last_token").r, 1, 1e-12);
  EXPECT_NEAR(*baseline_of(data, "last_token").r2_identity, 1, 1e-12);
  // A token that training rows do not have gets the training mean.
  double mean = 0;
  for (std::size_t r = 0; r < 140; ++r) mean += data.activation[r] / 140;
  for (std::size_t r = 140; r < 200; ++r) {
    if (r % 2 == 0) continue;
    data.token[r] = 99;
    data.activation[r] = mean;
  }
  EXPECT_NEAR(*baseline_of(data, "last_token").r2_identity, 1, 1e-12);
}

TEST(BaselinesTest, LengthAndPositionArePerfectOnTheirLines) {
  StudyData data = noise(6);
  for (std::size_t r = 0; r < 200; ++r)
    data.activation[r] = 2 - 0.5 * static_cast<double>(data.n_token[r]);
  EXPECT_NEAR(*baseline_of(data, "length").r, 1, 1e-12);
  EXPECT_NEAR(*baseline_of(data, "length").r2_identity, 1, 1e-12);
  for (std::size_t r = 0; r < 200; ++r)
    data.activation[r] = -1 + 3 * static_cast<double>(data.position[r]);
  EXPECT_NEAR(*baseline_of(data, "position").r2_identity, 1, 1e-12);
}

TEST(BaselinesTest, LinesAreFittedOnTrainingRowsAlone) {
  StudyData data = noise(7);
  for (std::size_t r = 0; r < 200; ++r) {
    const auto x = static_cast<double>(data.n_token[r]);
    data.activation[r] = r < 140 ? x : -x;
  }
  EXPECT_NEAR(*baseline_of(data, "length").r, -1, 1e-12);
  EXPECT_LT(*baseline_of(data, "length").r2_identity, -3);
}

TEST(BaselinesTest, NoiseIsNotPredicted) {
  for (const char* name : {"length", "position", "last_token"}) {
    EXPECT_LT(*baseline_of(noise(8), name).r2_identity, 0.1) << name;
    EXPECT_LT(std::abs(*baseline_of(noise(8), name).r), 0.35) << name;  // 2.7 / sqrt(60)
  }
}

TEST(BaselinesTest, OneLengthForAllIsTheMean) {
  StudyData data = noise(9);
  data.n_token.assign(200, 7);
  const BaselineResult length = baseline_of(data, "length");
  EXPECT_FALSE(length.r);
  EXPECT_FALSE(length.why.empty());
  EXPECT_NEAR(*length.r2_identity, *baseline_of(data, "mean").r2_identity, 1e-12);
}

// 300 rows, one a text of 12 tokens out of 20; the activation is a linear function of the counts of
// the first `n_read` tokens.
struct CountedTexts {
  StudyData data;
  std::vector<std::vector<TokenId>> ids;
};

CountedTexts counted_texts(std::size_t n_read, std::uint64_t seed) {
  Random random(seed, "counted texts");
  std::vector<double> weight;
  for (int token = 0; token < 20; ++token) weight.push_back(random.normal());
  CountedTexts texts;
  for (Index r = 0; r < 300; ++r) {
    std::vector<TokenId> ids;
    for (int i = 0; i < 12; ++i) ids.push_back(static_cast<TokenId>(random.below(20)));
    double activation = 0.7;
    for (std::size_t i = 0; i < n_read; ++i) activation += weight[static_cast<std::size_t>(ids[i])];
    texts.data.text.push_back(r);
    texts.data.group.push_back(r);
    texts.data.position.push_back(static_cast<Index>(n_read) - 1);
    texts.data.part.push_back(r < 200 ? Part::train : Part::test);
    texts.data.activation.push_back(activation);
    texts.ids.push_back(std::move(ids));
  }
  return texts;
}

// The smallest lambda tried is a hundredth of the smallest eigenvalue, so that even in its
// direction the fit keeps 1 / 1.01 of the truth, and 1 - R² is at most 0.01².
constexpr double kShrinkage = 1e-4;

BaselineResult unigram_of(const CountedTexts& texts, std::uint64_t seed = 1) {
  return unigram_baseline(texts.data, texts.ids, texts.data.rows_of(Part::train),
                          texts.data.rows_of(Part::test), seed);
}

TEST(UnigramBaselineTest, IsPerfectWhereTheCountsDecide) {
  const BaselineResult whole_text = unigram_of(counted_texts(12, 1));
  EXPECT_EQ(whole_text.name, "unigram");
  EXPECT_EQ(whole_text.definition, "ridge on the counts of 20 tokens of the text");
  EXPECT_NEAR(*whole_text.r, 1, kShrinkage);
  EXPECT_NEAR(*whole_text.r2_identity, 1, kShrinkage);
}

TEST(UnigramBaselineTest, CountsNothingBehindThePosition) {
  EXPECT_NEAR(*unigram_of(counted_texts(5, 2)).r2_identity, 1, kShrinkage);
  // Counting the whole text, as a position at its end does, mixes in seven tokens of noise.
  CountedTexts texts = counted_texts(5, 2);
  for (Index& position : texts.data.position) position = 11;
  EXPECT_LT(*unigram_of(texts).r2_identity, 0.7);
}

TEST(UnigramBaselineTest, NoiseIsNotPredicted) {
  CountedTexts texts = counted_texts(12, 3);
  Random random(3, "noise");
  for (double& value : texts.data.activation) value = random.normal();
  EXPECT_LT(*unigram_of(texts).r2_identity, 0.05);
}

TEST(UnigramBaselineTest, TheSameSeedGivesTheSameBits) {
  const CountedTexts texts = counted_texts(8, 4);
  EXPECT_EQ(unigram_of(texts, 5).r2_identity, unigram_of(texts, 5).r2_identity);
}

TEST(UnigramBaselineTest, TwoGroupsAreTwoFolds) {
  CountedTexts texts = counted_texts(12, 6);
  for (Index& group : texts.data.group) group %= 2;
  EXPECT_NEAR(*unigram_of(texts).r2_identity, 1, kShrinkage);
}

TEST(UnigramBaselineTest, SaysWhyItIsTheMean) {
  CountedTexts texts = counted_texts(12, 5);
  for (std::size_t t = 0; t < texts.ids.size(); ++t)
    texts.ids[t].assign(12, static_cast<TokenId>(t));
  const BaselineResult apart = unigram_of(texts);
  EXPECT_EQ(apart.definition, "training mean: no two training rows share a token");
  EXPECT_FALSE(apart.r);
  EXPECT_FALSE(apart.why.empty());

  texts = counted_texts(12, 5);
  for (Index& group : texts.data.group) group = 0;
  EXPECT_EQ(unigram_of(texts).definition, "training mean: fewer than 2 text groups to fit on");
  EXPECT_THROW(unigram_baseline(texts.data, texts.ids, {}, texts.data.rows_of(Part::test), 1),
               ArgumentError);
}

TEST(BaselinesTest, AStudyHasAllOfThem) {
  const TinyStudy study = make_study(tiny_model(TinyFamily::llama), {});
  std::vector<std::string> names;
  for (const BaselineResult& baseline : study.analysis.baselines) {
    names.push_back(baseline.name);
    EXPECT_TRUE(baseline.r || !baseline.why.empty()) << baseline.name;
    EXPECT_FALSE(baseline.definition.empty());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"mean", "lookup", "length", "position", "last_token",
                                             "ridge", "shuffled_labels"}));
  EXPECT_EQ(study.analysis.baselines[5].r, direction_of(study, "head").r);
}

// Shuffled labels tell nothing even where every text has a length of its own, so that no two groups
// could exchange places: the activation is a linear function of the features here.
TEST(BaselinesTest, ShuffledLabelsFindNothing) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  TinyStudy study = make_study(model, {.target = "blocks.1.hook_resid_post[3]@all"});
  const ProjectionAnalysis& analysis = study.analysis;
  EXPECT_GT(*analysis.baselines[5].r2_identity, 0.999);
  EXPECT_LT(*analysis.baselines[6].r2_identity, 0.2);
  // Training rows in groups of 1, 2, 3, ... rows.
  Index group = 0;
  Index left = 1;
  for (const Index row : analysis.training_rows) {
    study.data.group[static_cast<std::size_t>(row)] = 100000 + group;
    if (--left == 0) left = ++group + 1;
  }
  const ProjectionAnalysis again = analyse(model, study.data, 7);
  EXPECT_GT(*again.baselines[5].r2_identity, 0.999);
  EXPECT_LT(*again.baselines[6].r2_identity, 0.2);
}

}  // namespace
}  // namespace gnomon::test
