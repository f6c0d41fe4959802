// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/nearest_name.h"

#include <gtest/gtest.h>

#include <vector>

namespace gnomon {
namespace {

const std::vector<std::string> kHooks = {"hook_resid_pre", "hook_resid_mid", "hook_resid_post",
                                         "attn.hook_pattern", "mlp.hook_post"};

TEST(NearestName, FindsTypingErrors) {
  EXPECT_EQ(nearest_name("attn.hook_patern", kHooks), "attn.hook_pattern");
  EXPECT_EQ(nearest_name("attn.hook_patterns", kHooks), "attn.hook_pattern");
  EXPECT_EQ(nearest_name("atnt.hook_pattern", kHooks), "attn.hook_pattern");
  EXPECT_EQ(nearest_name("hook_resid_pot", kHooks), "hook_resid_post");
  EXPECT_EQ(nearest_name("mlp.hook_post", kHooks), "mlp.hook_post");
}

TEST(NearestName, CountsASwapOfNeighboursAsOneChange) {
  const std::vector<std::string> names = {"abd", "acb"};
  EXPECT_EQ(nearest_name("abc", names), "abd");
  const std::vector<std::string> swapped = {"bac", "xxc"};
  EXPECT_EQ(nearest_name("abc", swapped), "bac");
}

TEST(NearestName, SaysNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest_name("unembed", kHooks), std::nullopt);
  EXPECT_EQ(nearest_name("", kHooks), std::nullopt);
  EXPECT_EQ(nearest_name("x", {}), std::nullopt);
  const std::vector<std::string> pair = {"ab"};
  EXPECT_EQ(nearest_name("xy", pair), std::nullopt);
}

TEST(NearestName, DoesNotCompareEndlessNames) {
  const std::string endless(100'000, 'x');
  const std::vector<std::string> names = {endless, "short"};
  EXPECT_EQ(nearest_name(endless, names), std::nullopt);
  EXPECT_EQ(nearest_name("shorts", names), "short");
}

}  // namespace
}  // namespace gnomon
