// SPDX-License-Identifier: Apache-2.0
// What an edit changes, and what it cannot change.
#include "gnomon/activations/edit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "activations/model_cases.h"
#include "gnomon/base/error.h"

namespace gnomon::test {
namespace {

template <class T>
Edit<T> make_edit(const SiteAt& at, EditMode mode, std::vector<T> values) {
  return {at, mode, std::move(values), nullptr, false};
}

template <class T>
Edit<T> no_op(const SiteAt& at, EditMode mode, std::vector<T> values) {
  return {at, mode, std::move(values), nullptr, true};
}

template <class Case>
class EditTest : public ::testing::Test {
 protected:
  const Model& model() const { return tiny_model(Case::family); }
  const ModelConfig& config() const { return model().config(); }
  std::vector<std::vector<TokenId>> texts() const {
    return random_texts(config(), {7, 9, 3, 16}, 21);
  }
  SiteAt logits() const { return everywhere(HookKind::logits, -1); }
  SiteAt at(HookKind kind, Index layer, Index position) const {
    return {{kind, layer, std::nullopt}, {Position::Kind::index, position}};
  }
  SiteAt coordinate_at(HookKind kind, Index layer, Index coordinate, Index position) const {
    return {{kind, layer, coordinate}, {Position::Kind::index, position}};
  }
};
TYPED_TEST_SUITE(EditTest, ModelCases, ModelCaseNames);

// P3.
TYPED_TEST(EditTest, NoOpsAreBitwiseNoOpsAtEveryHookPoint) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const Activations<T> clean = read_one<T>(this->model(), texts, this->logits());
  const std::vector<SiteAt> after = {this->logits()};
  for (const SiteAt& at : all_sites(this->config())) {
    SCOPED_TRACE(site_at_name(at, this->config()));
    std::vector<Edit<T>> edits = {no_op<T>(at, EditMode::scale, {1}),
                                  no_op<T>(at, EditMode::add, {0})};
    const Activations<T> own = read_one<T>(this->model(), texts, at);
    if (!is_pairs(at.site)) edits.push_back({at, EditMode::replace, {}, &own, true});
    for (const Edit<T>& edit : edits) {
      const std::vector<Edit<T>> one = {edit};
      const CaptureResult<T> result = capture<T>(this->model(), texts, after, one, {});
      EXPECT_TRUE(same_bits(result.activations[0], clean));
      EXPECT_GT(result.effects[0].n_row, 0);
      EXPECT_EQ(result.effects[0].largest_change, 0);
      // -0 + 0 is +0: the one change of bits that adding 0 makes.
      if (edit.mode != EditMode::add) {
        EXPECT_EQ(result.effects[0].n_changed, 0);
      }
    }
  }
}

TYPED_TEST(EditTest, AnUndeclaredNoOpIsAnError) {
  using T = typename TypeParam::Scalar;
  for (const SiteAt& at : all_sites(this->config())) {
    const std::vector<Edit<T>> edits = {make_edit<T>(at, EditMode::scale, {1})};
    try {
      read_one<T>(this->model(), this->texts(), this->logits(), edits);
      ADD_FAILURE() << "no error at " << site_at_name(at, this->config());
    } catch (const CheckError& error) {
      EXPECT_NE(std::string(error.what()).find(site_at_name(at, this->config())), std::string::npos)
          << error.what();
    }
  }
}

// P6: what is patched at position p cannot reach positions before it.
TYPED_TEST(EditTest, EarlierPositionsStayBitwiseEqualInAllLaterLayers) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  constexpr Index kPosition = 2;
  const std::vector<SiteAt> sites = all_sites(this->config());
  const std::vector<Activations<T>> clean = read<T>(this->model(), texts, sites);
  for (const SiteAt& site : sites) {
    // The change at a single coordinate, since a norm does not see a constant added to all.
    SiteAt at = {site.site, {Position::Kind::index, kPosition}};
    const SiteAxes axes = hook_point(at.site.kind).axes;
    if (axes != SiteAxes::pairs && axes != SiteAxes::scalar) at.site.coordinate = 1;
    SCOPED_TRACE(site_at_name(at, this->config()));
    const std::vector<Edit<T>> edits = {make_edit<T>(at, EditMode::scale, {T(1.75)})};
    const std::vector<Activations<T>> patched = read<T>(this->model(), texts, sites, edits);
    Index n_changed = 0;
    for (std::size_t s = 0; s < sites.size(); ++s) {
      for (std::size_t t = 0; t < texts.size(); ++t) {
        const auto n = static_cast<Index>(texts[t].size());
        const auto text = static_cast<Index>(t);
        for (Index p = 0; p < n; ++p) {
          const auto same = [&] {
            if (!is_pairs(sites[s].site))
              return same_bits<T>(row_of(patched[s], text, p), row_of(clean[s], text, p));
            bool all = true;
            for (Index h = 0; h < this->config().n_heads; ++h) {
              all = all && same_bits<T>(patched[s].by_text[t].matrix().row(h * n + p),
                                        clean[s].by_text[t].matrix().row(h * n + p));
            }
            return all;
          }();
          if (p < kPosition) {
            EXPECT_TRUE(same) << site_at_name(sites[s], this->config());
          }
          n_changed += same ? 0 : 1;
        }
      }
    }
    EXPECT_GE(n_changed, 1);
  }
}

