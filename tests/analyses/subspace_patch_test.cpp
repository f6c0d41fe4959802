// SPDX-License-Identifier: Apache-2.0
// Planted heads: what exchanging, erasing and keeping a direction does to their reports.
#include "gnomon/analyses/subspace_patch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analyses/planted_head.h"
#include "gnomon/analyses/detail/stream_readers.h"
#include "gnomon/analyses/erased_loss.h"
#include "gnomon/base/error.h"
#include "gnomon/directions/direction.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/model/forward.h"

namespace gnomon {
namespace {

using test::TinyFamily;

constexpr Index kNeuron = 3;

std::vector<double> write_of(const Model& model) {
  const std::array<Index, 1> one = {kNeuron};
  const Tensor<double> rows = write_directions(model.weights<double>(), 0, one);
  return {rows.values().begin(), rows.values().end()};
}

SubspaceOptions few() {
  SubspaceOptions options;
  options.n_shuffle = 199;
  options.n_random = 9;
  options.bootstrap.n_bootstrap = 100;
  return options;
}

const SubspacePart& part(const SubspaceStudy& study, const std::string& direction,
                         const std::string& name) {
  const auto found = std::ranges::find(study.directions, direction, &SubspaceDirection::name);
  return *std::ranges::find(found->parts, name, &SubspacePart::name);
}

const Erasure& erasure(const SubspaceStudy& study, const std::string& method,
                       const std::string& direction) {
  return *std::ranges::find_if(study.erasures, [&](const Erasure& e) {
    return e.method == method && e.direction == direction;
  });
}

void expect_checks(const SubspaceStudy& study) {
  ASSERT_EQ(study.checks.size(), 2U);
  for (const CheckResult& check : study.checks)
    EXPECT_EQ(check.status, CheckStatus::pass) << check.id << " " << *check.value;
}

class Subspaces : public ::testing::TestWithParam<TinyFamily> {
 protected:
  const Model& model() const { return test::tiny_model(GetParam()); }
};

// report = W_out[n] · x: all that another text does to it comes through that direction, all of
// which the head sees.
TEST_P(Subspaces, AHeadAlongTheWriteReadsNothingElse) {
  const SubspaceStudy study =
      study_subspaces<double>(test::planted_head(model(), write_of(model())), few());
  EXPECT_NEAR(*part(study, "write", "direction").effect_share, 1, 1e-12);
  EXPECT_NEAR(*part(study, "write", "site").effect_share, 1, 1e-10);
  EXPECT_NEAR(*part(study, "write", "row_space").length_share, 1, 1e-12);
  EXPECT_NEAR(*part(study, "write", "null_space").effect_share, 0, 1e-10);
  const auto& write = study.directions.back();
  EXPECT_EQ(write.readers, "the head");
  EXPECT_EQ(write.reader_rank, 1);
  EXPECT_FALSE(write.past_readers);
  // Without it the report is the same for every text; with it alone it is what it was.
  EXPECT_NEAR(*erasure(study, "mean_projection", "write").effect.ablated_slope.estimate, 0, 1e-10);
  EXPECT_LT(erasure(study, "keep_only", "write").effect.largest_change, 1e-10);
  EXPECT_EQ(*erasure(study, "mean_projection", "write").percentile, 100);
  // The head's direction is the same one, at the stream that it reads.
  EXPECT_NEAR(*erasure(study, "mean_projection", "head").effect.ablated_slope.estimate, 0, 1e-10);
  EXPECT_LT(erasure(study, "keep_only", "head").effect.largest_change, 1e-10);
  expect_checks(study);
}

// The map at every token, made by hooks in a run of its own.
TEST_P(Subspaces, LossesAreThoseOfRunsWithTheMapInAHook) {
  const ModelConfig& config = model().config();
  const std::vector<std::vector<TokenId>> ids = test::random_texts(config, {5, 9, 1, 7}, 3);
  RankOneErasure map;
  for (Index c = 0; c < config.d_model; ++c) {
    map.mean.push_back(std::cos(static_cast<double>(c)));
    map.read.push_back(std::sin(static_cast<double>(c)));
    map.remove.push_back(std::sin(static_cast<double>(2 * c)));
  }
  const std::array<RankOneErasure, 1> maps = {map};
  for (const HookKind kind : {HookKind::resid_pre, HookKind::resid_mid, HookKind::resid_post}) {
    if (!exists_in(hook_point(kind), config)) continue;
    for (const Index layer : {Index{0}, config.n_layers - 1}) {
      const ErasedLosses losses =
          erased_losses<double>(model(), ids, {kind, layer, std::nullopt}, maps, {});
      EXPECT_EQ(losses.clean.sum, language_model_loss<double>(model(), ids, {}).sum);
      EXPECT_EQ(losses.clean.n_token, 4 + 8 + 6);
      const PackedBatch batch = pack(ids);
      Hooks<double> hooks;
      double expected = 0;
      hooks.add(kind, layer, [&](const HookContext&, MatrixView<double> x) {
        for (Index i = 0; i < x.rows; ++i)
          std::ranges::copy(map.erased(x.row(i)), x.row(i).begin());
      });
      hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<double> logits) {
        expected = next_token_loss<double>(context, logits);
      });
      run_forward<double>(config, model().weights<double>(), batch, hooks, {}, Backend::packed);
      EXPECT_EQ(losses.erased.front().sum, expected) << hook_point(kind).name << " " << layer;
      EXPECT_NE(expected, losses.clean.sum);
    }
  }
  EXPECT_THROW(erased_losses<double>(model(), ids, {HookKind::mlp_out, 0, std::nullopt}, maps, {}),
               ArgumentError);
}

