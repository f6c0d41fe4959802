// SPDX-License-Identifier: Apache-2.0
// Changed runs that compute only what a change reaches, against whole runs with the same edit.
#include "gnomon/activations/patch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "activations/model_cases.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "support/expect_close.h"

namespace gnomon::test {
namespace {

constexpr Index kLayers = 3;

template <class Case>
class PatchTest : public ::testing::Test {
 protected:
  using Scalar = typename Case::Scalar;

  const Model& model() const { return tiny_model(Case::family, kLayers); }
  const ModelConfig& config() const { return model().config(); }
  Site final_stream() const { return {HookKind::resid_post, kLayers - 1, std::nullopt}; }

  // The read-out's row of a whole run with the edit.
  std::vector<Scalar> plain(const Patch<Scalar>& patch, const Site& read_out) const {
    std::vector<Edit<Scalar>> edits = {
        {{patch.site, {Position::Kind::index, patch.position}}, patch.mode, patch.values}};
    for (const PatchedToken<Scalar>& token : patch.more)
      edits.push_back(
          {{patch.site, {Position::Kind::index, token.position}}, patch.mode, token.values});
    for (Edit<Scalar>& edit : edits) edit.may_change_nothing = true;
    const std::vector<std::vector<TokenId>> one = {texts_[static_cast<std::size_t>(patch.text)]};
    const Activations<Scalar> read = read_one<Scalar>(
        model(), one, {read_out, {Position::Kind::index, patch.read_position}}, edits);
    return {read.values.values().begin(), read.values.values().end()};
  }

  std::vector<Scalar> clean(Index text, Index position, const Site& read_out) const {
    const std::vector<std::vector<TokenId>> one = {texts_[static_cast<std::size_t>(text)]};
    const Activations<Scalar> read =
        read_one<Scalar>(model(), one, {read_out, {Position::Kind::index, position}});
    return {read.values.values().begin(), read.values.values().end()};
  }

  // Changes of rows and of single numbers of a site, at several tokens, read at several.
  std::vector<Patch<Scalar>> patches_of(const Site& site, Random& random) const {
    std::vector<Patch<Scalar>> patches;
    const Index width = site_width(site.kind, config());
    for (Index text = 0; text < static_cast<Index>(texts_.size()); ++text) {
      const auto n = static_cast<Index>(texts_[static_cast<std::size_t>(text)].size());
      for (const Index position : {Index{0}, n / 2, n - 1}) {
        for (const Index read : {n - 1, n / 2}) {
          for (const EditMode mode : {EditMode::set, EditMode::add, EditMode::scale}) {
            Patch<Scalar> row{text, site, position, read, mode, {}, {}};
            for (Index i = 0; i < width; ++i)
              row.values.push_back(static_cast<Scalar>(1 + 0.5 * random.normal()));
            patches.push_back(row);
            for (Index more = position + 1; more < n; more += 2)
              row.more.push_back({more, {row.values.rbegin(), row.values.rend()}});
            if (!row.more.empty()) patches.push_back(row);
            if (width == 1) continue;
            Patch<Scalar> number{text, site, position, read, mode, {static_cast<Scalar>(1.25)}, {}};
            number.site.coordinate =
                static_cast<Index>(random.below(static_cast<std::uint64_t>(width)));
            patches.push_back(number);
            for (Index more = position + 2; more < n; ++more)
              number.more.push_back({more, {static_cast<Scalar>(-0.5)}});
            if (!number.more.empty()) patches.push_back(number);
          }
        }
      }
    }
    return patches;
  }

  std::span<const Scalar> row(const PatchResult<Scalar>& result, std::size_t patch) const {
    return result.values.matrix().row(static_cast<Index>(patch));
  }

