// SPDX-License-Identifier: Apache-2.0
// What may not change a captured number: other sites, other texts, where the work stops, threads.
#include "gnomon/activations/capture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "activations/model_cases.h"
#include "gnomon/base/threads.h"

namespace gnomon::test {
namespace {

template <class Case>
class CaptureTest : public ::testing::Test {
 protected:
  const Model& model() const { return tiny_model(Case::family); }
  const ModelConfig& config() const { return model().config(); }
  std::string name(const SiteAt& at) const { return site_at_name(at, config()); }

  std::vector<std::vector<TokenId>> texts() const {
    return random_texts(config(), {7, 1, 20, 2, 48, 13, 5}, 11);
  }
};
TYPED_TEST_SUITE(CaptureTest, ModelCases, ModelCaseNames);

TYPED_TEST(CaptureTest, RowsAndWidthsAreThoseOfTheSite) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const std::vector<SiteAt> sites = all_sites(this->config());
  const std::vector<Activations<T>> all = read<T>(this->model(), texts, sites);
  ASSERT_EQ(all.size(), sites.size());
  for (std::size_t s = 0; s < sites.size(); ++s) {
    SCOPED_TRACE(this->name(sites[s]));
    EXPECT_EQ(all[s].at, sites[s]);
    std::vector<Index> text;
    std::vector<Index> position;
    for (std::size_t t = 0; t < texts.size(); ++t) {
      for (std::size_t p = 0; p < texts[t].size(); ++p) {
        text.push_back(static_cast<Index>(t));
        position.push_back(static_cast<Index>(p));
      }
    }
    EXPECT_EQ(all[s].text, text);
    EXPECT_EQ(all[s].position, position);
    if (is_pairs(sites[s].site)) {
      ASSERT_EQ(all[s].by_text.size(), texts.size());
      for (std::size_t t = 0; t < texts.size(); ++t) {
        const auto n = static_cast<Index>(texts[t].size());
        EXPECT_EQ(all[s].by_text[t].shape(), (std::vector<Index>{this->config().n_heads, n, n}));
      }
    } else {
      EXPECT_EQ(
          all[s].values.shape(),
          (std::vector<Index>{all[s].n_row(), site_width(sites[s].site.kind, this->config())}));
    }
  }
}

TYPED_TEST(CaptureTest, CapturingChangesNothing) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  for (const Position position :
       {Position{Position::Kind::all, 0}, Position{Position::Kind::last, -1}}) {
    const SiteAt logits = {{HookKind::logits, -1, std::nullopt}, position};
    std::vector<SiteAt> sites = all_sites(this->config());
    sites.push_back(logits);
    EXPECT_TRUE(same_bits(read_one<T>(this->model(), texts, logits),
                          read<T>(this->model(), texts, sites).back()));
  }
}

// P13: the work ends at the last site, and in its block only the positions asked for are computed.
TYPED_TEST(CaptureTest, StoppingEarlyGivesTheSameNumbers) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const std::vector<SiteAt> sites = all_sites(this->config());
  const std::vector<Activations<T>> all = read<T>(this->model(), texts, sites);
  for (std::size_t s = 0; s < sites.size(); ++s) {
    SCOPED_TRACE(this->name(sites[s]));
    EXPECT_TRUE(same_bits(read_one<T>(this->model(), texts, sites[s]), all[s]));
  }
}

TYPED_TEST(CaptureTest, RowsOfOnePositionAreThoseOfAll) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const std::vector<SiteAt> sites = all_sites(this->config());
  const std::vector<Activations<T>> all = read<T>(this->model(), texts, sites);
  const std::vector<Position> positions = {
      {Position::Kind::last, -1}, {Position::Kind::index, 0}, {Position::Kind::index, -1}};
  for (const Position& position : positions) {
    for (std::size_t s = 0; s < sites.size(); ++s) {
      SCOPED_TRACE(site_name(sites[s].site, this->config()) + position_name(position));
      const Activations<T> some = read_one<T>(this->model(), texts, {sites[s].site, position});
      ASSERT_EQ(some.n_row(), static_cast<Index>(texts.size()));
      for (Index t = 0; t < some.n_row(); ++t) {
        const auto text = static_cast<std::size_t>(t);
        const Index p = resolve_position(position, static_cast<Index>(texts[text].size())).front();
        EXPECT_EQ(some.text[text], t);
        EXPECT_EQ(some.position[text], p);
        if (!is_pairs(sites[s].site)) {
          EXPECT_TRUE(same_bits<T>(row_of(some, t, p), row_of(all[s], t, p)));
          continue;
        }
        const auto n = static_cast<Index>(texts[text].size());
        for (Index h = 0; h < this->config().n_heads; ++h) {
          EXPECT_TRUE(same_bits<T>(some.by_text[text].matrix().row(h),
                                   all[s].by_text[text].matrix().row(h * n + p)));
        }
      }
    }
  }
}

