// SPDX-License-Identifier: Apache-2.0
// The copies of the stream that a block's queries, keys, values and MLP read: what is changed there
// reaches nothing else.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "activations/model_cases.h"
#include "gnomon/base/random.h"
#include "gnomon/model/forward.h"

namespace gnomon::test {
namespace {

template <class Case>
class StreamCopiesTest : public ::testing::Test {
 protected:
  using Scalar = typename Case::Scalar;
  using Change = std::function<void(const HookContext&, MatrixView<Scalar>)>;

  static constexpr Index kLayer = 1;

  const Model& model() const { return tiny_model(Case::family, 3); }
  const ModelConfig& config() const { return model().config(); }
  PackedBatch batch() const { return pack(random_texts(config(), {4, 7, 2}, 5)); }
  bool own_keys() const { return config().n_heads == config().n_kv_heads; }

  // What `read` of block kLayer holds when `changes` are made in that block.
  std::vector<Scalar> value(HookKind read, const std::vector<std::pair<HookKind, Change>>& changes,
                            std::span<const Index> kept = {}) const {
    std::vector<Scalar> seen;
    Hooks<Scalar> hooks;
    for (const auto& [kind, change] : changes) hooks.add(kind, kLayer, change);
    hooks.add(read, kLayer, [&](const HookContext&, MatrixView<Scalar> values) {
      seen.assign(values.data, values.data + values.rows * values.cols);
    });
    run_forward<Scalar>(config(), model().template weights<Scalar>(), batch(), hooks, kept,
                        RunOptions{}.backend);
    return seen;
  }

  // The stream x of a token becomes x / 2 + r with r random, in every copy or in one head's.
  Change other_stream(Index head = -1) const {
    return [d = config().d_model, head](const HookContext& context, MatrixView<Scalar> values) {
      for (Index i = 0; i < values.rows; ++i) {
        Random random(3, std::to_string(context.rows[static_cast<std::size_t>(i)]));
        std::vector<Scalar> r(static_cast<std::size_t>(d));
        for (Scalar& x : r) x = static_cast<Scalar>(random.normal());
        for (Index c = 0; c < values.cols; ++c) {
          if (head < 0 || c / d == head)
            values(i, c) = values(i, c) / 2 + r[static_cast<std::size_t>(c % d)];
        }
      }
    };
  }
  Change nothing() const {
    return [](const HookContext&, MatrixView<Scalar>) {};
  }
};
TYPED_TEST_SUITE(StreamCopiesTest, ModelCases, ModelCaseNames);

TYPED_TEST(StreamCopiesTest, HoldTheStreamAndLeaveEveryBitWhereTheyAreOnlyRead) {
  using T = typename TypeParam::Scalar;
  const std::vector<T> stream = this->value(HookKind::resid_pre, {});
  const auto d = static_cast<std::size_t>(this->config().d_model);
  std::vector<std::pair<HookKind, typename TestFixture::Change>> readers;
  for (const HookKind kind : {HookKind::attn_in, HookKind::q_input, HookKind::k_input,
                              HookKind::v_input, HookKind::mlp_in}) {
    if (!exists_in(hook_point(kind), this->config())) continue;
    readers.emplace_back(kind, this->nothing());
    const std::vector<T> copies = this->value(kind, {});
    const std::vector<T>& original =
        kind == HookKind::mlp_in ? this->value(mlp_stream(this->config()), {}) : stream;
    const auto width = static_cast<std::size_t>(site_width(kind, this->config()));
    ASSERT_EQ(copies.size() / width, original.size() / d);
    for (std::size_t i = 0; i < copies.size(); ++i)
      ASSERT_EQ(copies[i], original[i / width * d + i % width % d]) << hook_point(kind).name;
  }
  for (const HookKind read : {HookKind::q, HookKind::k, HookKind::v, HookKind::resid_post})
    EXPECT_TRUE(same_bits<T>(this->value(read, readers), this->value(read, {})));
}

TYPED_TEST(StreamCopiesTest, AllChangedAreAttentionOnAnotherStream) {
  using T = typename TypeParam::Scalar;
  const auto other = this->other_stream();
  const std::vector<T> expected = this->value(HookKind::attn_out, {{HookKind::resid_pre, other}});
  EXPECT_FALSE(same_bits<T>(expected, this->value(HookKind::attn_out, {})));
  EXPECT_TRUE(same_bits<T>(this->value(HookKind::attn_out, {{HookKind::q_input, other},
                                                            {HookKind::k_input, other},
                                                            {HookKind::v_input, other}}),
                           expected));
  if (this->own_keys()) {
    EXPECT_TRUE(
        same_bits<T>(this->value(HookKind::attn_out, {{HookKind::attn_in, other}}), expected));
  }
}

TYPED_TEST(StreamCopiesTest, OneHeadChangesItsOwnProjectionAlone) {
  using T = typename TypeParam::Scalar;
  const HookKind inputs[] = {HookKind::q_input, HookKind::k_input, HookKind::v_input};
  const HookKind outputs[] = {HookKind::q, HookKind::k, HookKind::v};
  const auto d = static_cast<std::size_t>(this->config().d_head);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t o = 0; o < 3; ++o) {
      const std::vector<T> clean = this->value(outputs[o], {});
      const std::vector<T> other =
          this->value(outputs[o], {{HookKind::resid_pre, this->other_stream()}});
      const std::vector<T> changed = this->value(outputs[o], {{inputs[i], this->other_stream(1)}});
      const auto width = static_cast<std::size_t>(site_width(outputs[o], this->config()));
      for (std::size_t c = 0; c < clean.size(); ++c) {
        const bool own = i == o && c % width / d == 1;
        ASSERT_EQ(changed[c], own ? other[c] : clean[c])
            << hook_point(inputs[i]).name << " to " << hook_point(outputs[o]).name << ", " << c;
      }
    }
  }
}

