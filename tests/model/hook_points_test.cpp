// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hook_points.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

ModelConfig gpt2_small() {
  ModelConfig config;
  config.architecture = "gpt2";
  config.n_layers = 12;
  config.d_model = 768;
  config.n_heads = config.n_kv_heads = 12;
  config.d_head = 64;
  config.d_mlp = 3072;
  config.d_vocab = 50257;
  config.n_ctx = 1024;
  return config;
}

ModelConfig small_llama() {
  ModelConfig config;
  config.architecture = "llama";
  config.n_layers = 30;
  config.d_model = 576;
  config.n_heads = 9;
  config.n_kv_heads = 3;
  config.d_head = 64;
  config.d_mlp = 1536;
  config.d_vocab = 49152;
  config.n_ctx = 2048;
  config.gated_mlp = true;
  config.position = PositionKind::rotary;
  return config;
}

ModelConfig small_gpt_neox() {
  ModelConfig config = gpt2_small();
  config.architecture = "gpt_neox";
  config.position = PositionKind::rotary;
  config.parallel_block = true;
  return config;
}

struct Refused {
  ErrorCode code = ErrorCode::internal;
  std::string message;
};

Refused refused(std::string_view text, const ModelConfig& config) {
  try {
    parse_site(text, config);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::internal, "not refused"};
}

TEST(HookPoints, AParallelBlockHasNoStreamBetweenAttentionAndMlp) {
  for (const char* name :
       {"blocks.3.hook_resid_mid", "blocks.3.hook_resid_mid[5]@last", "resid_mid3"}) {
    const Refused error = refused(name, small_gpt_neox());
    EXPECT_EQ(error.code, ErrorCode::unknown_site) << name;
    EXPECT_NE(error.message.find("attention and MLP side by side, both on blocks.3.hook_resid_pre"),
              std::string::npos)
        << error.message;
  }
  // What goes into the MLP's norm there is the stream before the block.
  EXPECT_EQ(parse_site("blocks.3.ln2.hook_in", small_gpt_neox()),
            parse_site("blocks.3.hook_resid_pre", small_gpt_neox()));
  EXPECT_EQ(parse_site("gpt_neox.layers.3.post_attention_layernorm.in", small_gpt_neox()),
            parse_site("blocks.3.hook_resid_pre", small_gpt_neox()));
  ModelConfig sequential = small_gpt_neox();
  sequential.parallel_block = false;
  EXPECT_EQ(parse_site("gpt_neox.layers.3.post_attention_layernorm.in", sequential),
            parse_site("blocks.3.hook_resid_mid", sequential));
  EXPECT_EQ(written_stream(HookKind::attn_out, sequential), HookKind::resid_mid);
  EXPECT_EQ(written_stream(HookKind::attn_out, small_gpt_neox()), HookKind::resid_post);
  EXPECT_EQ(written_stream(HookKind::resid_pre, small_gpt_neox()), HookKind::resid_pre);
}

TEST(HookPoints, NamesRoundTripThroughTheParser) {
  for (const ModelConfig& config : {gpt2_small(), small_llama(), small_gpt_neox()}) {
    const std::vector<std::string> names = hook_names(config);
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
    for (const std::string& name : names) {
      const SiteAt at = parse_site(name, config);
      EXPECT_EQ(site_name(at.site, config), name);
      EXPECT_EQ(at.position, (Position{Position::Kind::last, -1}));
      EXPECT_EQ(parse_site(site_at_name(at, config), config), at);
    }
  }
  EXPECT_EQ(hook_names(gpt2_small()).size(), 2U + 12U * 25U + 5U);
  EXPECT_EQ(hook_names(small_llama()).size(), 1U + 30U * 27U + 5U);
}

TEST(HookPoints, NamesAreInFiringOrder) {
  const std::vector<std::string> names = hook_names(gpt2_small());
  EXPECT_EQ(names[0], "hook_embed");
  EXPECT_EQ(names[1], "hook_pos_embed");
  EXPECT_EQ(names[2], "blocks.0.hook_resid_pre");
  EXPECT_EQ(names[26], "blocks.0.hook_resid_post");
  EXPECT_EQ(names[27], "blocks.1.hook_resid_pre");
  EXPECT_EQ(names.back(), "unembed.hook_out");
}

TEST(HookPoints, WidthsAndShapes) {
  const ModelConfig config = small_llama();
  EXPECT_EQ(site_width(HookKind::mlp_post, config), 1536);
  EXPECT_EQ(site_width(HookKind::mlp_out, config), 576);
  EXPECT_EQ(site_width(HookKind::q, config), 576);
  EXPECT_EQ(site_width(HookKind::k, config), 192);
  EXPECT_EQ(site_width(HookKind::result, config), 9 * 576);
  EXPECT_EQ(site_width(HookKind::q_input, config), 9 * 576);
  EXPECT_EQ(site_width(HookKind::v_input, config), 3 * 576);
  EXPECT_EQ(site_width(HookKind::ln1_scale, config), 1);
  EXPECT_EQ(site_width(HookKind::logits, config), 49152);
  EXPECT_THROW(site_width(HookKind::pattern, config), ArgumentError);
  EXPECT_EQ(axes_text(HookKind::k, config), "[pos, kv_head, d_head] = [pos, 3, 64]");
  EXPECT_EQ(axes_text(HookKind::pattern, config), "[head, q_pos, k_pos] = [9, q_pos, k_pos]");
}

