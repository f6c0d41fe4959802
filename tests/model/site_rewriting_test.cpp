// SPDX-License-Identifier: Apache-2.0
// What processing does to every site's numbers is measured in weight_processing_checks_test.cpp and
// transport_test.cpp.
#include "gnomon/model/site_rewriting.h"

#include <gtest/gtest.h>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

Model golden_model(const std::string& name) {
  return Model::load(std::string(GNOMON_TEST_DATA) + "/models/" + name);
}

SiteRewriting rewriting(const Model& model, const char* site, const char* steps) {
  return site_rewriting(model, parse_weight_processing(steps, model.config()),
                        parse_site(site, model.config()).site);
}

TEST(SiteRewriting, EachStepChangesItsSites) {
  const Model gpt2 = golden_model("gpt2-tiny");
  EXPECT_TRUE(rewriting(gpt2, "blocks.1.hook_resid_post", "center_writing_weights").centred);
  EXPECT_TRUE(
      rewriting(gpt2, "blocks.1.hook_resid_post", "fold_ln,center_unembed,fold_value_biases")
          .changes_nothing());
  EXPECT_TRUE(rewriting(gpt2, "unembed.hook_out", "center_unembed").centred);
  const SiteRewriting norm = rewriting(gpt2, "blocks.1.ln2.hook_out", "transformerlens");
  const BlockWeights<double>& block = gpt2.weights<double>().block(1);
  EXPECT_EQ(norm.scale, std::vector<double>(block.ln_2.weight.begin(), block.ln_2.weight.end()));
  EXPECT_EQ(norm.shift, std::vector<double>(block.ln_2.bias.begin(), block.ln_2.bias.end()));
  EXPECT_TRUE(rewriting(gpt2, "blocks.1.mlp.hook_post", "transformerlens").changes_nothing());
  const SiteRewriting values = rewriting(gpt2, "blocks.1.attn.hook_v", "fold_value_biases");
  for (Index c = 0; c < block.v_proj.weight.n_out; ++c)
    EXPECT_EQ(values.shift[static_cast<std::size_t>(c)], block.v_proj.bias_of(c));
}

TEST(SiteRewriting, OfSharedHeadsEachReadsTheBiasOfItsValues) {
  const Model qwen2 = golden_model("qwen2-tiny");
  const ModelConfig& config = qwen2.config();
  const std::vector<double> v = rewriting(qwen2, "blocks.0.attn.hook_v", "fold_value_biases").shift;
  const std::vector<double> z = rewriting(qwen2, "blocks.0.attn.hook_z", "fold_value_biases").shift;
  ASSERT_EQ(static_cast<Index>(z.size()), config.n_heads * config.d_head);
  for (Index head = 0; head < config.n_heads; ++head) {
    const Index shared = head / (config.n_heads / config.n_kv_heads);
    for (Index c = 0; c < config.d_head; ++c) {
      EXPECT_EQ(z[static_cast<std::size_t>(head * config.d_head + c)],
                v[static_cast<std::size_t>(shared * config.d_head + c)]);
    }
  }
}

TEST(SiteRewriting, RefusesSitesWithAStreamForEachHead) {
  const Model gpt2 = golden_model("gpt2-tiny");
  EXPECT_THROW(rewriting(gpt2, "blocks.1.attn.hook_result", "fold_ln"), UnsupportedError);
  EXPECT_THROW(rewriting(gpt2, "blocks.1.hook_q_input", "fold_ln"), UnsupportedError);
}

}  // namespace
}  // namespace gnomon