// What is made of copies in common goes on into those of the projections.
TYPED_TEST(StreamCopiesTest, CopiesInCommonComeFirst) {
  using T = typename TypeParam::Scalar;
  EXPECT_EQ(exists_in(hook_point(HookKind::attn_in), this->config()), this->own_keys());
  if (!this->own_keys()) return;
  const std::vector<T> together =
      this->value(HookKind::k_input, {{HookKind::attn_in, this->other_stream(2)}});
  std::vector<T> alone =
      this->value(HookKind::k_input, {{HookKind::k_input, this->other_stream(2)}});
  EXPECT_TRUE(same_bits<T>(together, alone));
}

TYPED_TEST(StreamCopiesTest, TheMlpReadsItsOwnCopy) {
  using T = typename TypeParam::Scalar;
  const HookKind stream = mlp_stream(this->config());
  const auto other = this->other_stream();
  const std::vector<T> expected = this->value(HookKind::mlp_out, {{stream, other}});
  const std::vector<T> changed = this->value(HookKind::mlp_out, {{HookKind::mlp_in, other}});
  EXPECT_TRUE(same_bits<T>(changed, expected));
  // The stream goes on unchanged: resid_post moves by what the MLP adds.
  const std::vector<T> post = this->value(HookKind::resid_post, {{HookKind::mlp_in, other}});
  const std::vector<T> clean_post = this->value(HookKind::resid_post, {});
  const std::vector<T> clean_out = this->value(HookKind::mlp_out, {});
  for (std::size_t i = 0; i < post.size(); ++i) {
    const double moved = static_cast<double>(post[i]) - static_cast<double>(clean_post[i]);
    const double added = static_cast<double>(changed[i]) - static_cast<double>(clean_out[i]);
    const double size = std::abs(static_cast<double>(post[i])) +
                        std::abs(static_cast<double>(changed[i])) +
                        std::abs(static_cast<double>(clean_out[i]));
    EXPECT_NEAR(moved, added, 4 * std::numeric_limits<T>::epsilon() * (1 + size));
  }
}

// Where the last block computes some tokens alone, a change is written for those.
TYPED_TEST(StreamCopiesTest, KeptRowsHaveTheBitsOfAllRows) {
  using T = typename TypeParam::Scalar;
  const std::vector<Index> kept = {3, 10, 12};
  const auto d = static_cast<std::size_t>(this->config().d_model);
  for (const HookKind kind : {HookKind::q_input, HookKind::k_input, HookKind::mlp_in}) {
    const std::vector<T> all = this->value(HookKind::resid_post, {{kind, this->other_stream(0)}});
    const std::vector<T> some =
        this->value(HookKind::resid_post, {{kind, this->other_stream(0)}}, kept);
    ASSERT_EQ(some.size(), kept.size() * d);
    for (std::size_t i = 0; i < some.size(); ++i)
      ASSERT_EQ(some[i], all[static_cast<std::size_t>(kept[i / d]) * d + i % d]);
  }
}

}  // namespace
}  // namespace gnomon::test