// A head that sees half of the write's direction: the rest is in its null space and does nothing.
TEST_P(Subspaces, TheHeadsNullSpaceDoesNothing) {
  std::vector<double> weight = write_of(model());
  for (std::size_t c = 0; c < weight.size(); c += 2) weight[c] = 0;
  const SubspaceStudy study = study_subspaces<double>(test::planted_head(model(), weight), few());
  const SubspacePart& seen = part(study, "write", "row_space");
  const SubspacePart& unseen = part(study, "write", "null_space");
  EXPECT_NEAR(*seen.effect_share, 1, 1e-10);
  EXPECT_NEAR(*unseen.effect_share, 0, 1e-10);
  EXPECT_NEAR(*seen.length_share + *unseen.length_share, 1, 1e-12);
  EXPECT_GT(*unseen.length_share, 0.1);
  EXPECT_LT(unseen.mean_report_change, 1e-10);
  EXPECT_GT(unseen.mean_site_change, 0);
  expect_checks(study);
}

// The component exchanged is the donor's: a head that gives it follows the donor exactly.
TEST_P(Subspaces, PartsAddUpAndFollowTheDonor) {
  const SubspaceStudy study =
      study_subspaces<double>(test::planted_head(model(), write_of(model())), few());
  for (const SubspaceDirection& direction : study.directions) {
    EXPECT_EQ(direction.parts.size(), 4U) << direction.why_no_split;
    for (const SubspacePart& one : direction.parts) {
      EXPECT_EQ(one.follows.n_pair, 4 * study.n_row);
      EXPECT_GE(*one.share_typical, 0);
      EXPECT_LE(*one.share_typical, 1);
    }
    // What is put into the stream by both parts is what the direction puts in.
    EXPECT_NEAR(*direction.parts[1].length_share + *direction.parts[2].length_share, 1, 1e-9);
  }
  EXPECT_EQ(
      study.directions.front().site,
      site_at_name({{mlp_stream(model().config()), 0, std::nullopt}, {Position::Kind::last, -1}},
                   model().config()));
}

// Reading weights of full rank see everything but, under LayerNorm, the vector of ones.
TEST_P(Subspaces, ReadersOfAStream) {
  const ModelConfig& config = model().config();
  const bool centres = config.norm == NormKind::layer_norm;
  for (const HookKind kind : {mlp_stream(config), HookKind::resid_post}) {
    const detail::StreamReaders readers =
        detail::next_readers<double>(model(), {kind, 0, std::nullopt});
    ASSERT_TRUE(readers.why.empty());
    const std::vector<double> ones(static_cast<std::size_t>(config.d_model), 1.0);
    Index rank = 0;
    const std::vector<double> seen = detail::row_space_part(readers.reads.matrix(), ones, rank);
    EXPECT_EQ(rank, config.d_model - (centres ? 1 : 0));
    EXPECT_NEAR(norm(seen), centres ? 0 : norm(ones), 1e-9);
  }
  EXPECT_FALSE(
      detail::next_readers<double>(model(), {HookKind::resid_post, 1, std::nullopt}).why.empty());
}

// The rows that leace leaves tell nothing of the activation linearly: a head at the site of the
// write has no slope on it on the training rows, whatever its weights.
TEST_P(Subspaces, LeaceLeavesNoSlopeOnTheRowsItWasFittedOn) {
  std::vector<double> weight(static_cast<std::size_t>(model().config().d_model));
  for (std::size_t c = 0; c < weight.size(); ++c) weight[c] = std::sin(static_cast<double>(c));
  SubspaceOptions options = few();
  options.part = Part::train;
  const SubspaceStudy study = study_subspaces<double>(test::planted_head(model(), weight), options);
  const Necessity& effect = erasure(study, "leace", "activation").effect;
  EXPECT_GT(std::abs(*effect.clean_slope.estimate), 1e-3);
  EXPECT_NEAR(*effect.ablated_slope.estimate, 0, 1e-10);
  expect_checks(study);
}

TEST_P(Subspaces, ReportsThatAreOutOfReachAreRefused) {
  // Side by side with attention, the MLP reads this very stream, and a patch of it is in reach.
  if (model().config().parallel_block) return;
  const auto data = test::tiny_reporter_data(model(), 60, {kNeuron});
  data->feature_site.site = {HookKind::resid_pre, 0, std::nullopt};
  const ReportModel<double> report(model(), data, {}, {});
  try {
    study_subspaces<double>(report, few());
    ADD_FAILURE() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::wrong_site);
  }
}

TEST_P(Subspaces, FloatAgreesWithDouble) {
  const auto data = test::tiny_reporter_data(model(), 60, {kNeuron});
  TrainOptions options;
  options.seed = 2;
  const SubspaceStudy a =
      study_subspaces<double>(ReportModel<double>(model(), data, options, {}), few());
  const SubspaceStudy b =
      study_subspaces<float>(ReportModel<float>(model(), data, options, {}), few());
  for (std::size_t d = 0; d < a.directions.size(); ++d) {
    for (std::size_t k = 0; k < a.directions[d].parts.size(); ++k) {
      const double change = a.directions[d].parts[k].mean_report_change;
      // Reports are below 10 with rounding of 2 blocks of floats.
      EXPECT_NEAR(b.directions[d].parts[k].mean_report_change, change, 1e-4);
    }
  }
  expect_checks(b);
}

INSTANTIATE_TEST_SUITE_P(Families, Subspaces,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                           TinyFamily::gpt_neox),
                         [](const auto& instance) {
                           return std::string(test::family_name(instance.param));
                         });

}  // namespace
}  // namespace gnomon
