// SPDX-License-Identifier: Apache-2.0
#include "gnomon/targets/target.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "support/tiny_model.h"

namespace gnomon::test {
namespace {

const ModelConfig& config(TinyFamily family) { return tiny_model(family).config(); }

Target target_of(const std::string& text, TinyFamily family) {
  return make_target(parse_site(text, config(family)), config(family));
}

TEST(TargetTest, TheSiteDecidesTheKind) {
  const struct {
    const char* site;
    TargetKind kind;
  } cases[] = {
      {"blocks.1.mlp.hook_post[7]", TargetKind::neuron_post},
      {"blocks.1.mlp.hook_pre[7]", TargetKind::neuron_pre},
      {"blocks.1.mlp.hook_pre_linear[7]", TargetKind::neuron_pre_linear},
      {"blocks.1.hook_mlp_out[7]", TargetKind::residual_coordinate},
      {"blocks.1.hook_attn_out[7]", TargetKind::residual_coordinate},
      {"blocks.1.hook_resid_pre[7]", TargetKind::residual_coordinate},
      {"blocks.1.hook_resid_mid[7]", TargetKind::residual_coordinate},
      {"blocks.1.hook_resid_post[7]", TargetKind::residual_coordinate},
  };
  for (const auto& [site, kind] : cases) {
    const Target target = target_of(std::string(site) + "@-2", TinyFamily::llama);
    EXPECT_EQ(target.kind, kind) << site;
    EXPECT_EQ(target.is_neuron(), kind != TargetKind::residual_coordinate) << site;
    EXPECT_EQ(target.layer(), 1);
    EXPECT_EQ(target.index(), 7);
    EXPECT_EQ(target.at.position, (Position{Position::Kind::index, -2}));
  }
}

TEST(TargetTest, EverySiteIsATargetOrRefusedWithAHint) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    Index n_target = 0;
    for (SiteAt at : all_sites(config(family))) {
      const SiteAxes axes = hook_point(at.site.kind).axes;
      if (axes != SiteAxes::pairs && axes != SiteAxes::scalar) at.site.coordinate = 3;
      try {
        make_target(at, config(family));
        ++n_target;
      } catch (const ArgumentError& error) {
        EXPECT_EQ(error.code(), ErrorCode::wrong_site);
        EXPECT_NE(error.hint().find("mlp.hook_post[0]@last"), std::string::npos) << error.hint();
      }
    }
    EXPECT_EQ(n_target, 2 * (family == TinyFamily::llama ? 8 : family == TinyFamily::gpt2 ? 7 : 6));
  }
}

// What the original study mixed up: a coordinate of the MLP's output is no neuron.
TEST(TargetTest, ACoordinateOfTheMlpOutputIsNoNeuron) {
  EXPECT_FALSE(target_of("blocks.0.hook_mlp_out[5]@last", TinyFamily::gpt2).is_neuron());
}

TEST(TargetTest, AWholeRowIsRefusedWithAnExample) {
  try {
    target_of("blocks.0.mlp.hook_post@5", TinyFamily::gpt2);
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    EXPECT_STREQ(
        error.what(),
        "\"blocks.0.mlp.hook_post\" has 40 numbers for each token, expected one coordinate");
    EXPECT_EQ(error.hint(), "--target 'blocks.0.mlp.hook_post[0]@5'");
  }
}

TEST(TargetTest, CoordinatesBeyondTheSiteAreOutOfRange) {
  for (const char* text : {"blocks.0.mlp.hook_post[40]", "blocks.0.hook_mlp_out[24]",
                           "blocks.2.mlp.hook_post[0]", "blocks.0.mlp.hook_post[-1]"}) {
    try {
      target_of(text, TinyFamily::gpt2);
      ADD_FAILURE() << "no error for " << text;
    } catch (const ArgumentError& error) {
      EXPECT_EQ(error.code(), ErrorCode::out_of_range) << error.what();
    }
  }
}

}  // namespace
}  // namespace gnomon::test