// P4, P5: the stream of one run, put into the run of other texts, gives the first run's logits.
TYPED_TEST(EditTest, PatchingTheWholeStreamGivesTheOtherRun) {
  using T = typename TypeParam::Scalar;
  const std::vector<Index> lengths = {7, 9, 3, 16};
  const auto clean_texts = random_texts(this->config(), lengths, 1);
  const auto other_texts = random_texts(this->config(), lengths, 2);
  const Activations<T> clean = read_one<T>(this->model(), clean_texts, this->logits());
  EXPECT_FALSE(same_bits(clean, read_one<T>(this->model(), other_texts, this->logits())));
  for (Index layer = 0; layer < this->config().n_layers; ++layer) {
    const Activations<T> stored =
        read_one<T>(this->model(), clean_texts, everywhere(HookKind::resid_pre, layer));
    const std::vector<Edit<T>> edits = {{stored.at, EditMode::replace, {}, &stored, false}};
    for (const Index batch_tokens : {Index{1}, Index{1024}}) {
      RunOptions options;
      options.batch_tokens = batch_tokens;
      EXPECT_TRUE(same_bits(
          clean, read_one<T>(this->model(), other_texts, this->logits(), edits, options)));
    }
  }
}

TYPED_TEST(EditTest, ModesWriteWhatTheySayAndNothingElse) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  for (const SiteAt& site : all_sites(this->config())) {
    if (is_pairs(site.site)) continue;
    const Index width = site_width(site.site.kind, this->config());
    const Activations<T> before = read_one<T>(this->model(), texts, site);
    std::vector<T> row;
    for (Index c = 0; c < width; ++c) row.push_back(static_cast<T>(c) + T(0.5));
    for (const EditMode mode : {EditMode::set, EditMode::add, EditMode::scale}) {
      for (const bool one_number : {false, true}) {
        const SiteAt at = {site.site, {Position::Kind::index, -2}};
        SCOPED_TRACE(site_at_name(at, this->config()));
        const std::vector<Edit<T>> edits = {
            make_edit<T>(at, mode, one_number ? std::vector<T>{T(2.5)} : row)};
        const std::vector<SiteAt> sites = {site};
        const CaptureResult<T> result = capture<T>(this->model(), texts, sites, edits, {});
        const Activations<T>& after = result.activations[0];
        EXPECT_EQ(result.effects[0].n_row, static_cast<Index>(texts.size()));
        Index n_changed = 0;
        for (Index r = 0; r < before.n_row(); ++r) {
          const auto text = static_cast<std::size_t>(before.text[static_cast<std::size_t>(r)]);
          const bool edited = before.position[static_cast<std::size_t>(r)] ==
                              static_cast<Index>(texts[text].size()) - 2;
          for (Index c = 0; c < width; ++c) {
            const T old = before.values.matrix()(r, c);
            const T value = one_number ? T(2.5) : row[static_cast<std::size_t>(c)];
            const T expected = !edited                 ? old
                               : mode == EditMode::set ? value
                               : mode == EditMode::add ? old + value
                                                       : old * value;
            EXPECT_EQ(after.values.matrix()(r, c), expected);
            n_changed += expected == old ? 0 : 1;
          }
        }
        EXPECT_EQ(result.effects[0].n_changed, n_changed);
      }
    }
  }
}

