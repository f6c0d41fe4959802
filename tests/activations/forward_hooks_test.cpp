// SPDX-License-Identifier: Apache-2.0
// The hooks of the forward pass: which fire, in which order, with which shape; what they may do.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "activations/model_cases.h"
#include "gnomon/base/error.h"
#include "gnomon/model/forward.h"

namespace gnomon::test {
namespace {

template <class Case>
class ForwardHooksTest : public ::testing::Test {
 protected:
  using Scalar = typename Case::Scalar;

  const Model& model() const { return tiny_model(Case::family); }
  const ModelConfig& config() const { return model().config(); }
  PackedBatch batch() const { return pack(random_texts(config(), {3, 9, 1}, 2)); }

  void run(const Hooks<Scalar>& hooks, std::span<const Index> kept = {}) const {
    run_forward<Scalar>(config(), model().template weights<Scalar>(), batch(), hooks, kept,
                        RunOptions{}.backend);
  }

  // Logits as the only hook sees them.
  std::vector<Scalar> logits() const {
    std::vector<Scalar> seen;
    Hooks<Scalar> hooks;
    hooks.add(HookKind::logits, -1, [&](const HookContext&, MatrixView<Scalar> values) {
      seen.assign(values.data, values.data + values.rows * values.cols);
    });
    run(hooks);
    return seen;
  }
};
TYPED_TEST_SUITE(ForwardHooksTest, ModelCases, ModelCaseNames);

TYPED_TEST(ForwardHooksTest, EveryHookPointFiresOncePerLayerInTheOrderOfTheTable) {
  using T = typename TypeParam::Scalar;
  const ModelConfig& config = this->config();
  const PackedBatch batch = this->batch();
  std::vector<std::string> fired;
  std::vector<Index> pair_texts;
  Hooks<T> hooks;
  for (const SiteAt& at : all_sites(config)) {
    hooks.add(at.site.kind, at.site.layer, [&](const HookContext& context, MatrixView<T> values) {
      const Site site{context.kind, context.layer, std::nullopt};
      SCOPED_TRACE(site_name(site, config));
      if (is_pairs(site)) {
        const Index n = batch.length(context.text);
        EXPECT_EQ(values.rows, config.n_heads * n);
        EXPECT_EQ(values.cols, n);
        EXPECT_EQ(static_cast<Index>(context.rows.size()), n);
        EXPECT_EQ(context.rows.front(), batch.offset[static_cast<std::size_t>(context.text)]);
        pair_texts.push_back(context.text);
        if (context.text > 0) return;
      } else {
        EXPECT_EQ(context.text, -1);
        EXPECT_EQ(values.rows, batch.n_token());
        EXPECT_EQ(values.cols, site_width(context.kind, config));
        ASSERT_EQ(static_cast<Index>(context.rows.size()), batch.n_token());
        for (Index i = 0; i < batch.n_token(); ++i)
          EXPECT_EQ(context.rows[static_cast<std::size_t>(i)], i);
      }
      fired.push_back(site_name(site, config));
    });
  }
  this->run(hooks);
  EXPECT_EQ(fired, hook_names(config));
  // Scores and patterns of each layer, text by text.
  EXPECT_EQ(static_cast<Index>(pair_texts.size()), 2 * config.n_layers * batch.n_text());
}

TYPED_TEST(ForwardHooksTest, TheTableHasARowForEverySiteOfTheFamily) {
  const std::vector<std::string> names = hook_names(this->config());
  const bool gated = this->config().gated_mlp;
  const bool rotary = this->config().position == PositionKind::rotary;
  const bool parallel = this->config().parallel_block;
  const auto has = [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  EXPECT_EQ(has("hook_pos_embed"), !rotary);
  EXPECT_EQ(has("blocks.1.attn.hook_rot_k"), rotary);
  EXPECT_EQ(has("blocks.1.hook_resid_mid"), !parallel);
  EXPECT_EQ(has("blocks.1.mlp.hook_pre_linear"), gated);
  const bool own_keys = this->config().n_heads == this->config().n_kv_heads;
  EXPECT_EQ(has("blocks.1.hook_attn_in"), own_keys);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  // 28 in a block, two of which rotary models alone have, one that gated ones alone have, one that
  // parallel blocks lack, and one that heads with shared keys lack.
  const unsigned in_block =
      24U + (rotary ? 2U : 0U) + (gated ? 1U : 0U) - (parallel ? 1U : 0U) + (own_keys ? 1U : 0U);
  EXPECT_EQ(names.size(), (rotary ? 1U : 2U) + 2 * in_block + 5U);
}

TYPED_TEST(ForwardHooksTest, HooksOfOneSiteAreCalledInTheOrderInWhichTheyWereAdded) {
  using T = typename TypeParam::Scalar;
  std::vector<int> order;
  Hooks<T> hooks;
  for (int i = 0; i < 3; ++i) {
    hooks.add(mlp_stream(this->config()), 0, [&order, i](const HookContext&, MatrixView<T> values) {
      order.push_back(i);
      // The second sees what the first left.
      if (i == 0) values(0, 0) = 7;
      if (i == 1) {
        EXPECT_EQ(values(0, 0), T{7});
        values(0, 0) *= 2;
      }
      if (i == 2) {
        EXPECT_EQ(values(0, 0), T{14});
      }
    });
  }
  this->run(hooks);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TYPED_TEST(ForwardHooksTest, AnExceptionEndsThePassAndLeavesTheModelUsable) {
  using T = typename TypeParam::Scalar;
  const std::vector<T> before = this->logits();
  for (const SiteAt& at : all_sites(this->config())) {
    SCOPED_TRACE(site_at_name(at, this->config()));
    Hooks<T> hooks;
    bool later = false;
    hooks.add(at.site.kind, at.site.layer,
              [](const HookContext&, MatrixView<T>) { throw std::runtime_error("from a hook"); });
    hooks.add(HookKind::logits, -1, [&](const HookContext&, MatrixView<T>) { later = true; });
    EXPECT_THROW(this->run(hooks), std::runtime_error);
    EXPECT_FALSE(later);
  }
  EXPECT_TRUE(same_bits<T>(before, this->logits()));
}

TYPED_TEST(ForwardHooksTest, NothingAfterTheLastSiteIsComputed) {
  using T = typename TypeParam::Scalar;
  Hooks<T> hooks;
  hooks.add(HookKind::mlp_pre, 0, [](const HookContext&, MatrixView<T>) {});
  EXPECT_EQ(hooks.last(), (std::pair<HookKind, Index>{HookKind::mlp_pre, 0}));
  hooks.add(HookKind::q, 1, [](const HookContext&, MatrixView<T>) {});
  hooks.add(HookKind::embed, -1, [](const HookContext&, MatrixView<T>) {});
  EXPECT_EQ(hooks.last(), (std::pair<HookKind, Index>{HookKind::q, 1}));
  hooks.add(HookKind::ln_final_scale, -1, [](const HookContext&, MatrixView<T>) {});
  EXPECT_EQ(hooks.last(), (std::pair<HookKind, Index>{HookKind::ln_final_scale, -1}));
}

TYPED_TEST(ForwardHooksTest, KeptRowsAreTheRowsOfAll) {
  using T = typename TypeParam::Scalar;
  const std::vector<T> all = this->logits();
  const std::vector<Index> kept = {0, 4, 5, 11, 12};
  Hooks<T> hooks;
  bool called = false;
  hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<T> values) {
    called = true;
    ASSERT_EQ(std::vector<Index>(context.rows.begin(), context.rows.end()), kept);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const std::span<const T> expected = std::span<const T>(all).subspan(
          static_cast<std::size_t>(kept[i] * values.cols), static_cast<std::size_t>(values.cols));
      EXPECT_TRUE(same_bits<T>(values.row(static_cast<Index>(i)), expected));
    }
  });
  this->run(hooks, kept);
  EXPECT_TRUE(called);
  for (const std::vector<Index>& wrong :
       {std::vector<Index>{3, 3}, {5, 2}, {-1}, {13}, {0, 12, 13}}) {
    EXPECT_THROW(this->run(hooks, wrong), ArgumentError);
  }
}

TYPED_TEST(ForwardHooksTest, ASiteThatTheModelDoesNotHaveIsAnError) {
  using T = typename TypeParam::Scalar;
  const auto nothing = [](const HookContext&, MatrixView<T>) {};
  const auto code_of = [&](HookKind kind, Index layer) {
    Hooks<T> hooks;
    try {
      hooks.add(kind, layer, nothing);
      this->run(hooks);
    } catch (const ArgumentError& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of(HookKind::resid_post, 2), ErrorCode::out_of_range);
  EXPECT_EQ(code_of(HookKind::resid_post, -1), ErrorCode::usage);
  EXPECT_EQ(code_of(HookKind::logits, 0), ErrorCode::usage);
  const bool rotary = this->config().position == PositionKind::rotary;
  EXPECT_EQ(code_of(rotary ? HookKind::pos_embed : HookKind::rot_q, rotary ? -1 : 1),
            ErrorCode::unknown_site);
  if (!this->config().gated_mlp) {
    EXPECT_EQ(code_of(HookKind::mlp_pre_linear, 0), ErrorCode::unknown_site);
  }
  if (this->config().parallel_block) {
    EXPECT_EQ(code_of(HookKind::resid_mid, 0), ErrorCode::unknown_site);
  }
  EXPECT_THROW(this->run(Hooks<T>()), ArgumentError);
}

TYPED_TEST(ForwardHooksTest, AnUnknownNameIsAnErrorWithTheNearest) {
  try {
    parse_site("blocks.1.attn.hook_patern", this->config());
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::unknown_site);
    EXPECT_NE(std::string(error.what()).find("did you mean \"blocks.1.attn.hook_pattern\"?"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace gnomon::test
