// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/site_moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gnomon/base/error.h"
#include "gnomon/stats/moments.h"
#include "support/tiny_model.h"

namespace gnomon::test {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

std::vector<SiteAt> sites_of(const ModelConfig& config) {
  return {parse_site("blocks.1.hook_resid_post@all", config),
          parse_site("blocks.0.attn.hook_k@-1", config),
          parse_site("blocks.1.mlp.hook_post[7]@all", config)};
}

// Against the numbers themselves, one column after another.
TEST(SiteMoments, AreThoseOfTheCapturedNumbers) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Model& model = tiny_model(family);
    const auto texts = random_texts(model.config(), {3, 9, 1, 7, 5, 12}, 3);
    const std::vector<SiteAt> sites = sites_of(model.config());
    RunOptions options;
    options.batch_tokens = 8;
    Index done = 0;
    options.progress = [&](Index n, Index total) {
      EXPECT_EQ(total, 37);
      done = n;
    };
    const auto found = capture_moments<double>(model, texts, sites, options);
    const auto captured = capture<double>(model, texts, sites, {}, {}).activations;
    EXPECT_EQ(done, 37);
    ASSERT_EQ(found.size(), sites.size());
    for (std::size_t s = 0; s < sites.size(); ++s) {
      const ColumnMoments& moments = found[s].moments;
      const MatrixView<const double> values = captured[s].values.matrix();
      ASSERT_EQ(moments.width(), values.cols);
      EXPECT_EQ(moments.n(), values.rows);
      for (Index j = 0; j < values.cols; ++j) {
        Moments expected;
        double largest = 0;
        for (Index i = 0; i < values.rows; ++i) {
          expected.add(values(i, j));
          largest = std::max(largest, std::abs(values(i, j)));
        }
        const double rounding = 8 * static_cast<double>(values.rows) * kEps * largest;
        EXPECT_NEAR(*moments.mean(j), *expected.mean(), rounding);
        EXPECT_NEAR(*moments.sd(j), *expected.sd(), rounding);
        EXPECT_EQ(*moments.min(j), *expected.min());
        EXPECT_EQ(*moments.max(j), *expected.max());
      }
    }
  }
}

TEST(SiteMoments, OfPartsOfTheTextsJoin) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const auto texts = random_texts(model.config(), {3, 9, 4, 7, 5, 12}, 3);
  const std::vector<SiteAt> sites = sites_of(model.config());
  const std::span<const std::vector<TokenId>> all = texts;
  RunOptions options;
  options.batch_tokens = 12;  // the parts below end where a batch does
  const auto whole = capture_moments<float>(model, all, sites, options);
  auto joined = capture_moments<float>(model, all.first(2), sites, options);
  const auto rest = capture_moments<float>(model, all.subspan(2), sites, options);
  for (std::size_t s = 0; s < sites.size(); ++s) {
    joined[s].moments.merge(rest[s].moments);
    EXPECT_EQ(joined[s].moments.n(), whole[s].moments.n());
    for (Index j = 0; j < whole[s].moments.width(); ++j) {
      const double scale =
          std::max(std::abs(*whole[s].moments.min(j)), std::abs(*whole[s].moments.max(j)));
      EXPECT_NEAR(*joined[s].moments.mean(j), *whole[s].moments.mean(j), 100 * kEps * scale);
      EXPECT_NEAR(*joined[s].moments.sd(j), *whole[s].moments.sd(j), 100 * kEps * scale);
    }
  }
}

TEST(SiteMoments, RefusesRowsOfDifferentWidthAndNamesShortTexts) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const ModelConfig& config = model.config();
  const auto texts = random_texts(config, {3, 1}, 3);
  const auto message = [&](const char* site) -> std::string {
    const std::vector<SiteAt> sites = {parse_site(site, config)};
    try {
      capture_moments<float>(model, texts, sites, {});
    } catch (const ArgumentError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_NE(message("blocks.0.attn.hook_pattern@all").find("as wide as its text"),
            std::string::npos);
  EXPECT_NE(message("blocks.0.hook_resid_post@2").find("text 1 has 1 tokens"), std::string::npos);
}

}  // namespace
}  // namespace gnomon::test