TYPED_TEST(EditTest, ACoordinateIsEditedAlone) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const SiteAt whole = everywhere(HookKind::mlp_post, 1);
  const SiteAt at = this->coordinate_at(HookKind::mlp_post, 1, 17, 1);
  const Activations<T> before = read_one<T>(this->model(), texts, whole);
  const Activations<T> after =
      read_one<T>(this->model(), texts, whole, {make_edit<T>(at, EditMode::add, {T(2)})});
  for (Index r = 0; r < before.n_row(); ++r) {
    for (Index c = 0; c < this->config().d_mlp; ++c) {
      const bool edited = c == 17 && before.position[static_cast<std::size_t>(r)] == 1;
      EXPECT_EQ(after.values.matrix()(r, c), before.values.matrix()(r, c) + T(edited ? 2 : 0));
    }
  }
}

TYPED_TEST(EditTest, EditsOfOneSiteApplyInOrder) {
  using T = typename TypeParam::Scalar;
  const SiteAt at = this->coordinate_at(mlp_stream(this->config()), 0, 3, 0);
  const auto run = [&](std::vector<Edit<T>> edits) {
    return read_one<T>(this->model(), this->texts(), at, edits).values.values()[0];
  };
  const Edit<T> set = make_edit<T>(at, EditMode::set, {2});
  const Edit<T> scale = make_edit<T>(at, EditMode::scale, {3});
  EXPECT_EQ(run({set, scale}), T{6});
  EXPECT_EQ(run({scale, set}), T{2});
}

// What is kept of the last block is what is read and what is edited.
TYPED_TEST(EditTest, ReadingOnePositionSeesTheSameEdits) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const SiteAt last = {{HookKind::logits, -1, std::nullopt}, {Position::Kind::last, -1}};
  for (const SiteAt& site : all_sites(this->config())) {
    SCOPED_TRACE(site_at_name(site, this->config()));
    for (const Index position : {Index{1}, Index{-1}}) {
      const std::vector<Edit<T>> edits = {
          make_edit<T>({site.site, {Position::Kind::index, position}}, EditMode::scale, {T(1.25)})};
      const std::vector<SiteAt> some = {last};
      const std::vector<SiteAt> all = {this->logits()};
      const CaptureResult<T> a = capture<T>(this->model(), texts, some, edits, {});
      const CaptureResult<T> b = capture<T>(this->model(), texts, all, edits, {});
      for (Index t = 0; t < static_cast<Index>(texts.size()); ++t) {
        const auto n = static_cast<Index>(texts[static_cast<std::size_t>(t)].size());
        EXPECT_TRUE(
            same_bits<T>(row_of(a.activations[0], t, n - 1), row_of(b.activations[0], t, n - 1)));
      }
      EXPECT_EQ(a.effects[0].n_row, b.effects[0].n_row);
      EXPECT_EQ(a.effects[0].n_changed, b.effects[0].n_changed);
      EXPECT_EQ(a.effects[0].largest_change, b.effects[0].largest_change);
    }
  }
}

// The value of one text, put into another: rows are matched by text and token.
TYPED_TEST(EditTest, ReplaceTakesTheStoredValueOfTheSameTextAndToken) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const SiteAt at = this->coordinate_at(HookKind::mlp_post, 0, 5, 2);
  Activations<T> stored = read_one<T>(this->model(), texts, at);
  for (Index r = 0; r < stored.n_row(); ++r) stored.values.matrix()(r, 0) = static_cast<T>(r) + 1;
  const std::vector<Edit<T>> edits = {{at, EditMode::replace, {}, &stored, false}};
  RunOptions options;
  options.batch_tokens = 12;
  const Activations<T> after = read_one<T>(this->model(), texts, at, edits, options);
  for (Index r = 0; r < after.n_row(); ++r)
    EXPECT_EQ(after.values.matrix()(r, 0), static_cast<T>(r) + 1);
}

