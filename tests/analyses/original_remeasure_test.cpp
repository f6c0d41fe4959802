// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_remeasure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "gnomon/base/error.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/stats/correlation.h"
#include "support/original_run_files.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace gnomon {
namespace {

using ::testing::HasSubstr;

constexpr Index kPaddedLength = 48;  // the tiny models' context

double centred(std::span<const float> row, std::size_t index) {
  double mean = 0;
  for (const float value : row)
    mean += static_cast<double>(value) / static_cast<double>(row.size());
  return static_cast<double>(row[index]) - mean;
}

// Coordinate 5 of mlp_out 1, centred, at the last token of `ids`, by itself.
double measure(const Model& model, const std::vector<TokenId>& ids) {
  const std::vector<SiteAt> sites = {parse_site("blocks.1.hook_mlp_out@last", model.config())};
  const std::vector<std::vector<TokenId>> texts = {ids};
  const auto result = capture<float>(model, texts, sites, {}, RunOptions());
  return centred(result.activations[0].values.matrix().row(0), 5);
}

// A run as the original program would have made it with the tiny model: labels at the last token,
// "actual" at the last position of the padded text.
test::OriginalRunFiles run_of(const Model& model) {
  test::OriginalRunFiles files;
  files.width = model.config().d_model;
  files.max_length = kPaddedLength;
  files.make_rows();
  for (std::size_t i = 0; i < files.texts.size(); ++i)
    files.labels[i] = measure(model, model.tokenizer().encode(files.texts[i]));
  const std::vector<Index> order = torch_permutation(200, kOriginalSeed);
  for (std::size_t i = 170; i < 200; ++i) {
    std::vector<TokenId> ids =
        model.tokenizer().encode(files.texts[static_cast<std::size_t>(order[i])]);
    ids.resize(kPaddedLength, model.tokenizer().encode("<|endoftext|>").at(0));
    files.actual.push_back(measure(model, ids));
  }
  return files;
}

OriginalRun stored(test::OriginalRunFiles files) {
  const test::TemporaryFolder folder;
  files.write(folder.path());
  return read_original_run(folder.path());
}

TEST(OriginalRemeasure, FindsHowLabelsAndActualsWereMeasured) {
  const Model& model = test::tiny_model(test::TinyFamily::gpt2);
  const OriginalRun run = stored(run_of(model));
  const OriginalRemeasurement found = remeasure_original_run(model, run, {});
  EXPECT_EQ(found.site, "blocks.1.hook_mlp_out[5]");
  // With and without a token before, raw and centred; a padded text has no room for one.
  ASSERT_EQ(found.labels.size(), 4U);
  for (const RemeasuredVariant& variant : found.labels)
    EXPECT_EQ(variant.reproduces, !variant.bos && variant.centred) << variant.largest_difference;
  ASSERT_EQ(found.padded_length, kPaddedLength);
  ASSERT_EQ(found.padded.size(), 2U) << found.why_no_padded;
  for (const RemeasuredVariant& variant : found.padded)
    EXPECT_EQ(variant.reproduces, !variant.bos && variant.centred) << variant.largest_difference;
}

TEST(OriginalRemeasure, ProjectionsAreOfTheNamedStreams) {
  const Model& model = test::tiny_model(test::TinyFamily::gpt2);
  test::OriginalRunFiles files;
  files.width = model.config().d_model;
  files.make_rows();
  const OriginalRun run = stored(files);
  const OriginalRemeasurement found = remeasure_original_run(model, run, {});
  EXPECT_THAT(found.why_no_padded, HasSubstr("padding to 512 tokens, the model's context has 48"));
  std::vector<std::vector<TokenId>> ids;
  for (const std::string& text : files.texts) ids.push_back(model.tokenizer().encode(text));
  const std::vector<SiteAt> sites = {parse_site("blocks.1.hook_resid_pre@last", model.config()),
                                     parse_site("blocks.1.hook_resid_post@last", model.config()),
                                     parse_site("blocks.1.mlp.hook_post[5]@last", model.config())};
  const auto captured = capture<float>(model, ids, sites, {}, RunOptions());
  const auto r_of = [&](std::string_view name) {
    const auto at = std::ranges::find(found.projections, name, &RemeasuredProjection::name);
    EXPECT_NE(at, found.projections.end()) << name;
    return at->r_rows.value_or(2);
  };
  std::vector<double> neuron;
  std::vector<double> input;
  std::vector<double> coordinate;
  const NeuronWeights weights = neuron_weights(model.config(), model.weights<float>(), 1, 5);
  for (Index t = 0; t < std::ssize(ids); ++t) {
    neuron.push_back(static_cast<double>(captured.activations[2].values.data()[t]));
    const auto pre = captured.activations[0].values.matrix().row(t);
    double sum = 0;
    for (std::size_t i = 0; i < pre.size(); ++i)
      sum += centred(pre, i) * weights.norm_weight[i] * weights.read[i];
    input.push_back(sum);
    coordinate.push_back(centred(captured.activations[1].values.matrix().row(t), 5));
  }
  // Sums of 24 products in another order.
  EXPECT_NEAR(r_of("neuron"), *pearson(neuron, files.labels).r, 1e-9);
  EXPECT_NEAR(r_of("input"), *pearson(input, files.labels).r, 1e-9);
  EXPECT_NEAR(r_of("coordinate"), *pearson(coordinate, files.labels).r, 1e-9);
  for (const char* name : {"head", "output", "neuron_dir"}) EXPECT_LE(std::abs(r_of(name)), 1);
}

TEST(OriginalRemeasure, RefusesAnotherModel) {
  const Model& model = test::tiny_model(test::TinyFamily::gpt2);
  const auto message_of = [&](const OriginalRun& run) -> std::string {
    try {
      remeasure_original_run(model, run, {});
    } catch (const ArgumentError& e) {
      return e.what();
    }
    return "no error";
  };
  OriginalRun run = stored({});
  EXPECT_THAT(message_of(run), HasSubstr("the run's model has d_model 64"));
  run.d_model.reset();
  run.layer = 7;
  EXPECT_THAT(message_of(run), HasSubstr("no hook point \"blocks.7.hook_mlp_out\""));
  run.layer = 1;
  run.index = 24;
  EXPECT_THAT(message_of(run), HasSubstr("24"));
  run.layer_type = "attn";
  EXPECT_THAT(message_of(run), HasSubstr("expected \"mlp_out\" or \"resid_post\""));
  run.layer.reset();
  EXPECT_THAT(message_of(run), HasSubstr("does not say its target"));
  OriginalRun long_text = stored({});
  long_text.d_model.reset();
  long_text.rows[0].text = std::string(500, 'x');
  EXPECT_THAT(message_of(long_text), HasSubstr("1 of the run's texts cannot be read"));
}

}  // namespace
}  // namespace gnomon