  const std::vector<std::vector<TokenId>> texts_ = random_texts(config(), {6, 1, 9}, 33);
};
TYPED_TEST_SUITE(PatchTest, ModelCases, ModelCaseNames);

bool can_be_patched(const Site& site) {
  return !is_pairs(site) && site.kind != HookKind::embed && site.kind != HookKind::pos_embed;
}

// P7, P11, and where the change cannot reach the read-out P6: the same bits, whatever runs beside
// it. A neuron's change is a rank-one update of the stream, whose rounding is another.
TYPED_TEST(PatchTest, GivesWhatAWholeRunWithTheEditGives) {
  using T = typename TypeParam::Scalar;
  const std::vector<Site> read_outs = {this->final_stream(),
                                       {HookKind::logits, -1, std::nullopt},
                                       {HookKind::ln_final_normalized, -1, std::nullopt},
                                       {HookKind::resid_post, 1, std::nullopt},
                                       {mlp_stream(this->config()), 1, std::nullopt},
                                       {HookKind::attn_out, 1, std::nullopt},
                                       {HookKind::mlp_post, 1, std::nullopt},
                                       {HookKind::resid_pre, 2, std::nullopt},
                                       {HookKind::z, 2, std::nullopt}};
  Random random(4, "patches");
  Index n_exact = 0;
  Index n_reaching = 0;
  for (const SiteAt& at : all_sites(this->config())) {
    if (!can_be_patched(at.site)) continue;
    for (const Site& read_out : read_outs) {
      SCOPED_TRACE(site_name(at.site, this->config()) + " read at " +
                   site_name(read_out, this->config()));
      const std::vector<Patch<T>> patches = this->patches_of(at.site, random);
      const PatchResult<T> result =
          run_patches<T>(this->model(), this->texts_, patches, {read_out, {}}, {});
      for (std::size_t p = 0; p < patches.size(); ++p) {
        const std::vector<T> expected = this->plain(patches[p], read_out);
        const bool same = same_bits<T>(this->row(result, p), expected);
        const bool rank_one =
            at.site.kind == HookKind::mlp_post && patches[p].site.coordinate.has_value();
        if (rank_one) {
          // Read-outs are of order 1 to 10; sums of 40 terms, three blocks.
          expect_close("read-out", this->row(result, p), std::span<const T>(expected),
                       {0, sizeof(T) == 8 ? 1e-12 : patch_tolerance<T>(this->config())});
        } else {
          ASSERT_TRUE(same) << "patch " << p << " at token " << patches[p].position << " read at "
                            << patches[p].read_position;
        }
        const bool is_clean =
            same_bits<T>(this->row(result, p),
                         std::span<const T>(result.clean.matrix().row(result.clean_row[p])));
        if (!result.effects[p].reaches) {
          EXPECT_TRUE(is_clean);
          EXPECT_TRUE(same);
        }
        n_reaching += is_clean ? 0 : 1;
        ++n_exact;
      }
    }
  }
  // Most sites of three blocks lie before most read-outs.
  EXPECT_GT(3 * n_reaching, n_exact / 2);
}

// P3.
TYPED_TEST(PatchTest, NoOpsAreBitwiseNoOps) {
  using T = typename TypeParam::Scalar;
  const Site read_out{HookKind::logits, -1, std::nullopt};
  for (const SiteAt& at : all_sites(this->config())) {
    if (!can_be_patched(at.site)) continue;
    std::vector<Patch<T>> patches;
    const Activations<T> own = read_one<T>(this->model(), this->texts_, at);
    for (Index r = 0; r < own.n_row(); ++r) {
      const Index text = own.text[static_cast<std::size_t>(r)];
      const Index position = own.position[static_cast<std::size_t>(r)];
      const auto last = static_cast<Index>(this->texts_[static_cast<std::size_t>(text)].size()) - 1;
      const std::span<const T> row = own.values.matrix().row(r);
      patches.push_back({text, at.site, position, last, EditMode::scale, {1}});
      patches.push_back({text, at.site, position, last, EditMode::set, {row.begin(), row.end()}});
      Patch<T> number{text, at.site, position, last, EditMode::set, {row[0]}, {}};
      if (row.size() > 1) number.site.coordinate = 0;
      patches.push_back(number);
    }
    const PatchResult<T> result =
        run_patches<T>(this->model(), this->texts_, patches, {read_out, {}}, {});
    for (std::size_t p = 0; p < patches.size(); ++p) {
      EXPECT_TRUE(same_bits<T>(this->row(result, p),
                               this->clean(patches[p].text, patches[p].read_position, read_out)))
          << site_name(at.site, this->config());
      EXPECT_EQ(result.effects[p].largest_change, 0);
    }
  }
}

// P4, P5: texts that differ in one token; the other's stream at that token gives the other's run.
TYPED_TEST(PatchTest, TheStreamOfAnotherTextGivesItsRun) {
  using T = typename TypeParam::Scalar;
  std::vector<std::vector<TokenId>> texts = {this->texts_[2], this->texts_[2]};
  texts[1].back() = (texts[1].back() + 1) % static_cast<TokenId>(this->config().d_vocab);
  const auto last = static_cast<Index>(texts[0].size()) - 1;
  const Site logits{HookKind::logits, -1, std::nullopt};
  const Activations<T> clean =
      read_one<T>(this->model(), texts, {logits, {Position::Kind::last, -1}});
  for (Index layer = 0; layer < kLayers; ++layer) {
    for (const HookKind kind : {HookKind::resid_pre, HookKind::resid_post}) {
      const Site site{kind, layer, std::nullopt};
      const Activations<T> other =
          read_one<T>(this->model(), texts, {site, {Position::Kind::last, -1}});
      const std::span<const T> row = other.values.matrix().row(1);
      const std::vector<Patch<T>> patches = {
          {0, site, last, last, EditMode::set, {row.begin(), row.end()}, {}}};
      const PatchResult<T> result = run_patches<T>(this->model(), texts, patches, {logits, {}}, {});
      EXPECT_TRUE(same_bits<T>(this->row(result, 0), clean.values.matrix().row(1)));
      EXPECT_FALSE(same_bits<T>(this->row(result, 0), clean.values.matrix().row(0)));
    }
  }
}

// P8, P9: the stream moves along the neuron's row of W_out, and in the last block a linear read-out
// by what it makes of that row: the slope on the dose is W_out[n] · w whatever the text.
TYPED_TEST(PatchTest, ANeuronIsRankOneAndALinearReadOutOfTheLastBlockIsClosedForm) {
  using T = typename TypeParam::Scalar;
  constexpr Index kNeuron = 17;
  Random random(9, "head");
  std::vector<double> head;
  for (Index i = 0; i < this->config().d_model; ++i) head.push_back(random.normal());
  for (Index layer = 0; layer < kLayers; ++layer) {
    const WeightView<T>& w_out = this->model().template weights<T>().block(layer).down_proj.weight;
    double expected_slope = 0;
    for (Index i = 0; i < this->config().d_model; ++i)
      expected_slope += static_cast<double>(w_out(kNeuron, i)) * head[static_cast<std::size_t>(i)];
    std::vector<Patch<T>> patches;
    for (Index text = 0; text < 3; ++text) {
      const auto last = static_cast<Index>(this->texts_[static_cast<std::size_t>(text)].size()) - 1;
      for (const T dose : {T(-1.5), T(0.5), T(2)})
        patches.push_back(
            {text, {HookKind::mlp_post, layer, kNeuron}, last, last, EditMode::set, {dose}});
    }
    const PatchResult<T> result =
        run_patches<T>(this->model(), this->texts_, patches,
                       {{HookKind::resid_post, layer, std::nullopt}, {}}, {});
    for (std::size_t p = 0; p < patches.size(); ++p) {
      const PatchEffect& effect = result.effects[p];
      EXPECT_EQ(effect.new_value, static_cast<double>(patches[p].values[0]));
      const double delta = effect.new_value - effect.old_value;
      const std::span<const T> clean = result.clean.matrix().row(result.clean_row[p]);
      double report = 0;
      double report_clean = 0;
      for (Index i = 0; i < this->config().d_model; ++i) {
        const auto c = static_cast<std::size_t>(i);
        // One rounding of a number below 20.
        EXPECT_NEAR(static_cast<double>(this->row(result, p)[c]),
                    static_cast<double>(clean[c]) + delta * static_cast<double>(w_out(kNeuron, i)),
                    20 * std::numeric_limits<T>::epsilon());
        report += head[c] * static_cast<double>(this->row(result, p)[c]);
        report_clean += head[c] * static_cast<double>(clean[c]);
      }
      const double tolerance = sizeof(T) == 8 ? 1e-12 : 1e-3 / std::abs(delta);
      EXPECT_NEAR((report - report_clean) / delta, expected_slope, tolerance);
    }
    // Nothing went through a block.
    EXPECT_EQ(result.n_token_run, 0);
  }
}

TYPED_TEST(PatchTest, OnlyWhatTheChangeReachesIsRun) {
  using T = typename TypeParam::Scalar;
  const Site read_out = this->final_stream();
  std::vector<Patch<T>> patches = {
      {2, {HookKind::mlp_post, 0, 3}, 0, 0, EditMode::set, {T(2)}, {}}};
  const auto run_tokens = [&](HookKind kind, Index layer, Index position, Index read) {
    patches[0].site = {kind, layer, 3};
    patches[0].position = position;
    patches[0].read_position = read;
    return run_patches<T>(this->model(), this->texts_, patches, {read_out, {}}, {}).n_token_run;
  };
  EXPECT_EQ(run_tokens(HookKind::mlp_post, 0, 8, 8), 1);
  EXPECT_EQ(run_tokens(HookKind::mlp_post, 0, 2, 8), 7);
  EXPECT_EQ(run_tokens(HookKind::mlp_post, 0, 2, 4), 3);
  EXPECT_EQ(run_tokens(HookKind::mlp_post, 0, 5, 4), 0);
  EXPECT_EQ(run_tokens(HookKind::mlp_post, 2, 2, 8), 0);  // no attention follows
  EXPECT_EQ(run_tokens(HookKind::v, 2, 2, 8), 7);
  // Of several tokens the run begins at the first that reaches the read-out.
  patches[0].more = {{5, {T(1)}}, {7, {T(1)}}};
  EXPECT_EQ(run_tokens(HookKind::mlp_post, 0, 2, 8), 7);
  EXPECT_EQ(run_tokens(HookKind::mlp_post, 0, 2, 4), 3);
  EXPECT_EQ(run_tokens(HookKind::mlp_post, 2, 2, 8), 0);
}

// The columns asked for, in that order, and nothing else of the row.
TYPED_TEST(PatchTest, ColumnsOfTheReadOut) {
  using T = typename TypeParam::Scalar;
  const Site logits{HookKind::logits, -1, std::nullopt};
  const std::vector<Patch<T>> patches = {
      {0, {HookKind::mlp_out, 1, std::nullopt}, 2, 5, EditMode::scale, {T(0)}, {}}};
  const PatchResult<T> all = run_patches<T>(this->model(), this->texts_, patches, {logits, {}}, {});
  const PatchResult<T> some =
      run_patches<T>(this->model(), this->texts_, patches, {logits, {40, 7}}, {});
  ASSERT_EQ(some.values.size(), 2);
  EXPECT_EQ(this->row(some, 0)[0], this->row(all, 0)[40]);
  EXPECT_EQ(this->row(some, 0)[1], this->row(all, 0)[7]);
  EXPECT_EQ(some.clean.matrix()(0, 1), all.clean.matrix()(0, 7));
}

TYPED_TEST(PatchTest, TheBudgetBoundsWhatIsHeldAndChangesNoBit) {
  using T = typename TypeParam::Scalar;
  Random random(5, "patches");
  const std::vector<Patch<T>> patches =
      this->patches_of({HookKind::mlp_out, 0, std::nullopt}, random);
  const PatchReadOut read_out{this->final_stream(), {}};
  const PatchResult<T> whole = run_patches<T>(this->model(), this->texts_, patches, read_out, {});
  PatchOptions options;
  options.batch_tokens = 1;
  options.memory_budget = whole.held_bytes - 1;
  Index n_done = 0;
  options.progress = [&](Index done, Index total) {
    EXPECT_GT(done, n_done);
    EXPECT_EQ(total, static_cast<Index>(patches.size()));
    n_done = done;
  };
  const PatchResult<T> parts =
      run_patches<T>(this->model(), this->texts_, patches, read_out, options);
  EXPECT_EQ(n_done, static_cast<Index>(patches.size()));
  EXPECT_LE(parts.held_bytes, options.memory_budget);
  EXPECT_TRUE(same_bits<T>(whole.values.values(), parts.values.values()));
  EXPECT_TRUE(same_bits<T>(whole.clean.values(), parts.clean.values()));
  options.memory_budget = 1000;
  try {
    run_patches<T>(this->model(), this->texts_, patches, read_out, options);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_resources);
  }
}

TYPED_TEST(PatchTest, RecheckFindsWhatDiffers) {
  using T = typename TypeParam::Scalar;
  Random random(6, "patches");
  const std::vector<Patch<T>> patches =
      this->patches_of({HookKind::mlp_post, 0, std::nullopt}, random);
  const PatchReadOut read_out{this->final_stream(), {3, 1}};
  PatchResult<T> result = run_patches<T>(this->model(), this->texts_, patches, read_out, {});
  const PatchRecheck check =
      recheck_patches<T>(this->model(), this->texts_, patches, read_out, result, 30, 1);
  EXPECT_EQ(check.n, 30);
  EXPECT_LE(check.largest_relative, patch_tolerance<T>(this->config()));
  for (T& value : result.values.values()) value += T(0.5);
  const PatchRecheck wrong =
      recheck_patches<T>(this->model(), this->texts_, patches, read_out, result, 1000, 1);
  EXPECT_EQ(wrong.n, static_cast<Index>(patches.size()));
  EXPECT_NEAR(wrong.largest_difference, 0.5, 1e-4);
  EXPECT_GT(wrong.largest_relative, patch_tolerance<T>(this->config()));
}

TYPED_TEST(PatchTest, WhatDoesNotFitIsAnError) {
  using T = typename TypeParam::Scalar;
  const Patch<T> good{0, {HookKind::mlp_post, 0, 3}, 2, 5, EditMode::set, {T(1)}, {}};
  const auto code_of = [&](const Patch<T>& patch, const PatchReadOut& read_out) {
    try {
      const std::vector<Patch<T>> patches = {good, patch};
      run_patches<T>(this->model(), this->texts_, patches, read_out, {});
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  const PatchReadOut read_out{this->final_stream(), {}};
  Patch<T> patch = good;
  EXPECT_EQ(code_of(patch, read_out), ErrorCode::internal);  // no error
  patch.text = 3;
  EXPECT_EQ(code_of(patch, read_out), ErrorCode::out_of_range);
  patch = good;
  patch.read_position = 6;
  EXPECT_EQ(code_of(patch, read_out), ErrorCode::out_of_range);
  patch = good;
  patch.values = {1, 2};
  EXPECT_EQ(code_of(patch, read_out), ErrorCode::usage);
  patch = good;
  patch.mode = EditMode::replace;
  EXPECT_EQ(code_of(patch, read_out), ErrorCode::usage);
  patch = good;
  patch.values = {std::numeric_limits<T>::infinity()};
  EXPECT_EQ(code_of(patch, read_out), ErrorCode::usage);
  patch = good;
  patch.site = {HookKind::embed, -1, std::nullopt};
  EXPECT_EQ(code_of(patch, read_out), ErrorCode::wrong_site);
  patch.site = {HookKind::pattern, 1, std::nullopt};
  EXPECT_EQ(code_of(patch, read_out), ErrorCode::wrong_site);
  EXPECT_EQ(code_of(good, {{HookKind::resid_post, 2, 4}, {}}), ErrorCode::wrong_site);
  EXPECT_EQ(code_of(good, {this->final_stream(), {24}}), ErrorCode::out_of_range);
}

}  // namespace
}  // namespace gnomon::test