// I8: a neuron's change moves the stream along its row of W_out, at its own position.
TYPED_TEST(EditTest, ANeuronEditIsRankOne) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  constexpr Index kNeuron = 23;
  constexpr Index kPosition = 1;
  const T delta = T(1.5);
  for (Index layer = 0; layer < this->config().n_layers; ++layer) {
    const WeightView<T>& w_out = this->model().template weights<T>().block(layer).down_proj.weight;
    const SiteAt post = everywhere(HookKind::resid_post, layer);
    const Activations<T> before = read_one<T>(this->model(), texts, post);
    const Activations<T> after = read_one<T>(
        this->model(), texts, post,
        {make_edit<T>(this->coordinate_at(HookKind::mlp_post, layer, kNeuron, kPosition),
                      EditMode::add, {delta})});
    for (Index r = 0; r < before.n_row(); ++r) {
      for (Index c = 0; c < this->config().d_model; ++c) {
        const T old = before.values.matrix()(r, c);
        if (before.position[static_cast<std::size_t>(r)] != kPosition) {
          EXPECT_EQ(after.values.matrix()(r, c), old);
          continue;
        }
        // Sums of 40 terms below 10 in magnitude.
        EXPECT_NEAR(after.values.matrix()(r, c) - old, delta * w_out(kNeuron, c),
                    100 * std::numeric_limits<T>::epsilon());
      }
    }
  }
}

TYPED_TEST(EditTest, ScoresOfFutureKeysAreOutOfReach) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const SiteAt scores = everywhere(HookKind::attn_scores, 1);
  const SiteAt pattern = everywhere(HookKind::pattern, 1);
  const std::vector<SiteAt> sites = {scores, pattern};
  const std::vector<Activations<T>> before = read<T>(this->model(), texts, sites);
  const std::vector<Activations<T>> after =
      read<T>(this->model(), texts, sites, {make_edit<T>(scores, EditMode::add, {T(0.75)})});
  const std::vector<Activations<T>> flat =
      read<T>(this->model(), texts, sites, {make_edit<T>(scores, EditMode::set, {T(3)})});
  for (std::size_t t = 0; t < texts.size(); ++t) {
    const auto n = static_cast<Index>(texts[t].size());
    for (Index row = 0; row < this->config().n_heads * n; ++row) {
      for (Index k = 0; k < n; ++k) {
        if (k > row % n) {
          EXPECT_EQ(after[0].by_text[t].matrix()(row, k), -std::numeric_limits<T>::infinity());
          EXPECT_EQ(after[1].by_text[t].matrix()(row, k), 0);
          EXPECT_EQ(flat[1].by_text[t].matrix()(row, k), 0);
          continue;
        }
        EXPECT_EQ(after[0].by_text[t].matrix()(row, k),
                  before[0].by_text[t].matrix()(row, k) + T(0.75));
        // Softmax does not see a constant.
        EXPECT_NEAR(after[1].by_text[t].matrix()(row, k), before[1].by_text[t].matrix()(row, k),
                    20 * std::numeric_limits<T>::epsilon());
        EXPECT_NEAR(flat[1].by_text[t].matrix()(row, k), T(1) / static_cast<T>(row % n + 1),
                    4 * std::numeric_limits<T>::epsilon());
      }
    }
  }
}

// Nothing attended to: what is left of attn_out is its bias.
TYPED_TEST(EditTest, APatternOfZerosLeavesTheBias) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const Activations<T> out =
      read_one<T>(this->model(), texts, everywhere(HookKind::attn_out, 0),
                  {make_edit<T>(everywhere(HookKind::pattern, 0), EditMode::set, {0})});
  const std::span<const T> bias = this->model().template weights<T>().block(0).o_proj.bias;
  for (Index r = 0; r < out.n_row(); ++r) {
    for (Index c = 0; c < this->config().d_model; ++c) {
      EXPECT_EQ(out.values.matrix()(r, c), bias.empty() ? T{0} : bias[static_cast<std::size_t>(c)]);
    }
  }
}