TYPED_TEST(CaptureTest, ACoordinateIsThatColumn) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  std::vector<SiteAt> wholes;
  std::vector<SiteAt> ones;  // three of each whole
  for (const SiteAt& at : all_sites(this->config())) {
    const SiteAxes axes = hook_point(at.site.kind).axes;
    if (axes == SiteAxes::pairs || axes == SiteAxes::scalar) continue;
    wholes.push_back(at);
    const Index width = site_width(at.site.kind, this->config());
    for (const Index coordinate : {Index{0}, width / 2, width - 1}) {
      ones.push_back(at);
      ones.back().site.coordinate = coordinate;
    }
  }
  const std::vector<Activations<T>> whole = read<T>(this->model(), texts, wholes);
  const std::vector<Activations<T>> column = read<T>(this->model(), texts, ones);
  for (std::size_t i = 0; i < ones.size(); ++i) {
    SCOPED_TRACE(this->name(ones[i]));
    const Tensor<T>& from = whole[i / 3].values;
    ASSERT_EQ(column[i].values.shape(), (std::vector<Index>{column[i].n_row(), 1}));
    for (Index r = 0; r < column[i].n_row(); ++r)
      EXPECT_EQ(column[i].values.matrix()(r, 0), from.matrix()(r, *ones[i].site.coordinate));
  }
}

// P11: a text's numbers do not depend on the texts it runs with.
TYPED_TEST(CaptureTest, ABatchOfTextsIsTheTextsAlone) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const std::vector<SiteAt> sites = all_sites(this->config());
  const std::vector<Activations<T>> together = read<T>(this->model(), texts, sites);
  for (const Index batch_tokens : {Index{1}, Index{10}, Index{30}}) {
    RunOptions options;
    options.batch_tokens = batch_tokens;
    const std::vector<Activations<T>> batches = read<T>(this->model(), texts, sites, {}, options);
    for (std::size_t s = 0; s < sites.size(); ++s)
      EXPECT_TRUE(same_bits(batches[s], together[s])) << this->name(sites[s]) << batch_tokens;
  }
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const std::vector<Activations<T>> alone = read<T>(this->model(), {texts[t]}, sites);
    for (std::size_t s = 0; s < sites.size(); ++s) {
      SCOPED_TRACE(this->name(sites[s]));
      if (is_pairs(sites[s].site)) {
        EXPECT_TRUE(same_bits<T>(alone[s].by_text[0].values(), together[s].by_text[t].values()));
        continue;
      }
      for (Index p = 0; p < static_cast<Index>(texts[t].size()); ++p) {
        EXPECT_TRUE(
            same_bits<T>(row_of(alone[s], 0, p), row_of(together[s], static_cast<Index>(t), p)));
      }
    }
  }
}

TYPED_TEST(CaptureTest, PermutingTextsPermutesResults) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const std::vector<std::size_t> order = {4, 2, 6, 0, 5, 1, 3};
  std::vector<std::vector<TokenId>> permuted;
  for (const std::size_t t : order) permuted.push_back(texts[t]);
  const std::vector<SiteAt> sites = all_sites(this->config());
  const std::vector<Activations<T>> before = read<T>(this->model(), texts, sites);
  const std::vector<Activations<T>> after = read<T>(this->model(), permuted, sites);
  for (std::size_t s = 0; s < sites.size(); ++s) {
    SCOPED_TRACE(this->name(sites[s]));
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (is_pairs(sites[s].site)) {
        EXPECT_TRUE(
            same_bits<T>(after[s].by_text[i].values(), before[s].by_text[order[i]].values()));
        continue;
      }
      for (Index p = 0; p < static_cast<Index>(permuted[i].size()); ++p) {
        EXPECT_TRUE(same_bits<T>(row_of(after[s], static_cast<Index>(i), p),
                                 row_of(before[s], static_cast<Index>(order[i]), p)));
      }
    }
  }
}