TEST(HookPoints, SitesOfOneFamilyDoNotExistInTheOther) {
  EXPECT_EQ(refused("hook_pos_embed", small_llama()).code, ErrorCode::unknown_site);
  for (const char* name :
       {"blocks.0.attn.hook_rot_q", "blocks.0.attn.hook_rot_k", "blocks.0.mlp.hook_pre_linear"}) {
    EXPECT_EQ(refused(name, gpt2_small()).code, ErrorCode::unknown_site) << name;
    EXPECT_NO_THROW(parse_site(name, small_llama())) << name;
  }
}

TEST(HookPoints, HeadsThatShareKeysHaveNoCopyOfTheStreamInCommon) {
  EXPECT_NO_THROW(parse_site("blocks.3.hook_attn_in[11,5]", gpt2_small()));
  const Refused error = refused("blocks.3.hook_attn_in", small_llama());
  EXPECT_EQ(error.code, ErrorCode::unknown_site);
  EXPECT_NE(error.message.find("9 query heads share the keys and values of 3"), std::string::npos)
      << error.message;
}

TEST(HookPoints, CoordinatesAndPositions) {
  const ModelConfig config = gpt2_small();
  const SiteAt neuron = parse_site(" blocks.8.mlp.hook_post[481]@-2 ", config);
  EXPECT_EQ(neuron.site, (Site{HookKind::mlp_post, 8, 481}));
  EXPECT_EQ(neuron.position, (Position{Position::Kind::index, -2}));
  EXPECT_EQ(site_at_name(neuron, config), "blocks.8.mlp.hook_post[481]@-2");
  EXPECT_EQ(parse_site("blocks.8.attn.hook_z[3, 5]", config).site.coordinate, 3 * 64 + 5);
  EXPECT_EQ(parse_site("blocks.8.attn.hook_z[197]@all", config),
            parse_site("blocks.8.attn.hook_z[3,5]@all", config));
  EXPECT_EQ(site_name(parse_site("blocks.8.attn.hook_z[197]", config).site, config),
            "blocks.8.attn.hook_z[3,5]");
  EXPECT_EQ(parse_site("blocks.8.attn.hook_result[2,767]", config).site.coordinate, 2 * 768 + 767);
  EXPECT_EQ(parse_site("blocks.8.hook_k_input[2,767]", config).site.coordinate, 2 * 768 + 767);
  EXPECT_EQ(site_name({HookKind::k_input, 8, 2 * 768 + 767}, config),
            "blocks.8.hook_k_input[2,767]");
}

TEST(HookPoints, WhatIsRefusedAndWhy) {
  const ModelConfig config = gpt2_small();
  EXPECT_EQ(refused("blocks.3.attn.hook_patern", config).message,
            "no hook point \"blocks.3.attn.hook_patern\" in this model; did you mean "
            "\"blocks.3.attn.hook_pattern\"?");
  EXPECT_EQ(refused("blocks.12.hook_resid_post", config).message,
            "no hook point \"blocks.12.hook_resid_post\"; the model has 12 blocks, 0 to 11");
  struct Case {
    const char* text;
    ErrorCode code;
  };
  for (const Case& one :
       {Case{"blocks.8.mlp.hook_post[3072]", ErrorCode::out_of_range},
        Case{"blocks.8.mlp.hook_post[-1]", ErrorCode::out_of_range},
        Case{"blocks.8.attn.hook_z[12,0]", ErrorCode::out_of_range},
        Case{"blocks.8.attn.hook_z[0,64]", ErrorCode::out_of_range},
        Case{"blocks.-1.hook_resid_pre", ErrorCode::out_of_range},
        Case{"blocks.8.attn.hook_pattern[0]", ErrorCode::wrong_site},
        Case{"blocks.8.ln1.hook_scale[0]", ErrorCode::wrong_site},
        Case{"blocks.8.mlp.hook_post[0,1]", ErrorCode::usage},
        Case{"blocks.8.mlp.hook_post[]", ErrorCode::usage},
        Case{"blocks.8.mlp.hook_post[1.5]", ErrorCode::usage},
        Case{"blocks.8.mlp.hook_post]", ErrorCode::usage},
        Case{"blocks.8.mlp.hook_post@", ErrorCode::usage},
        Case{"blocks.8.mlp.hook_post@first", ErrorCode::usage},
        Case{"", ErrorCode::unknown_site},
        Case{"blocks.", ErrorCode::unknown_site},
        Case{"blocks.8", ErrorCode::unknown_site},
        Case{"blocks.x.hook_resid_pre", ErrorCode::unknown_site},
        Case{"blocks.8.hook_embed", ErrorCode::unknown_site},
        Case{"mlp.hook_post", ErrorCode::unknown_site},
        Case{"blocks.99999999999999999999.hook_resid_pre", ErrorCode::unknown_site}}) {
    EXPECT_EQ(refused(one.text, config).code, one.code)
        << one.text << ": " << refused(one.text, config).message;
  }
}

TEST(HookPoints, PositionsOfAText) {
  EXPECT_EQ(resolve_position({Position::Kind::last, -1}, 5), (std::vector<Index>{4}));
  EXPECT_EQ(resolve_position({Position::Kind::all, 0}, 3), (std::vector<Index>{0, 1, 2}));
  EXPECT_EQ(resolve_position({Position::Kind::index, 0}, 5), (std::vector<Index>{0}));
  EXPECT_EQ(resolve_position({Position::Kind::index, -5}, 5), (std::vector<Index>{0}));
  EXPECT_THROW(resolve_position({Position::Kind::index, 5}, 5), ArgumentError);
  EXPECT_THROW(resolve_position({Position::Kind::index, -6}, 5), ArgumentError);
  EXPECT_THROW(resolve_position({Position::Kind::last, -1}, 0), ArgumentError);
}

}  // namespace
}  // namespace gnomon