TYPED_TEST(EditTest, ChangesOfHeadResultsAddUpInAttnOut) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const Index d_model = this->config().d_model;
  const SiteAt out = everywhere(HookKind::attn_out, 1);
  const auto result_edit = [&](Index head, Index channel, T value) {
    return make_edit<T>(this->coordinate_at(HookKind::result, 1, head * d_model + channel, 1),
                        EditMode::add, {value});
  };
  const Activations<T> before = read_one<T>(this->model(), texts, out);
  const Activations<T> after =
      read_one<T>(this->model(), texts, out,
                  {result_edit(0, 4, T(1)), result_edit(3, 4, T(2)), result_edit(2, 9, T(-1))});
  for (Index r = 0; r < before.n_row(); ++r) {
    for (Index c = 0; c < d_model; ++c) {
      const T old = before.values.matrix()(r, c);
      if (before.position[static_cast<std::size_t>(r)] != 1 || (c != 4 && c != 9)) {
        EXPECT_EQ(after.values.matrix()(r, c), old);
      } else {
        EXPECT_NEAR(after.values.matrix()(r, c) - old, c == 4 ? 3 : -1,
                    20 * std::numeric_limits<T>::epsilon());
      }
    }
  }
}

// An edited norm scale is the one that divides.
TYPED_TEST(EditTest, TheNormGoesOnWithAnEditedScale) {
  using T = typename TypeParam::Scalar;
  const SiteAt scale = everywhere(HookKind::ln2_scale, 0);
  const SiteAt normalized = everywhere(HookKind::ln2_normalized, 0);
  const Activations<T> before = read_one<T>(this->model(), this->texts(), normalized);
  const Activations<T> after = read_one<T>(this->model(), this->texts(), normalized,
                                           {make_edit<T>(scale, EditMode::scale, {T(2)})});
  for (Index i = 0; i < before.values.size(); ++i) {
    EXPECT_EQ(after.values.values()[static_cast<std::size_t>(i)],
              before.values.values()[static_cast<std::size_t>(i)] / 2);
  }
}

// A function that adds and one that scales leave the bits that those modes leave, whatever the
// batch.
TYPED_TEST(EditTest, AFunctionEditsAsTheModesDo) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const std::vector<SiteAt> after = {this->logits()};
  for (const SiteAt& all : all_sites(this->config())) {
    SiteAt at = all;
    for (const bool coordinate : {false, true}) {
      const SiteAxes axes = hook_point(at.site.kind).axes;
      if (coordinate && (axes == SiteAxes::pairs || axes == SiteAxes::scalar)) continue;
      if (coordinate) at = {{at.site.kind, at.site.layer, 1}, {Position::Kind::index, -1}};
      SCOPED_TRACE(site_at_name(at, this->config()));
      Edit<T> by_mode = make_edit<T>(at, EditMode::scale, {T(1.25)});
      Edit<T> by_function = make_edit<T>(at, EditMode::call, {});
      by_function.function = [](const EditedRows&, MatrixView<T> values) {
        for (Index r = 0; r < values.rows; ++r) {
          for (T& value : values.row(r)) value *= T(1.25);
        }
      };
      RunOptions small;
      small.batch_tokens = 12;
      const std::vector<Edit<T>> mode = {by_mode};
      const std::vector<Edit<T>> function = {by_function};
      const CaptureResult<T> expected = capture<T>(this->model(), texts, after, mode, {});
      const CaptureResult<T> found = capture<T>(this->model(), texts, after, function, small);
      EXPECT_TRUE(same_bits(found.activations[0], expected.activations[0]));
      EXPECT_EQ(found.effects[0].n_row, expected.effects[0].n_row);
      EXPECT_EQ(found.effects[0].n_changed, expected.effects[0].n_changed);
      EXPECT_EQ(found.effects[0].largest_change, expected.effects[0].largest_change);
    }
  }
}

TYPED_TEST(EditTest, AFunctionIsToldWhichRowsItHas) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  RunOptions options;
  options.batch_tokens = 12;
  for (const HookKind kind : {HookKind::mlp_post, HookKind::pattern}) {
    const SiteAt at = {{kind, 1, std::nullopt}, {Position::Kind::last, -1}};
    std::vector<Index> seen;
    Index n_head = 0;
    Edit<T> edit = make_edit<T>(at, EditMode::call, {});
    edit.may_change_nothing = true;
    edit.function = [&](const EditedRows& rows, MatrixView<T> values) {
      n_head = rows.n_head;
      ASSERT_EQ(static_cast<Index>(rows.text.size()), values.rows);
      for (std::size_t r = 0; r < rows.text.size(); ++r) {
        const auto& text = texts[static_cast<std::size_t>(rows.text[r])];
        EXPECT_EQ(rows.position[r], static_cast<Index>(text.size()) - 1);
        seen.push_back(rows.text[r]);
      }
    };
    read_one<T>(this->model(), texts, this->logits(), {edit}, options);
    EXPECT_EQ(n_head, kind == HookKind::pattern ? this->config().n_heads : 1);
    std::vector<Index> expected;
    for (Index t = 0; t < static_cast<Index>(texts.size()); ++t)
      expected.insert(expected.end(), static_cast<std::size_t>(n_head), t);
    EXPECT_EQ(seen, expected);
  }
}

