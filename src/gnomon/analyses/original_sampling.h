// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "gnomon/tensor/tensor.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// The random draws of the original study's libraries, so that what a run did not store can be made
// again from its seed. All are Mersenne Twister 19937 as std::mt19937 (Matsumoto and Nishimura
// 1998), which torch and NumPy's legacy generator seed alike.

inline constexpr std::uint32_t kOriginalSeed = 42;  // a constant of the original program

// torch.randperm(n) with a generator of that seed, for n below 2^32 / 20: for i from 0 to n - 2,
// element i changes places with element i + u32 mod (n - i). (aten/native/TensorFactories.cpp)
std::vector<Index> torch_permutation(Index n, std::uint32_t seed);

// What tensor.normal_(0, sd) of n float32 elements draws after n_skip draws of 32 bits: uniforms of
// 24 bits in blocks of 16, of which j and j + 8 make two normals by Box and Muller; a last block
// that is not full is drawn again as the last 16 elements (aten/native/cpu/DistributionTemplates.h,
// normal_fill). Torch computes in float32: elements agree to 2e-5 sd. Throws ArgumentError for
// fewer than 16 elements, which torch fills otherwise.
std::vector<double> torch_normal(Index n, double sd, std::uint32_t seed, Index n_skip);

// The weight [n_out, n_in] of a torch.nn.Linear made first after torch.manual_seed(seed) and then
// filled by normal_(0, sd): the layer's own initialisation takes n_out n_in + n_out draws before.
Tensor<double> torch_linear_normal(Index n_out, Index n_in, double sd, std::uint32_t seed);

// `n` times: a number below n_first, then one below n_second, as np.random.choice of two lists
// after np.random.seed(seed): the low bits of each draw, again until they are below the bound.
struct ChoicePair {
  Index first = 0;
  Index second = 0;
};
std::vector<ChoicePair> numpy_choice_pairs(Index n, Index n_first, Index n_second,
                                           std::uint32_t seed);

}  // namespace gnomon
