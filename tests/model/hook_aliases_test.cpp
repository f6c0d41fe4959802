// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hook_aliases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "gnomon/base/error.h"
#include "gnomon/model/hook_points.h"

namespace gnomon {
namespace {

ModelConfig family(std::string_view architecture) {
  ModelConfig config;
  config.architecture = architecture;
  config.n_layers = 12;
  config.d_model = 768;
  config.n_heads = config.n_kv_heads = 12;
  config.d_head = 64;
  config.d_mlp = 3072;
  config.d_vocab = 50257;
  config.n_ctx = 1024;
  config.parallel_block = architecture == "gpt_neox";
  if (architecture == "gpt_neox") config.position = PositionKind::rotary;
  if (architecture == "llama") {
    config.gated_mlp = true;
    config.position = PositionKind::rotary;
  }
  return config;
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  if (const std::size_t at = result.find(from); at != std::string::npos) {
    result.replace(at, from.size(), to);
  }
  return result;
}

TEST(HookAliases, EveryRowLeadsToASiteOfItsFamily) {
  for (const HookAlias& row : hook_aliases()) {
    for (const char* architecture : {"gpt2", "llama", "gpt_neox"}) {
      if (!row.architecture.empty() && row.architecture != architecture) continue;
      const ModelConfig config = family(architecture);
      const std::vector<std::string> names = hook_names(config);
      const std::string name = replaced(row.name, "{l}", "8");
      std::string hook = replaced(replaced(row.hook, "{l}", "8"), "{last}", "11");
      if (config.parallel_block && hook == "blocks.8.hook_resid_mid") {
        if (row.name == "resid_mid{l}") continue;  // refused: hook_points_test
        hook = "blocks.8.hook_resid_pre";
      }
      EXPECT_FALSE(row.equation.empty()) << name;
      if (row.equal) {
        EXPECT_EQ(resolve_hook_alias(name, config), hook) << name;
        EXPECT_NE(std::find(names.begin(), names.end(), hook), names.end()) << hook;
        EXPECT_EQ(parse_site(name, config), parse_site(hook, config)) << name;
      } else {
        EXPECT_THROW(resolve_hook_alias(name, config), ArgumentError) << name;
      }
    }
  }
}

TEST(HookAliases, NoNameStandsTwiceInAFamily) {
  std::set<std::tuple<std::string, std::string>> seen;
  for (const HookAlias& row : hook_aliases()) {
    for (const char* architecture : {"gpt2", "llama", "gpt_neox"}) {
      if (!row.architecture.empty() && row.architecture != architecture) continue;
      EXPECT_TRUE(seen.emplace(row.name, architecture).second) << row.name;
    }
  }
}

TEST(HookAliases, OurOwnNamesAreNoAliases) {
  for (const char* architecture : {"gpt2", "llama", "gpt_neox"}) {
    const ModelConfig config = family(architecture);
    for (const std::string& name : hook_names(config)) {
      EXPECT_EQ(resolve_hook_alias(name, config), std::nullopt) << name;
    }
  }
  for (const char* name :
       {"", "post", "postx", "post8x", "blocks.8.mlp.hook_posts", "transformer.h..mlp.out",
        "transformer.h.x.mlp.out", "layer_8", "h.8.mlp"}) {
    EXPECT_EQ(resolve_hook_alias(name, family("gpt2")), std::nullopt) << name;
  }
}

TEST(HookAliases, SpellingsOfOneName) {
  const ModelConfig gpt2 = family("gpt2");
  for (const char* name :
       {"transformer.h.8.mlp.act.out", "h.8.mlp.act.out", "transformer.h[8].mlp.act.output",
        "h[8].mlp.act.output", "post8", "mlp_post8", "blocks.8.mlp.out.hook_in",
        "layer_8_comp_mlp_activation", "layer.8.comp.mlp_activation",
        "layer_8_comp_mlp_activation_unit_pos_nunit_1#0",
        "layer.8.comp.mlp_activation.unit.pos.nunit.1#0"}) {
    EXPECT_EQ(resolve_hook_alias(name, gpt2), "blocks.8.mlp.hook_post") << name;
  }
  EXPECT_EQ(resolve_hook_alias("layers.8.mlp.down_proj.in", family("llama")),
            "blocks.8.mlp.hook_post");
  EXPECT_EQ(resolve_hook_alias("scale4ln1", gpt2), "blocks.4.ln1.hook_scale");
}

TEST(HookAliases, OneNameMeansDifferentSitesInTheFamilies) {
  EXPECT_EQ(resolve_hook_alias("blocks.3.mlp.in.hook_out", family("gpt2")),
            "blocks.3.mlp.hook_pre");
  EXPECT_EQ(resolve_hook_alias("blocks.3.mlp.in.hook_out", family("llama")),
            "blocks.3.mlp.hook_pre_linear");
  EXPECT_EQ(resolve_hook_alias("layer_3_comp_mlp_activation", family("gpt2")),
            "blocks.3.mlp.hook_post");
  EXPECT_THROW(resolve_hook_alias("layer_3_comp_mlp_activation", family("llama")), ArgumentError);
}

TEST(HookAliases, TheInputOfTheFinalNormIsTheLastBlocksOutput) {
  EXPECT_EQ(resolve_hook_alias("transformer.ln_f.in", family("gpt2")), "blocks.11.hook_resid_post");
  EXPECT_EQ(resolve_hook_alias("model.norm.in", family("llama")), "blocks.11.hook_resid_post");
}

std::string refusal(std::string_view name, const ModelConfig& config) {
  try {
    parse_site(name, config);
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::unknown_site) << name;
    return std::string(error.what()) + " / " + error.hint();
  }
  return "not refused";
}

TEST(HookAliases, RefusalsNameTheReasonAndTheNearestSite) {
  EXPECT_EQ(refusal("model.layers.8.mlp.act_fn.out", family("llama")),
            "\"model.layers.8.mlp.act_fn.out\" is not a site: in Hugging Face it is "
            "silu(gate_proj.out), a factor of the neuron: the neuron is silu(gate_proj.out) * "
            "up_proj.out, the input of down_proj / the nearest site is blocks.8.mlp.hook_post");
  const std::string states = refusal("hidden_states[-1]", family("gpt2"));
  EXPECT_NE(states.find("the last one is ln_final.hook_out"), std::string::npos) << states;
  EXPECT_NE(states.find("the nearest site is blocks.11.hook_resid_post"), std::string::npos)
      << states;
  EXPECT_EQ(refusal("model.layers.8.mlp.out", family("gpt2")),
            "\"model.layers.8.mlp.out\" is a name that Hugging Face has in models of the family "
            "llama; this model is gpt2 / gnomon explain sites   lists every hook point");
}

TEST(HookAliases, LayersAreCheckedLikeThoseOfOurNames) {
  try {
    parse_site("post12", family("gpt2"));
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_range);
  }
  EXPECT_THROW(parse_site("post99999999999999999999", family("gpt2")), ArgumentError);
}

}  // namespace
}  // namespace gnomon