TYPED_TEST(EditTest, WhatAFunctionThrowsEndsTheRun) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  Edit<T> edit = make_edit<T>(everywhere(mlp_stream(this->config()), 1), EditMode::call, {});
  edit.function = [](const EditedRows&, MatrixView<T>) { throw std::out_of_range("mine"); };
  EXPECT_THROW(read_one<T>(this->model(), texts, this->logits(), {edit}), std::out_of_range);
  edit.function = [](const EditedRows&, MatrixView<T> values) {
    values(0, 0) = std::numeric_limits<T>::infinity();
  };
  EXPECT_THROW(read_one<T>(this->model(), texts, this->logits(), {edit}), NumericError);
  edit.function = [](const EditedRows&, MatrixView<T>) {};
  EXPECT_THROW(read_one<T>(this->model(), texts, this->logits(), {edit}), CheckError);
  edit.function = {};
  EXPECT_THROW(read_one<T>(this->model(), texts, this->logits(), {edit}), ArgumentError);
}

TYPED_TEST(EditTest, AnEditThatDoesNotFitIsRefused) {
  using T = typename TypeParam::Scalar;
  const auto texts = this->texts();
  const auto code_of = [&](const Edit<T>& edit) {
    try {
      read_one<T>(this->model(), texts, this->logits(), {edit});
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "no error at " << site_at_name(edit.at, this->config());
    return ErrorCode::internal;
  };
  const SiteAt stream = everywhere(mlp_stream(this->config()), 0);
  EXPECT_EQ(code_of(make_edit<T>(stream, EditMode::set, {1, 2, 3})), ErrorCode::usage);
  EXPECT_EQ(code_of(make_edit<T>(stream, EditMode::set, {})), ErrorCode::usage);
  EXPECT_EQ(code_of(make_edit<T>(stream, EditMode::add, {std::numeric_limits<T>::quiet_NaN()})),
            ErrorCode::usage);
  EXPECT_EQ(code_of(make_edit<T>(stream, EditMode::replace, {})), ErrorCode::usage);
  EXPECT_EQ(code_of(make_edit<T>(everywhere(mlp_stream(this->config()), 2), EditMode::add, {1})),
            ErrorCode::out_of_range);
  EXPECT_EQ(code_of(make_edit<T>(this->coordinate_at(mlp_stream(this->config()), 0, 24, 0),
                                 EditMode::add, {1})),
            ErrorCode::out_of_range);
  EXPECT_EQ(
      code_of(make_edit<T>(this->coordinate_at(HookKind::pattern, 0, 1, 0), EditMode::add, {1})),
      ErrorCode::wrong_site);
  EXPECT_EQ(code_of(make_edit<T>(this->at(mlp_stream(this->config()), 0, 3), EditMode::add, {1})),
            ErrorCode::out_of_range);

  Activations<T> stored = read_one<T>(this->model(), texts, stream);
  const auto replace = [&](const SiteAt& at) {
    return Edit<T>{at, EditMode::replace, {}, &stored, false};
  };
  EXPECT_EQ(code_of(replace(everywhere(mlp_stream(this->config()), 1))), ErrorCode::wrong_site);
  EXPECT_EQ(code_of(replace(everywhere(HookKind::pattern, 1))), ErrorCode::wrong_site);
  stored.position.back() = 40;
  EXPECT_EQ(code_of(replace(stream)), ErrorCode::out_of_range);
  stored.position.pop_back();
  stored.text.pop_back();
  EXPECT_EQ(code_of(replace(stream)), ErrorCode::usage);
}

}  // namespace
}  // namespace gnomon::test
