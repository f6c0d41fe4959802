// SPDX-License-Identifier: Apache-2.0
// Gradients at sites against central differences of the quantity itself, measured through edits.
#include "gnomon/activations/gradients.h"

#include <gtest/gtest.h>

#include <string>

#include "activations/model_cases.h"
#include "gnomon/activations/next_token.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"

namespace gnomon::test {
namespace {

// In double a step h leaves an error of about eps |q| / h + h² |q'''|, below 1e-9 for quantities of
// order 1.
constexpr double kStep = 1e-5;
constexpr double kTolerance = 2e-7;

class GradientsTest : public testing::TestWithParam<TinyFamily> {
 protected:
  const Model& model() const { return tiny_model(GetParam()); }
  SiteAt site(const std::string& text) const { return parse_site(text, model().config()); }
  std::vector<std::vector<TokenId>> texts() const {
    return random_texts(model().config(), {6, 3, 9}, 5);
  }
  std::vector<Activations<double>> gradients(const std::vector<std::vector<TokenId>>& of_texts,
                                             const std::vector<SiteAt>& sites,
                                             const std::optional<SiteAt>& of) const {
    return capture_gradients<double>(model(), of_texts, sites, of, {});
  }

  // Of one text, with `change` added to every row of a site.
  double quantity(const std::vector<TokenId>& ids, const std::optional<SiteAt>& of,
                  const SiteAt& at, const std::vector<double>& change) const {
    const std::vector<Edit<double>> edits = {{at, EditMode::add, change}};
    if (!of) {
      const SiteAt logits = {{HookKind::logits, -1, std::nullopt}, {Position::Kind::all, -1}};
      const Activations<double> read = read_one<double>(model(), {ids}, logits, edits);
      const std::vector<std::vector<TokenId>> one = {ids};
      const PackedBatch batch = pack(one);
      std::vector<Index> rows(ids.size());
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<Index>(i);
      const HookContext context{HookKind::logits, -1, batch, rows, -1};
      return next_token_loss<double>(context, read.values.matrix()) /
             static_cast<double>(ids.size() - 1);
    }
    const Activations<double> read = read_one<double>(model(), {ids}, *of, edits);
    double sum = 0;
    for (const double value : read.values.values()) sum += value;
    return sum;
  }
};

TEST_P(GradientsTest, AgreeWithDifferences) {
  const std::vector<std::string> sites = {
      "blocks.0.hook_resid_pre@all", "blocks.0.attn.hook_q@all",
      "blocks.0.attn.hook_k@all",    "blocks.0.ln2.hook_normalized@all",
      "blocks.0.mlp.hook_post@2",    "blocks.0.hook_resid_post@all",
      "blocks.1.attn.hook_z@-1",     "blocks.1.hook_attn_out@1",
      "blocks.1.mlp.hook_pre@last"};
  const std::vector<std::optional<SiteAt>> quantities = {std::nullopt,
                                                         site("blocks.1.mlp.hook_post[7]@last"),
                                                         site("blocks.1.hook_resid_post[3]@all")};
  Random random(4, "gradients");
  for (const std::optional<SiteAt>& of : quantities) {
    for (const std::string& name : sites) {
      const SiteAt at = site(name);
      const Activations<double> found = gradients(texts(), {at}, of).front();
      EXPECT_TRUE(found.gradient);
      std::vector<double> step(static_cast<std::size_t>(found.values.matrix().cols));
      for (double& value : step) value = kStep * random.normal();
      std::vector<double> back = step;
      for (double& value : back) value = -value;
      for (std::size_t t = 0; t < texts().size(); ++t) {
        SCOPED_TRACE(name + " of " + (of ? site_at_name(*of, model().config()) : "loss"));
        double expected = 0;
        for (Index r = 0; r < found.n_row(); ++r) {
          if (found.text[static_cast<std::size_t>(r)] != static_cast<Index>(t)) continue;
          for (std::size_t c = 0; c < step.size(); ++c)
            expected += found.values.matrix()(r, static_cast<Index>(c)) * step[c] / kStep;
        }
        const double difference =
            (quantity(texts()[t], of, at, step) - quantity(texts()[t], of, at, back)) / (2 * kStep);
        EXPECT_NEAR(expected, difference, kTolerance);
      }
    }
  }
}

TEST_P(GradientsTest, OfItselfIsOne) {
  const SiteAt of = site("blocks.1.mlp.hook_post[7]@last");
  SiteAt whole = of;
  whole.site.coordinate.reset();
  const std::vector<Activations<double>> read = gradients(texts(), {of, whole}, of);
  for (const double value : read[0].values.values()) EXPECT_EQ(value, 1);
  for (Index r = 0; r < read[1].n_row(); ++r) {
    for (Index c = 0; c < read[1].values.matrix().cols; ++c)
      EXPECT_EQ(read[1].values.matrix()(r, c), c == 7 ? 1 : 0);
  }
}

// A text's gradient is its own: the same bits without the other texts, and 0 at later tokens.
TEST_P(GradientsTest, TextsAndLaterTokensDoNotMix) {
  const std::vector<SiteAt> sites = {site("blocks.0.hook_resid_pre@all"),
                                     site("blocks.1.attn.hook_pattern@all")};
  for (const std::optional<SiteAt>& of :
       {std::optional<SiteAt>(), std::optional(site("blocks.1.hook_resid_post[3]@1"))}) {
    const std::vector<Activations<double>> together = gradients(texts(), sites, of);
    Index row = 0;
    for (std::size_t t = 0; t < texts().size(); ++t) {
      const std::vector<Activations<double>> alone = gradients({texts()[t]}, sites, of);
      for (Index r = 0; r < alone[0].n_row(); ++r, ++row) {
        EXPECT_TRUE(same_bits<double>(alone[0].values.matrix().row(r),
                                      together[0].values.matrix().row(row)));
        if (!of || r <= 1) continue;
        for (const double value : alone[0].values.matrix().row(r)) EXPECT_EQ(value, 0);
      }
      EXPECT_TRUE(same_bits<double>(alone[1].by_text[0].values(), together[1].by_text[t].values()));
    }
  }
}

TEST_P(GradientsTest, RefusesWhatHasNoGradient) {
  const std::vector<SiteAt> stream = {site("blocks.1.hook_resid_post@all")};
  EXPECT_THROW(gradients(texts(), stream, site("blocks.0.mlp.hook_post[7]@last")), ArgumentError);
  EXPECT_THROW(gradients(texts(), {site("blocks.0.hook_resid_pre@all")},
                         site("blocks.0.mlp.hook_post@last")),
               ArgumentError);
  EXPECT_THROW(gradients({{1, 2}, {3}}, stream, std::nullopt), ArgumentError);
  EXPECT_THROW(gradients(texts(), stream, site("blocks.1.hook_resid_post[0]@5")), ArgumentError);
}

TEST(RequestedSite, GradientSuffix) {
  const ModelConfig& config = tiny_model(TinyFamily::gpt2).config();
  const std::string name = "blocks.1.mlp.hook_post_grad[7]@last";
  const RequestedSite site = parse_requested_site(name, config);
  EXPECT_TRUE(site.gradient);
  EXPECT_EQ(activations_name(site.at, true, config), name);
  EXPECT_FALSE(parse_requested_site("blocks.1.mlp.hook_post[7]", config).gradient);
  EXPECT_THROW(parse_requested_site("blocks.1.mlp.hook_pots_grad", config), ArgumentError);
}

INSTANTIATE_TEST_SUITE_P(Families, GradientsTest,
                         testing::Values(TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox),
                         [](const auto& family) {
                           return std::string(test::family_name(family.param));
                         });

}  // namespace
}  // namespace gnomon::test
