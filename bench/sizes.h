// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gnomon/tensor/view.h"

namespace gnomon::bench {

// The projections of one block: from n_in to n_out numbers.
struct Projection {
  const char* name;
  Index n_in;
  Index n_out;
};

inline constexpr Projection kProjections[] = {
    {"gpt2 c_attn", 768, 2304},     {"gpt2 attn c_proj", 768, 768},   {"gpt2 c_fc", 768, 3072},
    {"gpt2 mlp c_proj", 3072, 768}, {"smollm2 q_proj", 576, 576},     {"smollm2 k_proj", 576, 192},
    {"smollm2 up_proj", 576, 1536}, {"smollm2 down_proj", 1536, 576},
};

// One token, one short text, a packed batch of short texts, a long text.
inline constexpr Index kRows[] = {1, 24, 256, 1024};

struct AttentionSize {
  const char* name;
  Index n_heads;
  Index n_kv_heads;
  Index d_head;
};

inline constexpr AttentionSize kAttentionSizes[] = {{"gpt2", 12, 12, 64}, {"smollm2", 9, 3, 64}};
inline constexpr Index kTextLengths[] = {24, 1024};

inline constexpr Index kGpt2Model = 768;
inline constexpr Index kGpt2Mlp = 3072;

}  // namespace gnomon::bench
