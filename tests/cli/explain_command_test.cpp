// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "gnomon/base/json.h"
#include "gnomon/model/hook_aliases.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/model/site_explanation.h"
#include "gnomon/report/glossary.h"
#include "gnomon/report/text_table.h"
#include "run_command.h"

namespace gnomon {
namespace {

using test::run_gnomon;

Json explained(const std::vector<std::string>& what) {
  std::vector<std::string> arguments = {"--json", "explain"};
  arguments.insert(arguments.end(), what.begin(), what.end());
  const auto result = run_gnomon(arguments);
  EXPECT_EQ(result.exit_status, 0) << result.err;
  if (result.exit_status != 0) return {};
  return Json::parse(result.out)["sites"];
}

TEST(ExplainCommand, EverySiteOfEveryFamily) {
  const Json sites = explained({"sites"});
  ASSERT_EQ(sites.size(), hook_points().size());
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const HookPoint& point = hook_points()[i];
    const std::string name = (point.per_block ? "blocks.{l}." : "") + std::string(point.name);
    EXPECT_EQ(sites[i]["hook"], name);
    std::set<std::string> families;
    for (const auto& [family, row] : sites[i]["families"].items()) {
      families.insert(family);
      EXPECT_GT(row["equation"].get<std::string>().size(), 5U) << name;
      EXPECT_EQ(row["shape"].get<std::string>().front(), '[') << name;
    }
    if (point.condition == SiteCondition::always) {
      EXPECT_EQ(families, (std::set<std::string>{"gpt2", "llama", "gpt_neox"})) << name;
    }
    if (point.condition == SiteCondition::sequential_block) {
      EXPECT_EQ(families, (std::set<std::string>{"gpt2", "llama"})) << name;
    }
    if (point.condition == SiteCondition::learned_positions) {
      EXPECT_EQ(families, (std::set<std::string>{"gpt2"})) << name;
    }
    if (point.condition == SiteCondition::rotary) {
      EXPECT_EQ(families, (std::set<std::string>{"llama", "gpt_neox"})) << name;
    }
    if (point.condition == SiteCondition::gated) {
      EXPECT_EQ(families, (std::set<std::string>{"llama"})) << name;
    }
  }
}

TEST(ExplainCommand, EverySiteAsTextFitsInto80Columns) {
  for (const HookPoint& point : hook_points()) {
    const std::string name = (point.per_block ? "blocks.8." : "") + std::string(point.name);
    const auto result = run_gnomon({"explain", name});
    ASSERT_EQ(result.exit_status, 0) << name << result.err;
    const std::vector<std::string> lines = test::lines_of(result.out);
    EXPECT_EQ(lines.front(), name);
    for (const std::string& line : lines) EXPECT_LE(display_width(line), 80) << line;
    for (const char* part : {"Equation", "Shape", "Place", "Basis", "Directions", "Names"}) {
      EXPECT_NE(result.out.find(part), std::string::npos) << name << " " << part;
    }
  }
  for (const std::string& line : test::lines_of(run_gnomon({"explain", "sites"}).out)) {
    EXPECT_LE(display_width(line), 80) << line;
  }
}

TEST(ExplainCommand, ANeuronOfBothFamilies) {
  const Json site = explained({"blocks.8.mlp.hook_post[481]@last"}).at(0);
  EXPECT_EQ(site["site"], "blocks.8.mlp.hook_post[481]@last");
  EXPECT_EQ(site["coordinate"], 481);
  EXPECT_EQ(site["position"], "@last");
  EXPECT_EQ(site["basis"], "neuron");
  const Json& gpt2 = site["families"]["gpt2"];
  EXPECT_EQ(gpt2["equation"], "act(mlp.hook_pre), act = gelu_new");
  EXPECT_EQ(gpt2["previous"], "blocks.8.mlp.hook_pre");
  EXPECT_EQ(gpt2["next"], "blocks.8.hook_mlp_out");
  EXPECT_EQ(gpt2["shape"], "[pos, d_mlp]");
  EXPECT_TRUE(gpt2["width"].is_null());
  ASSERT_EQ(gpt2["directions"].size(), 2U);
  EXPECT_EQ(gpt2["directions"][0]["vector"], "W_in[:, 481]");
  EXPECT_EQ(gpt2["directions"][1]["vector"], "W_out[481, :]");
  const Json& llama = site["families"]["llama"];
  EXPECT_EQ(llama["previous"], "blocks.8.mlp.hook_pre_linear");
  ASSERT_EQ(llama["directions"].size(), 3U);
  EXPECT_EQ(llama["directions"][0]["name"], "gate");
  std::set<std::string> names;
  std::set<std::string> refused;
  for (const auto& [architecture, family] : site["families"].items()) {
    for (const Json& name : family["names"]) {
      (name["equal"].get<bool>() ? names : refused).insert(name["name"].get<std::string>());
    }
  }
  for (const char* name : {"post8", "blocks.8.mlp.out.hook_in", "transformer.h.8.mlp.act.out",
                           "model.layers.8.mlp.down_proj.in", "layer_8_comp_mlp_activation"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_TRUE(refused.contains("model.layers.8.mlp.act_fn.out"));
}

TEST(ExplainCommand, AResidualCoordinateHasNoDirections) {
  for (const char* name : {"blocks.8.hook_mlp_out[481]", "blocks.8.hook_resid_post"}) {
    const Json site = explained({name}).at(0);
    EXPECT_EQ(site["basis"], "residual");
    for (const auto& [architecture, family] : site["families"].items()) {
      EXPECT_TRUE(family["directions"].empty());
    }
  }
}

TEST(ExplainCommand, AliasesAndWhatTheyMean) {
  EXPECT_EQ(explained({"post8"})[0]["hook"], "blocks.8.mlp.hook_post");
  EXPECT_EQ(explained({"transformer.h[8].mlp.output"})[0]["hook"], "blocks.8.hook_mlp_out");
  EXPECT_EQ(explained({"layer.8.comp.block_output.unit.pos.nunit.1#0"})[0]["hook"],
            "blocks.8.hook_resid_post");
  EXPECT_EQ(explained({"mlp.hook_post"})[0]["hook"], "blocks.{l}.mlp.hook_post");
  EXPECT_EQ(explained({"blocks.{l}.mlp.hook_post"})[0]["hook"], "blocks.{l}.mlp.hook_post");
  // A name of one family explains the site in both.
  const Json gate = explained({"model.layers.3.mlp.down_proj.in"})[0];
  EXPECT_EQ(gate["hook"], "blocks.3.mlp.hook_post");
  EXPECT_EQ(gate["families"].size(), 3U);
  // The last block's output, whichever that is.
  const Json last = explained({"transformer.ln_f.in"})[0];
  EXPECT_EQ(last["hook"], "blocks.{n_layers-1}.hook_resid_post");
  for (const char* architecture : {"gpt2", "llama"}) {
    EXPECT_EQ(last["families"][architecture]["previous"], "blocks.{n_layers-1}.hook_mlp_out");
    EXPECT_EQ(last["families"][architecture]["next"], "ln_final.hook_scale");
  }
  const Json neox = explained({"gpt_neox.layers.3.post_attention_layernorm.in"})[0];
  EXPECT_EQ(neox["hook"], "blocks.3.hook_resid_pre");
  // One name, two sites.
  const Json both = explained({"blocks.2.mlp.in.hook_out"});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0]["hook"], "blocks.2.mlp.hook_pre");
  EXPECT_EQ(both[1]["hook"], "blocks.2.mlp.hook_pre_linear");
}

TEST(ExplainCommand, EveryAliasIsExplainedOrRefusedWithAReason) {
  // The binary is started for a sample; model/hook_aliases_test resolves all of them.
  for (std::size_t i = 0; i < hook_aliases().size(); i += 7) {
    const HookAlias& row = hook_aliases()[i];
    std::string name(row.name);
    if (const std::size_t at = name.find("{l}"); at != std::string::npos) name.replace(at, 3, "8");
    const auto result = run_gnomon({"explain", name});
    // Families may share a name, and mean another site by it.
    const bool equal = std::ranges::any_of(
        hook_aliases(), [&](const HookAlias& a) { return a.name == row.name && a.equal; });
    EXPECT_EQ(result.exit_status, equal ? 0 : 2) << name << result.err;
  }
}

TEST(ExplainCommand, RefusalsSayWhatTheNameIs) {
  const auto gate = run_gnomon({"explain", "model.layers.8.mlp.act_fn.out"});
  EXPECT_EQ(gate.exit_status, 2);
  EXPECT_NE(gate.err.find("error[E011]"), std::string::npos);
  EXPECT_NE(gate.err.find("silu(gate_proj.out) * up_proj.out"), std::string::npos) << gate.err;
  EXPECT_NE(gate.err.find("the nearest site is blocks.8.mlp.hook_post"), std::string::npos);
  const auto states = run_gnomon({"explain", "hidden_states[-1]"});
  EXPECT_EQ(states.exit_status, 2);
  EXPECT_NE(states.err.find("final norm applied"), std::string::npos) << states.err;
  const auto typing = run_gnomon({"explain", "blocks.3.attn.hook_patern"});
  EXPECT_EQ(typing.exit_status, 2);
  EXPECT_NE(typing.err.find("did you mean \"blocks.3.attn.hook_pattern\"?"), std::string::npos)
      << typing.err;
  EXPECT_EQ(run_gnomon({"explain", "blocks.99999999999999999999.hook_resid_pre"}).exit_status, 2);
  EXPECT_EQ(run_gnomon({"explain", "blocks.8.mlp.hook_post[-1]"}).exit_status, 2);
  EXPECT_EQ(run_gnomon({"explain", "blocks.8.mlp.hook_post@first"}).exit_status, 2);
  EXPECT_EQ(run_gnomon({"explain", ""}).exit_status, 2);
  EXPECT_EQ(run_gnomon({"explain", std::string(5000, '[')}).exit_status, 2);
}

TEST(ExplainCommand, WithAModelItsSizes) {
  const std::string model = GNOMON_TEST_DATA "/models/gpt2-tiny";
  const auto shown = run_gnomon({"model", "show", model, "--json"});
  ASSERT_EQ(shown.exit_status, 0) << shown.err;
  const Json sizes = Json::parse(shown.out)["sizes"];
  const Json site = explained({"blocks.0.mlp.hook_post[3]", "--model", model})[0];
  EXPECT_EQ(site["families"].size(), 1U);
  EXPECT_EQ(site["families"]["gpt2"]["width"], sizes["d_mlp"]);
  const Json z =
      explained({"blocks.1.attn.hook_z[" + sizes["d_head"].dump() + "]", "--model", model})[0];
  EXPECT_EQ(z["site"], "blocks.1.attn.hook_z[1,0]");
  const auto outside = run_gnomon(
      {"explain", "blocks.0.mlp.hook_post[" + sizes["d_mlp"].dump() + "]", "--model", model});
  EXPECT_EQ(outside.exit_status, 2);
  EXPECT_NE(outside.err.find("E012"), std::string::npos) << outside.err;
  const auto other = run_gnomon({"explain", "model.layers.0.mlp.out", "--model", model});
  EXPECT_EQ(other.exit_status, 2);
  EXPECT_NE(other.err.find("family llama; this model is gpt2"), std::string::npos) << other.err;
  EXPECT_EQ(explained({"sites", "--model", model}).size(),
            32U);  // 35 less rot_q, rot_k, pre_linear
}

TEST(ExplainCommand, WordsWithTheirExplanations) {
  const auto all = run_gnomon({"explain", "words"});
  ASSERT_EQ(all.exit_status, 0) << all.err;
  for (const Term& term : glossary()) {
    const auto result = run_gnomon({"explain", std::string(term.id)});
    ASSERT_EQ(result.exit_status, 0) << term.id << result.err;
    EXPECT_NE(all.out.find("  " + std::string(term.id)), std::string::npos);
    for (const std::string& line : test::lines_of(result.out)) EXPECT_LE(display_width(line), 80);
  }
  const auto json = run_gnomon({"--json", "explain", "residual stream"});
  EXPECT_EQ(Json::parse(json.out)["id"], "residual-stream");
  EXPECT_EQ(Json::parse(run_gnomon({"--json", "explain", "words"}).out)["terms"].size(),
            glossary().size());
  // A site of that name goes first.
  EXPECT_EQ(explained({"embed"})[0]["hook"], "hook_embed");
}

TEST(ExplainCommand, ARunThatIsNotThere) {
  const auto result = run_gnomon({"explain", "no-such-run", "--question", "why-not-1"});
  EXPECT_EQ(result.exit_status, 3) << result.err;
  EXPECT_NE(result.err.find("no-such-run"), std::string::npos);
}

}  // namespace
}  // namespace gnomon
