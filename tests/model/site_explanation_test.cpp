// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/site_explanation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace gnomon {
namespace {

bool in_gpt2(SiteCondition condition) {
  return condition == SiteCondition::always || condition == SiteCondition::learned_positions ||
         condition == SiteCondition::sequential_block || condition == SiteCondition::own_keys;
}

bool in_llama(SiteCondition condition) { return condition != SiteCondition::learned_positions; }

TEST(SiteExplanation, EveryHookPointHasOneRowInOrder) {
  for (const HookPoint& point : hook_points()) {
    const SiteExplanation& row = site_explanation(point.kind);
    EXPECT_EQ(row.kind, point.kind) << point.name;
    for (const std::string_view text : {row.meaning, row.place, row.transformer_lens}) {
      EXPECT_FALSE(text.empty()) << point.name;
    }
    EXPECT_EQ(!row.gpt2_equation.empty(), in_gpt2(point.condition)) << point.name;
    EXPECT_EQ(!row.llama_equation.empty(), in_llama(point.condition)) << point.name;
    EXPECT_EQ(site_equation(point.kind, "gpt2"), row.gpt2_equation);
    EXPECT_EQ(site_equation(point.kind, "llama"), row.llama_equation);
    const bool rotary_plain = point.condition != SiteCondition::learned_positions &&
                              point.condition != SiteCondition::gated;
    EXPECT_EQ(!site_equation(point.kind, "gpt_neox").empty(), rotary_plain) << point.name;
    EXPECT_EQ(!site_equation(point.kind, "gpt_neox", true).empty(),
              rotary_plain && point.condition != SiteCondition::sequential_block)
        << point.name;
    for (const std::string_view trap : row.traps) EXPECT_FALSE(trap.empty()) << point.name;
    EXPECT_FALSE(basis_meaning(row.basis).empty());
    EXPECT_FALSE(basis_name(row.basis).empty());
  }
}

TEST(SiteExplanation, TheBasisAgreesWithTheAxes) {
  for (const HookPoint& point : hook_points()) {
    const SiteBasis basis = site_explanation(point.kind).basis;
    EXPECT_EQ(basis == SiteBasis::neuron, point.axes == SiteAxes::d_mlp) << point.name;
    EXPECT_EQ(basis == SiteBasis::scale, point.axes == SiteAxes::scalar) << point.name;
    EXPECT_EQ(basis == SiteBasis::attention, point.axes == SiteAxes::pairs) << point.name;
    EXPECT_EQ(basis == SiteBasis::vocabulary, point.axes == SiteAxes::d_vocab) << point.name;
    EXPECT_EQ(basis == SiteBasis::head,
              point.axes == SiteAxes::heads || point.axes == SiteAxes::kv_heads)
        << point.name;
    const bool normalized =
        point.name.find("ln") != std::string_view::npos || point.kind == HookKind::unembed_in;
    EXPECT_EQ(basis == SiteBasis::normalized, normalized && point.axes == SiteAxes::d_model)
        << point.name;
  }
}

TEST(SiteExplanation, BiasesAreThoseOfTheFamilysTable) {
  for (const HookKind kind : {HookKind::q, HookKind::k, HookKind::v}) {
    EXPECT_EQ(site_equation(kind, "qwen2"), site_equation(kind, "gpt2"));
    EXPECT_EQ(site_equation(kind, "mistral"), site_equation(kind, "llama"));
  }
  EXPECT_EQ(site_equation(HookKind::mlp_pre, "qwen2"), site_equation(HookKind::mlp_pre, "llama"));
}

TEST(SiteExplanation, AParallelBlockAddsBothBranchesToWhatEntersIt) {
  EXPECT_EQ(site_equation(HookKind::resid_post, "gpt_neox", true),
            "hook_resid_pre + hook_attn_out + hook_mlp_out");
  EXPECT_NE(site_equation(HookKind::ln2_scale, "gpt_neox", true).find("hook_resid_pre"),
            std::string_view::npos);
  EXPECT_EQ(site_equation(HookKind::resid_post, "gpt_neox"),
            site_equation(HookKind::resid_post, "gpt2"));
  for (const SiteIdentity& row : site_identities()) {
    EXPECT_EQ(identity_statement(row, "gpt_neox").find("pos_embed"), std::string_view::npos);
    if (row.id == "I1'") {
      EXPECT_NE(identity_statement(row, "gpt_neox").find("hook_resid_pre"), std::string_view::npos);
    }
  }
}

TEST(SiteExplanation, OnlyNeuronsHaveDirections) {
  for (const HookPoint& point : hook_points()) {
    const bool neuron = point.axes == SiteAxes::d_mlp;
    EXPECT_EQ(site_directions(point.kind, "gpt2").size(), neuron ? 2U : 0U) << point.name;
    EXPECT_EQ(site_directions(point.kind, "llama").size(), neuron ? 3U : 0U) << point.name;
    EXPECT_EQ(site_directions(point.kind, "gpt_neox").size(), neuron ? 2U : 0U) << point.name;
  }
}

TEST(SiteExplanation, AxesAreThoseOfTheShape) {
  ModelConfig config;
  config.architecture = "llama";
  for (const HookPoint& point : hook_points()) {
    std::string names;
    for (const SiteAxis& axis : site_axes(point.kind)) {
      EXPECT_FALSE(axis.meaning.empty());
      names += (names.empty() ? "" : ", ") + std::string(axis.name);
    }
    const std::string shape = axes_text(point.kind, config);
    EXPECT_EQ("[" + names + "]", shape.substr(0, shape.find(" = "))) << point.name;
  }
}

TEST(SiteExplanation, IdentitiesExistAndAreUsed) {
  std::set<std::string_view> used;
  for (const HookPoint& point : hook_points()) {
    for (const std::string_view id : site_explanation(point.kind).identities) {
      used.insert(id);
      EXPECT_TRUE(std::any_of(site_identities().begin(), site_identities().end(),
                              [&](const SiteIdentity& row) { return row.id == id; }))
          << id;
    }
  }
  for (const SiteIdentity& row : site_identities()) {
    EXPECT_TRUE(used.contains(row.id)) << row.id;
    EXPECT_FALSE(row.gpt2.empty() && row.llama.empty()) << row.id;
  }
}

}  // namespace
}  // namespace gnomon