// P20.
TYPED_TEST(CaptureTest, ThreadsChangeNoBit) {
  using T = typename TypeParam::Scalar;
  const auto texts = random_texts(this->config(), {48, 48, 31, 48, 9, 48, 40}, 3);
  const std::vector<SiteAt> sites = all_sites(this->config());
  set_threads(1);
  const std::vector<Activations<T>> one = read<T>(this->model(), texts, sites);
  set_threads(3);
  const std::vector<Activations<T>> three = read<T>(this->model(), texts, sites);
  set_threads(1);
  for (std::size_t s = 0; s < sites.size(); ++s)
    EXPECT_TRUE(same_bits(one[s], three[s])) << this->name(sites[s]);
}

// P15. With causal zeros that are exact.
TYPED_TEST(CaptureTest, PatternRowsSumToOneAndSeeNoLaterToken) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const T roundoff = std::numeric_limits<T>::epsilon();
  for (Index layer = 0; layer < this->config().n_layers; ++layer) {
    const auto scores = read_one<T>(this->model(), texts, everywhere(HookKind::attn_scores, layer));
    const auto pattern = read_one<T>(this->model(), texts, everywhere(HookKind::pattern, layer));
    for (std::size_t t = 0; t < texts.size(); ++t) {
      const auto n = static_cast<Index>(texts[t].size());
      for (Index row = 0; row < this->config().n_heads * n; ++row) {
        T sum = 0;
        for (Index k = 0; k < n; ++k) {
          const T weight = pattern.by_text[t].matrix()(row, k);
          const T score = scores.by_text[t].matrix()(row, k);
          sum += weight;
          EXPECT_EQ(k > row % n, weight == 0);
          EXPECT_EQ(k > row % n, score == -std::numeric_limits<T>::infinity());
        }
        EXPECT_NEAR(sum, 1, static_cast<T>(n) * roundoff);
      }
    }
  }
}

TYPED_TEST(CaptureTest, ProgressReachesTheTotal) {
  using T = typename TypeParam::Scalar;
  RunOptions options;
  options.batch_tokens = 25;
  std::vector<Index> seen;
  Index total = 0;
  options.progress = [&](Index done, Index of) {
    seen.push_back(done);
    total = of;
  };
  read_one<T>(this->model(), this->texts(), everywhere(HookKind::embed, -1), {}, options);
  EXPECT_EQ(total, 96);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_GT(seen.size(), 2U);
  EXPECT_EQ(seen.back(), total);
}

// P22: the gap between float32 and float64, relative to the largest number of the site.
TEST(CapturePrecisionTest, FloatStaysNearDouble) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Model& model = tiny_model(family, 3);
    const auto texts = random_texts(model.config(), {48, 17, 1, 30}, 5);
    const std::vector<SiteAt> sites = all_sites(model.config());
    const std::vector<Activations<float>> in_float = read<float>(model, texts, sites);
    const std::vector<Activations<double>> in_double = read<double>(model, texts, sites);
    for (std::size_t s = 0; s < sites.size(); ++s) {
      SCOPED_TRACE(site_at_name(sites[s], model.config()));
      double scale = 0;
      double gap = 0;
      const auto compare = [&](std::span<const float> a, std::span<const double> b) {
        ASSERT_EQ(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i) {
          if (std::isinf(b[i])) {
            EXPECT_EQ(static_cast<double>(a[i]), b[i]);
            continue;
          }
          scale = std::max(scale, std::abs(b[i]));
          gap = std::max(gap, std::abs(static_cast<double>(a[i]) - b[i]));
        }
      };
      compare(in_float[s].values.values(), in_double[s].values.values());
      for (std::size_t t = 0; t < in_double[s].by_text.size(); ++t)
        compare(in_float[s].by_text[t].values(), in_double[s].by_text[t].values());
      // Rounding of weights and of each step, 2^-24 relative, through three blocks.
      EXPECT_LT(gap, 1e-5 * scale);
    }
  }
}

}  // namespace
}  // namespace gnomon::test
