// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

using ::testing::ElementsAre;

// torch.manual_seed(42); torch.randperm(10)
TEST(OriginalSampling, PermutationIsTorchs) {
  EXPECT_THAT(torch_permutation(10, 42), ElementsAre(2, 6, 1, 8, 4, 5, 0, 9, 3, 7));
  EXPECT_THAT(torch_permutation(1, 42), ElementsAre(0));
  EXPECT_TRUE(torch_permutation(0, 42).empty());
}

// torch.manual_seed(42); torch.randn(4, 4), as torch prints it
TEST(OriginalSampling, NormalsAreTorchs) {
  const std::vector<double> expected = {1.9269,  1.4873,  0.9007,  -2.1055, 0.6784,  -1.2345,
                                        -0.0431, -1.6047, -0.7521, 1.6487,  -0.3925, -1.4036,
                                        -0.7279, -0.5594, -0.7688, 0.7624};
  const std::vector<double> drawn = torch_normal(16, 1, 42, 0);
  ASSERT_EQ(drawn.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(drawn[i], expected[i], 5.1e-5) << i;  // four decimals
}

TEST(OriginalSampling, AnUnfinishedBlockIsDrawnAgain) {
  const std::vector<double> whole = torch_normal(48, 2, 7, 3);
  const std::vector<double> part = torch_normal(20, 2, 7, 3);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(part[i], whole[i]);
  // 16 draws of the first block, 4 that are thrown away, then 16.
  const std::vector<double> tail = torch_normal(16, 2, 7, 3 + 20);
  for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(part[4 + i], tail[i]);
  EXPECT_THROW(torch_normal(15, 1, 42, 0), ArgumentError);
}

TEST(OriginalSampling, ALinearLayerSkipsItsOwnInitialisation) {
  const Tensor<double> weight = torch_linear_normal(2, 10, 0.02, 42);
  EXPECT_THAT(weight.shape(), ElementsAre(2, 10));
  const std::vector<double> expected = torch_normal(20, 0.02, 42, 22);
  EXPECT_TRUE(std::ranges::equal(weight.values(), expected));
}

// np.random.seed(42); np.random.randint(0, 10, 10) is 6 3 7 4 6 9 2 6 7 4
TEST(OriginalSampling, ChoicesAreNumPys) {
  const auto pairs = numpy_choice_pairs(5, 10, 10, 42);
  std::vector<Index> drawn;
  for (const ChoicePair& pair : pairs) {
    drawn.push_back(pair.first);
    drawn.push_back(pair.second);
  }
  EXPECT_THAT(drawn, ElementsAre(6, 3, 7, 4, 6, 9, 2, 6, 7, 4));
}

}  // namespace
}  // namespace gnomon
